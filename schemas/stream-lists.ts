/** The streams of the connectors that ship, as they tell them of themselves. A tool's part: it may know the core and the plugins. */
import path from 'node:path'
import { createConnector, discoverPlugins } from '../core/host/index.ts'
import { inertContext } from '../core/inert-context.ts'
import type { JsonObject, JsonValue, Logger, StreamInfo } from '../core/sdk/index.ts'
import type { SettingSchema } from './vocabulary.ts'

/** One connector with what can be read from it. */
export interface StreamList { readonly plugin: string; readonly description: string; readonly streams: readonly StreamInfo[] }

const log: Logger = { debug() {}, info() {}, warn() {}, error() {}, child: () => log }

/** Asks each plugin that can be read for its streams. Throws where one fails to load: the page would lack it. */
export async function streamLists(): Promise<StreamList[]> {
  const { plugins, failures } = await discoverPlugins({ directories: [path.join(import.meta.dirname, '..', 'plugins')], log })
  const [failure] = failures
  if (failure) throw new Error(`the plugin ${failure.name} was not loaded: ${failure.reason}`)
  return [...plugins.values()].flatMap((loaded) => {
    const { source } = createConnector(loaded, inertContext(loaded.id, settingsLike(loaded.plugin.configSchema as SettingSchema)))
    return source ? [{ plugin: loaded.id, description: loaded.plugin.description, streams: source.streams() }] : []
  }).sort((one, other) => (one.plugin < other.plugin ? -1 : 1))
}

/** Settings that a connector accepts: it is asked for its streams alone, and calls nobody. */
function settingsLike(schema: SettingSchema): JsonObject {
  return Object.fromEntries(Object.entries(schema.properties ?? {}).map(([name, inner]) => [name, (inner.default ?? inner.examples?.[0] ?? 'example') as JsonValue]))
}
