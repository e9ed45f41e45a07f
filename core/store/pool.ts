/**
 * Connections to PostgreSQL.
 *
 * What a column arrives as: `int8` and `numeric` as string, so that no digit is lost (`toCount` for counts); `timestamptz` as Date,
 * which has milliseconds while PostgreSQL has microseconds, so compare times in SQL, or select `::text` to carry one on exactly;
 * `date` and `timestamp` as string, as the zone of this machine has no say in them; `json` and `jsonb` parsed (select `::text` where
 * a number in it may be longer than a double).
 */
import type { Socket } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as pause } from 'node:timers/promises';
import type pg from 'pg';
import { Client, Pool as PgPool, types as pgTypes } from 'pg';
import { from as copyStream } from 'pg-copy-streams';
import { joined } from './copy-bytes.ts';
import { databaseErrorKind } from './errors.ts';
import { endForsaken, NumberedClient } from './sessions.ts';
import { quoteIdentifier } from './sql.ts';

export type Pool = pg.Pool;
export type PoolClient = pg.PoolClient;
/** Whatever can run a query: a pool, a client of it, a client of its own. */
export type Queryable = Pick<pg.ClientBase, 'query'>;

export interface PoolOptions {
  /** `postgres://…`. PgBouncer only in session mode, with `ignore_startup_parameters = extra_float_digits,options,statement_timeout,idle_in_transaction_session_timeout`. */
  readonly url: string;
  /** The schema that unqualified names mean (`search_path` holds it alone). Default: the server's setting. */
  readonly schema?: string;
  /** Connections at most. Default 10. */
  readonly max?: number;
  /** Its transactions may change nothing. */
  readonly readOnly?: boolean;
  /** Shown in pg_stat_activity. Default `tds`. */
  readonly applicationName?: string;
  /** No other process uses this `applicationName`: each connection's gets a number, and the sessions of connections that were given up are ended at the server. */
  readonly exclusive?: boolean;
  /** The server cancels a statement after this many ms; 0: never. Default 60,000. */
  readonly statementTimeout?: number;
  /** The client gives a connection up that hasn't answered after this many ms (a black-holed one never would). Default: statementTimeout + 5,000. */
  readonly queryTimeout?: number;
  /** The server ends a transaction that has waited on its client for this many ms, so that a lost client's locks are freed. Default 120,000. */
  readonly idleInTransactionTimeout?: number;
  /** ms to wait for a connection. Default 10,000. */
  readonly connectTimeout?: number;
  /** ms after which an unused connection is closed. Default 30,000. */
  readonly idleTimeout?: number;
  /** Seconds after which a connection is replaced when it comes back. Default: never. */
  readonly maxLifetime?: number;
  /** Told of the errors of idle connections (server restarted). They need no act: the pool makes new ones. */
  readonly onError?: (error: Error) => void;
}

const keptAsText = new Set<number>([pgTypes.builtins.DATE, pgTypes.builtins.TIMESTAMP]);
const types = {
  getTypeParser: ((oid: number, format?: 'text' | 'binary') =>
    keptAsText.has(oid) && format !== 'binary' ? (text: string) => text : pgTypes.getTypeParser(oid, format)) as typeof pgTypes.getTypeParser,
};
const madeWith = new WeakMap<Pool, PoolOptions>();
const connectionsOf = new WeakMap<Pool, Set<PoolClient>>();
const ending = new WeakMap<Pool, { again: boolean }>();
const endingMs = 3_000;

/** Makes a pool that outlives restarts of the server. Connects at the first query. The caller ends it (`pool.end()`). */
export function createPool(options: PoolOptions): Pool {
  const { max = 10, idleTimeout = 30_000, maxLifetime = 0, exclusive = false, onError = () => {} } = options;
  const pool = new PgPool({ ...clientConfig(options), ...(exclusive ? { Client: NumberedClient } : {}), max, idleTimeoutMillis: idleTimeout, maxLifetimeSeconds: maxLifetime, verify: (client, done) => void verified(client, options, done) });
  madeWith.set(pool, options);
  pool.on('error', onError);
  // Without a listener of its own, a client that is lent out takes the process down when its connection breaks between two queries.
  pool.on('connect', (client) => client.on('error', () => {}));
  const connections = new Set<PoolClient>();
  connectionsOf.set(pool, connections);
  pool.on('connect', (client) => connections.add(client));
  pool.on('remove', (client) => connections.delete(client));
  pool.on('release', (error, client) => {
    // falsy where all was well, whatever the types say
    if (databaseErrorKind(error) !== 'unavailable') return;
    giveUp(client);
    endGivenUp(pool);
  });
  return pool;
}

function streamOf(client: PoolClient): Socket {
  return (client as unknown as { connection: { stream: Socket } }).connection.stream;
}

/** Breaks a connection without a word to the other side, which may not be there. */
function giveUp(client: PoolClient): void {
  if (client instanceof NumberedClient) client.forsake();
  streamOf(client).destroy();
}

/** Has the sessions ended whose connections this process has given up, of a pool whose name is its own alone. Nobody waits for it. */
function endGivenUp(pool: Pool): void {
  const { exclusive, applicationName } = madeWith.get(pool) ?? {};
  if (exclusive !== true || applicationName === undefined || pool.ending) return;
  const under = ending.get(pool);
  if (under) return void (under.again = true);
  const turn = { again: false };
  ending.set(pool, turn);
  const connect = (): Promise<pg.Client> => dedicatedClient(pool, { exclusive: false, applicationName: 'tds end', statementTimeout: endingMs, queryTimeout: endingMs, connectTimeout: endingMs });
  void endForsaken(applicationName, connect).finally(() => {
    ending.delete(pool);
    if (turn.again) endGivenUp(pool);
  });
}

/**
 * Breaks the pool's connections over which nothing arrives for `silentMs` from now on; 0: all of them. For the moment after another
 * connection has fallen silent: a statement may last a minute, so by themselves these would be waited for as long. What they were at
 * fails as when the server is restarted.
 */
export async function breakSilent(pool: Pool, silentMs: number): Promise<number> {
  endGivenUp(pool); // what it gave up before
  const heard = [...(connectionsOf.get(pool) ?? [])].map((client) => ({ client, bytes: streamOf(client).bytesRead }));
  if (silentMs > 0) await pause(silentMs, undefined, { ref: false });
  const silent = heard.filter(({ client, bytes }) => connectionsOf.get(pool)?.has(client) && !streamOf(client).destroyed && (silentMs === 0 || streamOf(client).bytesRead === bytes));
  // Not before they are closed does the pool know of it, and lend them no more.
  await Promise.all(silent.map(({ client }) => new Promise<void>((resolve) => {
    streamOf(client).once('close', () => resolve());
    giveUp(client);
  })));
  if (silent.length > 0) endGivenUp(pool);
  return silent.length;
}

/**
 * A connection beside the pool, with the pool's settings: for LISTEN, heartbeats, session locks, migrations. Connected already.
 * The caller ends it, and may watch its `error` and `end`.
 */
export async function dedicatedClient(pool: Pool, overrides: Partial<PoolOptions> = {}): Promise<pg.Client> {
  const options = madeWith.get(pool);
  if (!options) throw new TypeError('dedicatedClient needs a pool that createPool made');
  const client = new Client(clientConfig({ ...options, ...overrides }));
  client.on('error', () => {});
  await client.connect();
  await settle(client, { ...options, ...overrides });
  return client;
}

/** `settle`, in pg's own way to hear of it. */
async function verified(client: Queryable, options: PoolOptions, done: (error?: Error) => void): Promise<void> {
  const error = await settle(client, options).then(() => undefined, (reason: Error) => reason);
  done(error);
}

/**
 * Says what the start of the session has said already: PgBouncer must ignore it there (`ignore_startup_parameters`), and a lost search
 * path would mean other tables.
 */
async function settle(client: Queryable, { schema, readOnly = false, statementTimeout = 60_000, idleInTransactionTimeout = 120_000 }: PoolOptions): Promise<void> {
  const wanted = { ...(schema === undefined ? {} : { search_path: quoteIdentifier(schema) }), ...(readOnly ? { default_transaction_read_only: 'on' } : {}), statement_timeout: String(statementTimeout), idle_in_transaction_session_timeout: String(idleInTransactionTimeout) };
  await client.query('SELECT set_config(name, value, false) FROM json_each_text($1::json) AS s (name, value)', [JSON.stringify(wanted)]);
}

function clientConfig(options: PoolOptions): pg.ClientConfig {
  const { statementTimeout = 60_000, idleInTransactionTimeout = 120_000, connectTimeout = 10_000, applicationName = 'tds' } = options;
  const queryTimeout = options.queryTimeout ?? (statementTimeout === 0 ? 0 : statementTimeout + 5_000);
  const url = new URL(options.url);
  // A server that isn't told would keep the locks of a machine that lost its power for two hours.
  const settings: [string, string][] = [['tcp_keepalives_idle', '15'], ['tcp_keepalives_interval', '5'], ['tcp_keepalives_count', '3']];
  if (process.platform === 'linux') settings.push(['tcp_user_timeout', '30000']); // a server that can't do it says so at each connection; it is like us most often
  if (options.readOnly === true) settings.push(['default_transaction_read_only', 'on']);
  if (options.schema !== undefined) settings.push(['search_path', quoteIdentifier(options.schema)]);
  const own = settings.map(([name, value]) => `-c ${name}=${value.replaceAll(/[\\ ]/g, String.raw`\$&`)}`).join(' ');
  // pg lets the URL win over the settings beside it, so what the URL brings is joined here.
  const given = url.searchParams.get('options');
  url.searchParams.set('options', given === null ? own : `${own} ${given}`);
  url.searchParams.delete('application_name'); // sessions are found by their names
  return {
    connectionString: url.href,
    application_name: applicationName,
    statement_timeout: statementTimeout,
    idle_in_transaction_session_timeout: idleInTransactionTimeout,
    connectionTimeoutMillis: connectTimeout,
    ...(queryTimeout === 0 ? {} : { query_timeout: queryTimeout }),
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    types,
  };
}

export interface TransactionOptions {
  readonly isolation?: 'read committed' | 'repeatable read' | 'serializable';
  readonly readOnly?: boolean;
  /** How often to run `work` again after it lost against another transaction (serialization, deadlock). Default 0: it may have effects. */
  readonly retries?: number;
}

/**
 * Runs `work` in a transaction on one connection: commits when it resolves, rolls back and rethrows when it rejects. A connection that
 * broke is thrown away. When COMMIT itself loses its connection, nobody knows whether it took place: the work must bear a repeat.
 */
export async function withTransaction<T>(pool: Pool, work: (client: PoolClient) => Promise<T>, options: TransactionOptions = {}): Promise<T> {
  const { isolation, readOnly = false, retries = 0 } = options;
  const begin = `BEGIN${isolation === undefined ? '' : ` ISOLATION LEVEL ${isolation}`}${readOnly ? ' READ ONLY' : ''}`;
  for (let attempt = 0; ; attempt++) {
    const client = await pool.connect();
    let broken: Error | undefined;
    try {
      await client.query(begin);
      const result = await work(client);
      const { command } = await client.query('COMMIT');
      // PostgreSQL answers ROLLBACK to a COMMIT after an error that `work` has swallowed.
      if (command !== 'COMMIT') throw new Error('the transaction was rolled back: a statement in it had failed, and its error was swallowed');
      return result;
    } catch (error) {
      if (databaseErrorKind(error) === 'unavailable') broken = error as Error;
      else await client.query('ROLLBACK').catch((reason: Error) => (broken = reason));
      if (attempt >= retries || databaseErrorKind(error) !== 'conflict') throw error;
    } finally {
      client.release(broken);
    }
  }
}

/**
 * Streams chunks into `COPY … FROM STDIN`; one chunk may hold many rows or part of one. They are joined: small ones are best. Returns the row count.
 * When the source throws, the COPY fails and that error is thrown; the transaction around it is then to be rolled back.
 */
export async function copyFrom(client: pg.ClientBase, statement: string, chunks: Iterable<string | Buffer> | AsyncIterable<string | Buffer>): Promise<number> {
  const sink = client.query(copyStream(statement));
  await pipeline(Readable.from(joined(chunks), { objectMode: true, highWaterMark: 2 }), sink);
  return sink.rowCount;
}

/** A count or sum as PostgreSQL sends it (`int8` is a string), as a number. @throws RangeError where a number can't hold it exactly */
export function toCount(value: string | number | bigint | null | undefined): number {
  const count = Number(value ?? 0);
  if (!Number.isSafeInteger(count)) throw new RangeError(`not a count that a number can hold: ${String(value)}`);
  return count;
}
