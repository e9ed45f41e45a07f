import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { checkAlertRules } from './alerts/check-rules.ts';
import { checkEntities, findingOf } from './check-entities.ts';
import { loadConfig, type Config, type Finding, type Secrets, type Sources } from './config/index.ts';
import { checkConnections, checkNotifiers, createConnector, discoverPlugins, type CheckedConnection, type CheckedNotifier, type Discovery } from './host/index.ts';
import { inertContext } from './inert-context.ts';
import type { PluginStatus } from './operations/operations.ts';
import type { Connector, Logger } from './sdk/index.ts';

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
  /** Reads and checks the same files again. */
  again?: () => Promise<Project>;
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
export async function loadProject(options: ProjectOptions): Promise<Project> {
  const { file, env, cwd, log } = options;
  const named = file ?? (env['TDS_CONFIG'] || 'tds.config.yaml');
  const loaded = loadConfig({ file: named, env, folder: cwd });
  const { outline, sources, config } = loaded;
  const discovery = await discoverPlugins({ directories: [path.join(projectRoot, 'plugins'), ...outline.pluginFolders], log });
  const checked = checkConnections(outline, discovery, sources);
  const { notifiers, findings: notifierFindings } = checkNotifiers(outline, discovery, sources);
  const findings = [...loaded.findings, ...checked.findings, ...notifierFindings, ...(config ? checkAlertRules(config, sources) : [])];
  const connectors = inertConnectors(checked.connections, sources, findings);
  findings.push(...checkEntities(outline.entities, { connectors, config, sources }));
  const plugins = pluginStatuses(discovery, [...outline.connections, ...outline.notifiers]);
  const failed = findings.some(({ severity }) => severity === 'error');
  return { file: named, ...(config && !failed ? { config } : {}), findings, plugins, connections: checked.connections, notifiers, secrets: sources.secrets, sources, files: sources.filePaths, again: () => loadProject(options) };
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
