/** Brings together what a config says of connections and what was found as plugins: the plugin gives the schema, the config the place. */
import { checkAgainstSchema, didYouMean, finding, type Finding, type Outline, type OutlineConnection, type Path, type SchemaCheck, type SettingSchema, type Sources } from '../config/index.ts';
import type { JsonObject, NotifierPlugin, Plugin } from '../sdk/index.ts';
import type { Discovery, LoadedPlugin, PluginFailure } from './discover.ts';

/** A connection whose plugin is there and whose settings fit. */
export interface CheckedConnection {
  readonly id: string;
  readonly loaded: LoadedPlugin;
  /** `with:` with defaults filled in and units turned into numbers. */
  readonly settings: JsonObject;
}

/** An entry of `notifiers` whose plugin is there and whose settings fit. */
export interface CheckedNotifier {
  readonly id: string;
  readonly loaded: LoadedPlugin<NotifierPlugin>;
  readonly settings: JsonObject;
}

/** What came of checking all connections. */
export interface ConnectionsCheck {
  /** Those without an error, by their name in the config. */
  readonly connections: ReadonlyMap<string, CheckedConnection>;
  readonly findings: readonly Finding[];
}

/**
 * Checks the settings of one connection against its plugin's schema; defaults filled in.
 * @param path where `with:` stands: `['connections', 'books', 'with']`
 */
export function checkSettings(plugin: Pick<Plugin | NotifierPlugin, 'configSchema'>, settings: unknown, path: Path, sources: Sources): SchemaCheck {
  return checkAgainstSchema(settings ?? {}, plugin.configSchema as SettingSchema, path, sources);
}

/** Finds each connection's plugin and checks its settings. All faults are told, not only the first. */
export function checkConnections(outline: Pick<Outline, 'connections'>, discovery: Discovery, sources: Sources): ConnectionsCheck {
  const { checked, findings } = checkUses(outline.connections, discovery.plugins, discovery, sources);
  return { connections: checked, findings };
}

/** The same for the entries of `notifiers`. */
export function checkNotifiers(outline: Pick<Outline, 'notifiers'>, discovery: Discovery, sources: Sources): { notifiers: ReadonlyMap<string, CheckedNotifier>; findings: readonly Finding[] } {
  const { checked, findings } = checkUses(outline.notifiers, discovery.notifiers, discovery, sources);
  return { notifiers: checked, findings };
}

function checkUses<P extends Plugin | NotifierPlugin>(uses: readonly OutlineConnection[], plugins: ReadonlyMap<string, LoadedPlugin<P>>, discovery: Discovery, sources: Sources): { checked: Map<string, { id: string; loaded: LoadedPlugin<P>; settings: JsonObject }>; findings: Finding[] } {
  const checked = new Map<string, { id: string; loaded: LoadedPlugin<P>; settings: JsonObject }>();
  const findings: Finding[] = [];
  for (const use of uses) {
    const loaded = plugins.get(use.plugin);
    if (!loaded) {
      findings.push(unknownPlugin(use, plugins, discovery, sources));
      continue;
    }
    const check = checkSettings(loaded.plugin, use.with, [...use.path, 'with'], sources);
    findings.push(...check.findings);
    if (check.findings.every(({ severity }) => severity === 'warning')) checked.set(use.id, { id: use.id, loaded, settings: check.value as JsonObject });
  }
  return { checked, findings };
}

function unknownPlugin({ plugin, path }: OutlineConnection, plugins: ReadonlyMap<string, unknown>, discovery: Discovery, sources: Sources): Finding {
  const at = [...path, 'plugin'];
  const { failures } = discovery;
  if (discovery.plugins.has(plugin) || discovery.notifiers.has(plugin)) {
    const kind = discovery.notifiers.has(plugin) ? ['a notifier', 'notifiers'] : ['a connector', 'connections'];
    return finding({ code: 'host.wrong_kind', message: `is ${kind[0]}`, suggestion: `name it under "${kind[1]}"` }, sources.locate(at), at);
  }
  const broken = failures.find((failure) => isMeant(failure, plugin));
  const fault = broken
    ? { code: 'host.broken_plugin', message: `names a plugin that was not loaded: ${broken.reason} (${placeOf(broken)})`, suggestion: broken.suggestion }
    : { code: 'host.unknown_plugin', message: `is not a plugin that was found`, suggestion: didYouMean(plugin, plugins.keys()) };
  return finding(fault, sources.locate(at), at);
}

/** A plugin that never told its id is known by its file's or folder's name. */
function isMeant(failure: PluginFailure, id: string): boolean {
  return failure.id === id || (failure.id === undefined && failure.name.replace(/\.[jt]s$/, '') === id);
}

function placeOf({ file, line }: PluginFailure): string {
  return line === undefined ? file : `${file}:${line}`;
}
