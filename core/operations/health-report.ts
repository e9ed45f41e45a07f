/** What is well, what is not, and what to do about it: all of TDS on one screen. */
import type { Config } from '../../schemas/index.ts';
import type { Database } from '../store/session.ts';
import { lastTurn, listAlerts, type Alert } from '../store/alerts.ts';
import { readFigures, type Figures } from '../store/figures.ts';
import type { ConnectionStatus, Health, PluginStatus } from './operations.ts';
import type { TaskStats } from '../queue/types.ts';

export type HealthState = 'ok' | 'warning' | 'bad';

export interface HealthItem {
  area: string;
  state: HealthState;
  /** One line. */
  text: string;
  /** The command or page that helps; null where nothing is to be done. */
  todo: string | null;
}

export interface HealthReport {
  /** The worst of its items. */
  state: HealthState;
  at: Date;
  items: HealthItem[];
}

export interface ReportDeps {
  config: Config;
  database: Database;
  plugins: readonly PluginStatus[];
  health: () => Promise<Health>;
  connections: () => Promise<ConnectionStatus[]>;
  jobs: () => Promise<TaskStats[]>;
  /** Entities that take messages. */
  hearing: () => readonly string[];
  /** Seconds since an entity should have been read again at the latest; below 0 there is time left. */
  overdue: (entity: string, read: { startedAt: Date; lastSeconds: number | null }, now: Date) => number;
}

const order: readonly HealthState[] = ['ok', 'warning', 'bad'];
const oldJobSeconds = 1800;
/** Alerts and entities that are named one by one. */
const mostNamed = 8;

/** Never throws: what can't be asked is an item. */
export async function healthReport(deps: ReportDeps): Promise<HealthReport> {
  const at = new Date();
  const items: HealthItem[] = [];
  const health = await deps.health();
  if (health.database === 'down') items.push(...health.reasons.map((text, at) => bad('database', at === 0 && health.fault !== undefined ? `${text}: ${health.fault}` : text, 'see that PostgreSQL runs, and TDS_DATABASE_URL')));
  else {
    items.push(health.reasons.length === 0 ? ok('database', 'answers, and takes writes') : bad('this process', health.reasons.join('; '), 'see the log'));
    try {
      const entities = Object.entries(deps.config.entities).filter(([, entity]) => entity.enabled).map(([id]) => id);
      const { reads } = deps.database;
      const [figures, turn, ...alerts] = await Promise.all([readFigures(reads, entities), lastTurn(reads), ...(['firing', 'acknowledged'] as const).map((state) => listAlerts(reads, { state, limit: 100 }))]);
      items.push(...nodes(figures), ...queue(await deps.jobs()), ...entitiesOf(figures, deps.overdue), ...schedules(figures), ...letters(figures), ...webhooks(figures, deps.hearing()), ...healing(figures), ...alertsOf(alerts.flat()), ...unwatched(figures, deps.config, turn), ...unmeasured(deps.config), ...notifiers(figures, deps.config), ...connections(await deps.connections()));
    } catch (error) {
      items.push(bad('database', `could not be asked: ${(error as Error).message}`, 'see the log'));
    }
  }
  items.push(...deps.plugins.filter(({ failure }) => failure).map(({ id, failure }) => bad('plugins', `${id} failed to load: ${failure?.reason ?? ''}`, 'tds plugins')));
  const state = items.reduce<HealthState>((worst, one) => (order.indexOf(one.state) > order.indexOf(worst) ? one.state : worst), 'ok');
  return { state, at, items };
}

function nodes({ nodes: count, schedulers, apis }: Figures): HealthItem[] {
  const missing = [
    ...(count === 0 ? [bad('nodes', 'none takes jobs: nothing is synced', 'tds start')] : []),
    ...(count > 0 && schedulers === 0 ? [bad('nodes', 'none has the role scheduler: schedules stand still, and nothing is healed', 'tds start --roles scheduler')] : []),
    ...(count > 0 && apis === 0 ? [warning('nodes', 'none has the role api: nobody is answered, and messages of services are not taken', 'tds start --roles api')] : []),
  ];
  return missing.length > 0 ? missing : [ok('nodes', `${count} at work`)];
}

function queue(tasks: readonly TaskStats[]): HealthItem[] {
  const sum = (name: 'waiting' | 'later' | 'running'): number => tasks.reduce((all, task) => all + task[name], 0);
  const oldest = Math.max(0, ...tasks.map(({ oldestSeconds }) => oldestSeconds));
  const text = `${sum('running')} jobs running, ${sum('waiting')} waiting, ${sum('later')} for later`;
  return [oldest > oldJobSeconds ? warning('queue', `${text}; the oldest has waited ${lasted(oldest)}`, 'tds status') : ok('queue', text)];
}

function entitiesOf({ entities, at }: Figures, overdue: ReportDeps['overdue']): HealthItem[] {
  const failed = entities.filter(({ lastState }) => lastState === 'failed');
  const old = entities.filter((one) => !failed.includes(one) && one.ageSeconds !== null && overdue(one.entity, { startedAt: new Date(at.getTime() - one.ageSeconds * 1000), lastSeconds: one.lastSeconds }, at) > 0);
  const never = entities.filter((one) => !failed.includes(one) && one.ageSeconds === null);
  const well = entities.length - failed.length - old.length - never.length;
  return [
    ...(well > 0 ? [ok('entities', `${well} of ${entities.length} fresh`)] : []),
    ...failed.slice(0, mostNamed).map(({ entity }) => bad('entities', `the last run of ${entity} failed`, `tds runs --entity ${entity}`)),
    ...(failed.length > mostNamed ? [bad('entities', `and that of ${failed.length - mostNamed} more`, 'tds runs --status failed')] : []),
    ...old.slice(0, mostNamed).map(({ entity, ageSeconds }) => warning('entities', `${entity} was read ${lasted(ageSeconds ?? 0)} ago, which is too long by its schedules`, `tds runs --entity ${entity}`)),
    ...(old.length > mostNamed ? [warning('entities', `and so were ${old.length - mostNamed} more`, 'tds status')] : []),
    ...(never.length > 0 ? [warning('entities', `never read: ${named(never.map(({ entity }) => entity))}`, 'tds sync')] : []),
  ];
}

function schedules({ resting }: Figures): HealthItem[] {
  return [
    ...resting.slice(0, mostNamed).map((id) => warning('schedules', `${id} failed so often that it rests until a person resumes it`, `tds schedules resume ${id}`)),
    ...(resting.length > mostNamed ? [warning('schedules', `and so do ${resting.length - mostNamed} more`, 'tds schedules')] : []),
  ];
}

function letters({ deadLetters }: Figures): HealthItem[] {
  const open = deadLetters.reduce((sum, one) => sum + one.open, 0);
  return [open === 0 ? ok('dead letters', 'none') : warning('dead letters', `${open} open: ${named(deadLetters.toSorted((a, b) => b.open - a.open).map(({ entity, open: count }) => `${entity || 'jobs'} ${count}`))}`, 'tds dead-letters groups')];
}

/** What never arrives can't be missed by its own count. */
function webhooks({ inbox, untaken }: Figures, hearing: readonly string[]): HealthItem[] {
  const refused = untaken.map(({ entity, refused: count }) => warning('webhooks', `${count} of ${entity} were refused within a day, and none was taken`, 'tds webhooks stats, then tds webhooks urls'));
  if (hearing.length === 0 || refused.length > 0) return refused;
  const told = hearing.filter((id) => inbox.some(({ entity }) => entity === id)).length;
  return [told === 0 ? warning('webhooks', `none has ever come, for none of ${hearing.length} entities`, 'tds webhooks urls') : ok('webhooks', `${told} of ${hearing.length} entities have been told of changes`)];
}

function healing({ healing: rules }: Figures): HealthItem[] {
  const waiting = rules.filter((rule) => rule.waiting > 0);
  return waiting.length === 0 ? [ok('healing', 'nothing waits for a person')] : [warning('healing', `gave up on ${named(waiting.map(({ rule, waiting: count }) => `${count} of ${rule}`))}`, 'tds healing --outcome told')];
}

function alertsOf(firing: readonly Alert[]): HealthItem[] {
  if (firing.length === 0) return [ok('alerts', 'none fires')];
  const more = firing.length > mostNamed ? [warning('alerts', `and ${firing.length - mostNamed} more`, 'tds alerts list')] : [];
  return [...firing.slice(0, mostNamed).map(({ severity, summary, help, state }): HealthItem => ({ area: 'alerts', state: severity === 'critical' ? 'bad' : 'warning', text: `${summary}${state === 'acknowledged' ? ' (acknowledged)' : ''}`, todo: help })), ...more];
}

/** Nodes are there, and nobody evaluates: what fires is not told, and what is over is not seen. */
function unwatched({ at, nodes: count }: Figures, { alerts }: Config, turn: Date | undefined): HealthItem[] {
  const silentMs = turn === undefined ? 0 : at.getTime() - turn.getTime();
  if (!alerts.enabled || count === 0 || silentMs <= Math.max(60_000, alerts.every * 6)) return [];
  return [bad('alerts', `the rules were last looked at ${lasted(silentMs / 1000)} ago`, 'see the log of the nodes')];
}

/** Without metrics a rule on a figure sees nothing, and says nothing. */
function unmeasured({ alerts, metrics }: Config): HealthItem[] {
  return alerts.enabled && !metrics.enabled ? [warning('alerts', 'metrics are switched off, so no rule on a figure can fire: only those on events are at work', 'metrics.enabled in the config')] : [];
}

function notifiers({ notifiers: states }: Figures, config: Config): HealthItem[] {
  const ids = Object.keys(config.notifiers);
  if (!config.alerts.enabled) return [warning('notifiers', 'alerts are switched off', 'alerts.enabled in the config')];
  if (ids.length === 0) return [warning('notifiers', 'there is none: alerts reach the log and this list alone', 'declare one under notifiers')];
  const failing = states.filter(({ notifier, failing: count }) => count > 0 && ids.includes(notifier));
  return failing.length === 0 ? [ok('notifiers', named(ids))] : failing.map(({ notifier, failing: count }) => bad('notifiers', `${notifier}: ${count === 1 ? 'the last attempt' : `${count} attempts in a row`} failed`, `tds alerts test ${notifier}`));
}

function connections(all: readonly ConnectionStatus[]): HealthItem[] {
  const remotes = all.filter(({ remote }) => 'breaker' in remote);
  const found = remotes.flatMap(({ id, remote }) => {
    const { breaker, quota, signIn } = remote as { breaker?: { state?: string }; quota?: { used?: number; limit?: number }; signIn?: unknown };
    const items: HealthItem[] = [];
    if (signIn) items.push(bad('connections', `the sign-in of ${id} was refused for good: a person has to renew it`, `tds check ${id}`));
    if (breaker?.state !== undefined && breaker.state !== 'closed') items.push(bad('connections', `${id} rests: its calls kept failing`, `tds check ${id}`));
    if (quota?.limit !== undefined && (quota.used ?? 0) >= quota.limit) items.push(warning('connections', `${id}: the calls of the day are used up`, 'tds status'));
    return items;
  });
  return found.length > 0 || remotes.length === 0 ? found : [ok('connections', named(remotes.map(({ id }) => id)))];
}

const ok = (area: string, text: string): HealthItem => ({ area, state: 'ok', text, todo: null });
const warning = (area: string, text: string, todo: string): HealthItem => ({ area, state: 'warning', text, todo });
const bad = (area: string, text: string, todo: string): HealthItem => ({ area, state: 'bad', text, todo });

function named(names: readonly string[]): string {
  return names.length > mostNamed ? `${names.slice(0, mostNamed).join(', ')} and ${names.length - mostNamed} more` : names.join(', ');
}

function lasted(seconds: number): string {
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86_400)} days`;
}
