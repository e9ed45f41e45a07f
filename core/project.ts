import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { checkAlertRules } from './alerts/check-rules.ts';
import { didYouMean, finding, loadConfig, suggest, type Config, type Finding, type OutlineEntity, type Path, type Secrets, type Sources } from './config/index.ts';
import { checkConnections, checkNotifiers, createConnector, discoverPlugins, type CheckedConnection, type CheckedNotifier, type Discovery } from './host/index.ts';
import { inertContext } from './inert-context.ts';
import type { PluginStatus } from './operations/operations.ts';
import { compileMapping } from './pipeline/mapping/index.ts';
import { isTdsError, type Connector, type JsonObject, type Logger, type StreamInfo } from './sdk/index.ts';

/** A config with its plugins, checked as far as no database and no remote is needed. */
export interface Project {
  /** The config file as it was named. */
  file: string;
  /** Absent when any finding is an error. */
  config?: Config;
  findings: readonly Finding[];
  /** Plugins that were found, those that failed to load among them. */
  plugins: readonly PluginStatus[];
  /** Connections whose plugin is there and whose settings fit, by id. */
  connections: ReadonlyMap<string, CheckedConnection>;
  /** Notifiers likewise. */
  notifiers: ReadonlyMap<string, CheckedNotifier>;
  secrets: Secrets;
  /** Where each setting stands, for findings that are made later. */
  sources: Sources;
  /** Absolute paths of the files that were read, for who wants to watch them. */
  files: readonly string[];
}

export interface ProjectOptions {
  /** Default: `TDS_CONFIG`, else `tds.config.yaml`. */
  file?: string;
  env: Readonly<Record<string, string | undefined>>;
  /** What a relative file starts from. */
  cwd: string;
  log: Logger;
}

/** Where TDS itself lies: `plugins/` beside `core/` is always searched. */
export const projectRoot = fileURLToPath(new URL('..', import.meta.url));

/** Reads and checks everything that files alone can tell. Never throws for what they hold: that is what the findings are for. */
export async function loadProject({ file, env, cwd, log }: ProjectOptions): Promise<Project> {
  const named = file ?? (env['TDS_CONFIG'] || 'tds.config.yaml');
  const loaded = loadConfig({ file: named, env, folder: cwd });
  const { outline, sources, config } = loaded;
  const discovery = await discoverPlugins({ directories: [path.join(projectRoot, 'plugins'), ...outline.pluginFolders], log });
  const checked = checkConnections(outline, discovery, sources);
  const { notifiers, findings: notifierFindings } = checkNotifiers(outline, discovery, sources);
  const findings = [...loaded.findings, ...checked.findings, ...notifierFindings, ...(config ? checkAlertRules(config, sources) : [])];
  const connectors = inertConnectors(checked.connections, sources, findings);
  for (const entity of outline.entities) findings.push(...checkEntity(entity, connectors, config, sources));
  const plugins = pluginStatuses(discovery, [...outline.connections, ...outline.notifiers]);
  const failed = findings.some(({ severity }) => severity === 'error');
  return { file: named, ...(config && !failed ? { config } : {}), findings, plugins, connections: checked.connections, notifiers, secrets: sources.secrets, sources, files: sources.filePaths };
}

/** Connectors that can tell their streams and nothing else: `create` does no I/O by contract. */
function inertConnectors(connections: ReadonlyMap<string, CheckedConnection>, sources: Sources, findings: Finding[]): Map<string, Connector> {
  const connectors = new Map<string, Connector>();
  for (const { id, loaded, settings } of connections.values()) {
    try {
      connectors.set(id, createConnector(loaded, inertContext(id, settings)));
    } catch (error) {
      findings.push(findingOf(error, ['connections', id, 'with'], sources));
    }
  }
  return connectors;
}

function checkEntity(entity: OutlineEntity, connectors: ReadonlyMap<string, Connector>, config: Config | undefined, sources: Sources): Finding[] {
  const found: Finding[] = [];
  const stream = describeStream(entity, connectors, sources, found);
  const entityConfig = config?.entities[entity.id];
  if (!entityConfig) return found;
  const target = connectors.get(entityConfig.to.connection);
  if (target && !target.destination) {
    found.push(finding({ code: 'host.not_a_destination', message: `names a connection that can't be written to`, suggestion: 'name one whose plugin is a destination, such as a PostgreSQL' }, sources.locate([...entity.path, 'to', 'connection']), [...entity.path, 'to', 'connection']));
  }
  try {
    compileMapping(entityConfig, stream?.fields ? { fields: stream.fields } : {});
  } catch (error) {
    found.push(findingOf(error, entity.path, sources));
  }
  if (stream) found.push(...checkPaths(entity, entityConfig.fields, stream, sources));
  return found;
}

function describeStream(entity: OutlineEntity, connectors: ReadonlyMap<string, Connector>, sources: Sources, found: Finding[]): StreamInfo | undefined {
  const connector = connectors.get(entity.connection);
  if (!connector) return undefined; // told already, at the connection
  const at = [...entity.path, 'from'];
  if (!connector.source) {
    found.push(finding({ code: 'host.not_a_source', message: `names a connection that can't be read`, suggestion: 'name one whose plugin is a source' }, sources.locate([...at, 'connection']), [...at, 'connection']));
    return undefined;
  }
  const names = connector.source.streams().map((stream) => stream.name);
  try {
    return connector.source.describe(entity.stream, entity.with as JsonObject);
  } catch (error) {
    const isUnknown = !names.includes(entity.stream) && Object.keys(entity.with as object).length === 0;
    const spot = [...at, isUnknown || !sources.has([...at, 'with']) ? 'stream' : 'with'];
    found.push(isUnknown
      ? finding({ code: 'host.unknown_stream', message: `is not a stream of "${entity.connection}"`, suggestion: didYouMean(entity.stream, names) ?? `it has: ${names.join(', ')}` }, sources.locate(spot), spot)
      : findingOf(error, spot, sources));
    return undefined;
  }
}

/** A path that the stream isn't known to carry may still exist on the wire, so it is a warning, and only where a near name is known. */
function checkPaths(entity: OutlineEntity, fields: Config['entities'][string]['fields'], stream: StreamInfo, sources: Sources): Finding[] {
  const known = new Set((stream.fields ?? []).map((field) => field.path));
  if (known.size === 0) return [];
  return Object.entries(fields).flatMap(([column, field]) => {
    const wanted = field.from;
    if (wanted === undefined || wanted.includes('.') || known.has(wanted) || wanted === stream.modified || wanted.startsWith('cf_')) return [];
    const near = suggest(wanted, known);
    if (near === undefined) return [];
    const at = [...entity.path, 'fields', column];
    return [finding({ severity: 'warning', code: 'host.unknown_path', message: `reads "${wanted}", which "${stream.name}" is not known to carry`, suggestion: `did you mean "${near}"?` }, sources.locate(at), at)];
  });
}

function findingOf(error: unknown, at: Path, sources: Sources): Finding {
  const told = isTdsError(error) ? error : undefined;
  return finding({ code: told?.code ?? 'host.create_failed', message: `is not possible: ${sources.secrets.mask(error instanceof Error ? error.message : String(error))}`, suggestion: told?.suggestion && sources.secrets.mask(told.suggestion) }, sources.locate(at), at);
}

function pluginStatuses({ plugins, notifiers, failures }: Discovery, connections: readonly { id: string; plugin: string }[]): PluginStatus[] {
  const users = (id: string): string[] => connections.filter(({ plugin }) => plugin === id).map((connection) => connection.id);
  const shown = (file: string): string => {
    const relative = path.relative(projectRoot, file);
    return relative.startsWith('..') ? file : relative;
  };
  return [
    ...[...plugins.values(), ...notifiers.values()].map(({ id, plugin, file }) => ({ id, version: plugin.version, description: plugin.description, file: shown(file), connections: users(id) })),
    ...failures.map((failure) => ({
      id: failure.id ?? failure.name, version: '', description: '', file: shown(failure.file), connections: users(failure.id ?? failure.name),
      failure: { code: failure.code, reason: `${failure.reason}; ${failure.suggestion}` },
    })),
  ];
}
