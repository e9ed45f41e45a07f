/**
 * A changed config at run time: checked first, then in force from the next run and the next planned time on. Schedules, entities and how
 * long things are kept change at once; work under way goes on with the entity that it began with. What connections, plugins, the database
 * and the API are made of is held open by the process, so it is told as needing a restart, and what hangs on it stays as it was.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Config } from './config/index.ts';
import { buildEntities } from './entities.ts';
import type { Events } from './monitor/events.ts';
import { OperationError } from './operations/errors.ts';
import type { Differences, ReloadReport } from './operations/reload.ts';
import type { Entity } from './pipeline/entity.ts';
import type { Project } from './project.ts';
import type { Connector, Logger } from './sdk/index.ts';

/** The config in force, which all that may change at run time asks for. */
export interface LiveConfig { current: Config; /** Which settings of the config that was read last are secret. */ secrets: Project['secrets'] }

export interface ReloadDeps {
  live: LiveConfig;
  project: Project;
  /** Those that runs look up; its content is exchanged. */
  entities: Map<string, Entity>;
  connectors: ReadonlyMap<string, Connector>;
  /** Goes on by the config in force: schedules, messages. */
  takeUp: () => void;
  onSecret: (secret: string) => void;
  log: Logger;
  events: Events;
}

export interface Reloader {
  /** Reads the files again and takes over what can be taken over. One at a time. @throws OperationError `operation.no_reload` */
  reload(): Promise<ReloadReport>;
  /** The files that the config in force was read from, or the ones that were tried last. */
  files(): readonly string[];
}

export function createReloader(deps: ReloadDeps): Reloader {
  let files = deps.project.files;
  let turn: Promise<unknown> = Promise.resolve();
  const once = async (): Promise<ReloadReport> => {
    if (!deps.project.again) throw new OperationError('operation.no_reload', 'this process was not started from config files');
    const project = await deps.project.again();
    for (const secret of project.secrets.values) deps.onSecret(secret);
    files = project.files.length > 0 ? project.files : files;
    return takeOver(deps, project);
  };
  return {
    files: () => files,
    reload() {
      const report = turn.then(once);
      turn = report.catch(() => undefined);
      return report;
    },
  };
}

function takeOver({ live, project, entities, connectors, takeUp, log, events }: ReloadDeps, { config: wanted, findings, file, secrets }: Project): ReloadReport {
  const none: Differences = { added: [], removed: [], changed: [] };
  if (!wanted) {
    const errors = findings.filter(({ severity }) => severity === 'error');
    log.warn('the changed config has errors and is not taken over; the one before stays in force', { file, errors: errors.length, first: errors[0] && `${errors[0].file}:${errors[0].line} ${errors[0].message}` });
    events.emit('config.refused', { errors: errors.length });
    return { applied: false, findings, schedules: none, entities: none, needsRestart: [] };
  }
  const before = live.current;
  const { config, needsRestart } = merged(before, wanted);
  const built = buildEntities(config, connectors, project.connections); // it throws before anything has changed, if at all
  live.current = config;
  live.secrets = secrets;
  entities.clear();
  for (const [id, entity] of built) entities.set(id, entity);
  takeUp();
  const report: ReloadReport = { applied: true, findings, schedules: differences(before.schedules, config.schedules), entities: differences(before.entities, config.entities), needsRestart };
  if (changesOf(report) > 0) {
    log.info('the changed config is in force', { file, schedules: report.schedules, entities: report.entities, needsRestart });
    events.emit('config.reloaded', { schedules: report.schedules, entities: report.entities, needsRestart });
  }
  return report;
}

/** How many things a reload found changed. */
export function changesOf({ schedules, entities, needsRestart }: ReloadReport): number {
  return [schedules, entities].reduce((sum, { added, removed, changed }) => sum + added.length + removed.length + changed.length, needsRestart.length);
}

/** The wanted config as far as it can be had now, and what of it can not. */
function merged(before: Config, wanted: Config): { config: Config; needsRestart: string[] } {
  const needsRestart: string[] = (['database', 'api', 'plugins', 'metrics', 'tracing', 'alerts', 'notifiers'] as const).filter((name) => !isDeepStrictEqual(before[name], wanted[name]));
  for (const name of Object.keys(before.policies) as (keyof Config['policies'])[]) if (name !== 'retention' && !isDeepStrictEqual(before.policies[name], wanted.policies[name])) needsRestart.push(`policies.${name}`);
  const connections = differences(before.connections, wanted.connections);
  const held = new Set([...connections.added, ...connections.removed, ...connections.changed]);
  needsRestart.push(...[...held].map((id) => `connections.${id}`));
  const entities: Record<string, Config['entities'][string]> = {};
  for (const [id, entity] of Object.entries(wanted.entities)) {
    const old = before.entities[id];
    const hangs = [entity.from.connection, entity.to.connection].some((connection) => held.has(connection));
    if (!hangs || isDeepStrictEqual(old, entity)) entities[id] = entity;
    else {
      needsRestart.push(`entities.${id}`);
      if (old) entities[id] = old;
    }
  }
  const schedules = Object.fromEntries(Object.entries(wanted.schedules).map(([id, schedule]) => [id, { ...schedule, entities: schedule.entities.filter((entity) => Object.hasOwn(entities, entity)) }]));
  return { config: { ...before, timezone: wanted.timezone, schedules, entities, policies: { ...before.policies, retention: wanted.policies.retention } }, needsRestart };
}

function differences(before: Readonly<Record<string, unknown>>, after: Readonly<Record<string, unknown>>): Differences {
  return {
    added: Object.keys(after).filter((id) => !Object.hasOwn(before, id)), removed: Object.keys(before).filter((id) => !Object.hasOwn(after, id)),
    changed: Object.keys(after).filter((id) => Object.hasOwn(before, id) && !isDeepStrictEqual(before[id], after[id])),
  };
}
