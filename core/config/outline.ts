import type { Path } from './finding.ts'
import { isMap } from './shape.ts'

/**
 * What the plugin host needs to know of a config, as far as the config tells: it is there even when the config has
 * faults, so that the faults that only plugins can see are told together with the others.
 */
export interface Outline {
  /** Absolute folders from `plugins`. */
  readonly pluginFolders: readonly string[]
  readonly connections: readonly OutlineConnection[]
  readonly entities: readonly OutlineEntity[]
  /** Uses of notifier plugins, in the same form as connections. */
  readonly notifiers: readonly OutlineConnection[]
}

export interface OutlineConnection {
  readonly id: string
  readonly plugin: string
  /** The plugin's own settings as written, for `checkAgainstSchema`. */
  readonly with: unknown
  /** The path of the connection; its settings stand at `[...path, 'with']`, the plugin's id at `[...path, 'plugin']`. */
  readonly path: Path
}

export interface OutlineEntity {
  readonly id: string
  readonly connection: string
  readonly stream: string
  /** The stream's own settings as written, for `checkAgainstSchema`. */
  readonly with: unknown
  /** The path of the entity; the stream's id stands at `[...path, 'from', 'stream']`, its settings at `[...path, 'from', 'with']`. */
  readonly path: Path
}

export function outlineOf(config: unknown): Outline {
  const folders = isMap(config) && Array.isArray(config['plugins']) ? (config['plugins'] as unknown[]) : []
  const uses = (section: string): OutlineConnection[] => entries(config, section).flatMap(([id, value]) => {
    const plugin = value['plugin']
    return typeof plugin === 'string' && plugin !== '' ? [{ id, plugin, with: value['with'] ?? {}, path: [section, id] }] : []
  })
  const entities = entries(config, 'entities').flatMap(([id, value]) => {
    const from = isMap(value['from']) ? value['from'] : {}
    const { connection, stream } = from
    return typeof connection === 'string' && typeof stream === 'string' ? [{ id, connection, stream, with: from['with'] ?? {}, path: ['entities', id] }] : []
  })
  return { pluginFolders: folders.filter((one): one is string => typeof one === 'string'), connections: uses('connections'), entities, notifiers: uses('notifiers') }
}

function entries(config: unknown, section: string): [string, Record<string, unknown>][] {
  const inside = isMap(config) ? config[section] : undefined
  return isMap(inside) ? Object.entries(inside).filter((entry): entry is [string, Record<string, unknown>] => isMap(entry[1])) : []
}
