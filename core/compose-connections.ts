import { createHash } from 'node:crypto';
import { Accounts, connectionSettings, createConnection, hostsOf, redisAccess, sharedRedis, type Connection, type Look, type Sealer, type SharedRedis } from './connection/index.ts';
import { createConnector, type CheckedConnection } from './host/index.ts';
import type { TimerClock } from './monitor/clock.ts';
import type { Events } from './monitor/events.ts';
import type { TdsMetrics } from './monitor/metrics/index.ts';
import type { Redactor } from './monitor/redact.ts';
import type { ConnectionAtWork } from './operations/check.ts';
import type { Project } from './project.ts';
import type { Connector, DatabaseAccess, JsonObject, Logger } from './sdk/index.ts';
import type { OpenedDatabase } from './store/open-database.ts';

/** What a connection is made of. */
export interface ConnectionParts {
  project: Project; log: Logger; redactor: Redactor; clock: TimerClock; opened: OpenedDatabase; looks: Look; sealer: Sealer; accounts: Accounts; events: Events; metrics: TdsMetrics;
  /** What nodes share besides the database; undefined where no Redis is configured. */
  redis: SharedRedis | undefined;
}

/** What nodes share besides the database; undefined where no Redis is configured. */
export async function openRedis({ env, log, redactor }: { env: Readonly<Record<string, string | undefined>>; log: Logger; redactor: Redactor }): Promise<SharedRedis | undefined> {
  const url = env['REDIS_URL'];
  if (!url) return undefined;
  redactor.add(url);
  for (const secret of [URL.parse(url)?.password ?? '', decodeURIComponent(URL.parse(url)?.password ?? '')]) redactor.add(secret);
  return sharedRedis(url, log);
}

/** The accounts at the remotes that the connections call by, with their limits. */
export function composeAccounts(project: Project, { redis, ...parts }: Pick<ConnectionParts, 'clock' | 'log' | 'redis'> & Pick<OpenedDatabase, 'pool'>): Accounts {
  const calls = [...project.connections.values()].map(({ id, loaded, settings }) => (
    { account: accountOf(loaded, settings, id), limits: connectionSettings(project.config?.connections[id], loaded.plugin.defaults).limits }));
  return new Accounts(calls, { ...parts, redis: redis && redisAccess(redis) });
}

/** The layer around every call of one connection. */
export function composeConnection({ id, loaded, settings }: CheckedConnection, parts: ConnectionParts): Connection {
  const { project, log, redactor, clock, opened, looks, sealer, accounts, events, metrics, redis } = parts;
  return createConnection({
    id, ...project.config?.connections[id], defaults: loaded.plugin.defaults, clock, log, pool: opened.pool, looks, sealer, signIn: loaded.plugin.signIn?.(settings), account: accounts.share(accountOf(loaded, settings, id)),
    allowedHosts: hostsOf(settings), onSecret: (secret) => redactor.add(secret), redact: (text) => redactor.text(text),
    ...(redis ? { redis: { shared: redis, namespace: createHash('sha256').update(`${opened.label}\0${project.config?.database.schema}`).digest('hex').slice(0, 12) } } : {}),
    onBreaker: ({ state, code }, from) => events.emit('breaker.changed', { connection: id, from, to: state, ...(code === undefined ? {} : { reason: code }) }),
    onDenied: ({ message, cure }) => events.emit('token.revoked', { connection: id, message: cure === undefined ? message : `${message} ${cure}` }),
    onQuotaPause: (pause) => events.emit('quota.paused', { connection: id, ...pause }),
    ...(project.config?.metrics.enabled ? { onCall: metrics.connections.called } : {}),
  });
}

/** What the plugin makes of a connection. Throws what the plugin throws. */
export function composeConnector({ id, loaded, settings }: CheckedConnection, { http, tokens, state, cache }: Connection, { log, clock, database }: Pick<ConnectionParts, 'log' | 'clock'> & { database: DatabaseAccess }): Connector {
  return createConnector(loaded, { connectionId: id, settings, http, tokens, state, cache, log: log.child({ connection: id }), clock, database: { transaction: (use) => database.transaction(use) } });
}

/** The account at the remote as the plugin tells it; a connection whose plugin tells none is an account of its own. */
function accountOf(loaded: CheckedConnection['loaded'], settings: JsonObject, id: string): string {
  return loaded.plugin.account?.(settings) ?? `connection:${id}`;
}

/** The connections as people and programs ask for them. */
export function connectionsAtWork(project: Project, connections: ReadonlyMap<string, Connection>, connectors: ReadonlyMap<string, Connector>): Map<string, ConnectionAtWork> {
  return new Map([...project.connections.values()].map(({ id, loaded }) => [id, {
    id, plugin: loaded.id, connector: connectors.get(id) as Connector, ...aboutRemote(connectors.get(id)?.source ? connections.get(id) : undefined),
  }]));
}

/** What a connection tells of the remote that it calls; nothing where it calls none. */
function aboutRemote(connection: Connection | undefined): Pick<ConnectionAtWork, 'remote' | 'quota' | 'resetBreaker' | 'clearCache'> {
  return {
    ...(connection ? { clearCache: () => connection.clearCache() } : {}),
    quota: async () => (await connection?.look())?.quota,
    resetBreaker: async () => (await connection?.resetBreaker()) ?? false,
    async remote() {
      if (!connection) return {};
      const { breaker, quota, signIn } = await connection.look();
      return { ...connection.status(), breaker, quota, signIn: signIn ?? null } as unknown as JsonObject;
    },
  };
}
