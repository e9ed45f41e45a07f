/** Finds the plugins of some directories and loads them. One that fails is told by name and reason; the others load all the same. */
import { setTimeout as delay } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import type { Logger, NotifierPlugin, Plugin } from '../sdk/index.ts';
import { findCandidates, type Candidate } from './candidates.ts';
import { cureOf, type HostCode } from './codes.ts';
import { explainImportError } from './load-error.ts';
import { checkShape } from './plugin-shape.ts';
import { installSdkResolution } from './resolve-sdk.ts';

/** A plugin that is ready for use. */
export interface LoadedPlugin<P extends Plugin | NotifierPlugin = Plugin> {
  readonly id: string;
  readonly plugin: P;
  /** The file that was imported. */
  readonly file: string;
}

type AnyPlugin = LoadedPlugin | LoadedPlugin<NotifierPlugin>;

/** Something that is meant as a plugin and can't be used. */
export interface PluginFailure {
  readonly code: HostCode;
  /** The file's or folder's name, or the directory's path. */
  readonly name: string;
  /** The plugin's id, where it got as far as telling it. */
  readonly id?: string;
  /** Where to look. */
  readonly file: string;
  readonly line?: number;
  readonly column?: number;
  /** What is wrong, one line. */
  readonly reason: string;
  readonly suggestion: string;
  readonly cause?: unknown;
}

/** What was found. */
export interface Discovery {
  /** Connectors by id, in the order of finding. */
  readonly plugins: ReadonlyMap<string, LoadedPlugin>;
  /** Notifiers likewise. No connector has the id of one. */
  readonly notifiers: ReadonlyMap<string, LoadedPlugin<NotifierPlugin>>;
  readonly failures: readonly PluginFailure[];
}

/** Where to look, and how long to wait for one plugin. */
export interface DiscoverOptions {
  /** Absolute paths, in order: of two plugins with one id the first is used. */
  readonly directories: readonly string[];
  readonly log: Logger;
  /** How long a plugin's import may take, in milliseconds. Default 5,000. */
  readonly importTimeoutMs?: number;
}

/** Loads everything that is meant as a plugin. Never throws. */
export async function discoverPlugins({ directories, log, importTimeoutMs = 5000 }: DiscoverOptions): Promise<Discovery> {
  installSdkResolution(directories);
  const all = new Map<string, AnyPlugin>();
  const failures: PluginFailure[] = [];
  const found = await Promise.all([...new Set(directories)].map((directory) => loadDirectory(directory, importTimeoutMs)));
  for (const result of found.flat()) {
    const first = 'plugin' in result ? all.get(result.id) : undefined;
    if (!('plugin' in result)) failures.push(result);
    else if (first) failures.push(duplicate(result, first));
    else all.set(result.id, result);
  }
  for (const failure of failures) log.warn(`plugin ${failure.name} was not loaded: ${failure.reason}`, { code: failure.code, file: failure.file, line: failure.line });
  log.debug('plugins loaded', { ids: [...all.keys()] });
  const ofKind = <P extends AnyPlugin>(kind: string): Map<string, P> => new Map([...all].filter((entry): entry is [string, P] => entry[1].plugin.kind === kind));
  return { plugins: ofKind<LoadedPlugin>('connector'), notifiers: ofKind<LoadedPlugin<NotifierPlugin>>('notifier'), failures };
}

/** `path:line:column reason; suggestion (code)`, as findings of the config are shown. */
export function renderFailure(failure: PluginFailure): string {
  const place = [failure.file, failure.line, failure.column].filter((part) => part !== undefined).join(':');
  return `${place} plugin ${failure.id ?? failure.name} was not loaded: ${failure.reason}; ${failure.suggestion} (${failure.code})`;
}

async function loadDirectory(directory: string, timeoutMs: number): Promise<(AnyPlugin | PluginFailure)[]> {
  try {
    const candidates = await findCandidates(directory);
    return await Promise.all(candidates.map((candidate) => load(candidate, timeoutMs)));
  } catch (cause) {
    return [{ ...failed('host.no_directory', directory, directory, cause instanceof Error ? cause.message : String(cause)), cause }];
  }
}

async function load({ name, place, file }: Candidate, timeoutMs: number): Promise<AnyPlugin | PluginFailure> {
  if (file === undefined) return failed('host.no_entry', name, place, 'the folder has no plugin.ts, plugin.js, index.ts, index.js or package.json that names its entry');
  let exported: unknown;
  try {
    const module = await importWithin(file, timeoutMs);
    if (module === 'timeout') return failed('host.import_timeout', name, file, `loading it did not end within ${timeoutMs / 1000} s`);
    exported = defaultOf(module);
  } catch (cause) {
    const { code, reason, ...where } = await explainImportError(cause, file, place);
    return { ...failed(code, name, file, reason), ...where, cause };
  }
  const checked = checkShape(exported);
  if ('plugin' in checked) return { id: checked.plugin.id, plugin: checked.plugin, file } as AnyPlugin;
  const id = (exported as { id?: unknown } | undefined | null)?.id;
  return { ...failed(checked.fault.code, name, file, checked.fault.reason), ...(typeof id === 'string' ? { id } : {}) };
}

async function importWithin(file: string, timeoutMs: number): Promise<Record<string, unknown> | 'timeout'> {
  const done = new AbortController();
  try {
    // Not unref'd: with nothing else to wait for, Node would end the process in the middle of an endless await.
    const timeout = delay(timeoutMs, 'timeout' as const, { signal: done.signal });
    timeout.catch(() => undefined);
    return await Promise.race([import(pathToFileURL(file).href) as Promise<Record<string, unknown>>, timeout]);
  } finally {
    done.abort();
  }
}

/** CommonJS that was compiled from an ES module carries its default one level down. */
function defaultOf(module: Record<string, unknown>): unknown {
  const exported = module['default'];
  const isWrapped = typeof exported === 'object' && exported !== null && '__esModule' in exported && 'default' in exported;
  return isWrapped ? exported.default : exported;
}

function failed(code: HostCode, name: string, file: string, reason: string): PluginFailure {
  return { code, name, file, reason, suggestion: cureOf(code) };
}

function duplicate(second: AnyPlugin, first: AnyPlugin): PluginFailure {
  return { ...failed('host.duplicate_plugin', second.id, second.file, `${first.file} has the id ${JSON.stringify(second.id)} too, and was found first`), id: second.id };
}
