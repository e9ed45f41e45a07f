/** Sessions for the two places where tables may lie: TDS's own database, and any other one with a pool of its own. */
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Client, Pool, type PoolClient } from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { PermanentError, type DatabaseAccess, type Logger, type SqlSession } from 'tds/sdk';
import { watchSilence, type Watched } from './silence.ts';

/** A pool of connections to another PostgreSQL. Made at the first use, so that `create` does nothing at all. */
export interface OwnDatabase extends DatabaseAccess {
  /** Ends the pool; safe before the first use and when called again. */
  close(): Promise<void>;
}

/** How many sessions may be open, and where to. */
export interface OwnDatabaseConfig {
  readonly url: string;
  readonly poolSize: number;
  /** ms between two looks at a session that says nothing. Default 3,000. */
  readonly silenceMs?: number;
}

/** The server cancels a statement after so many ms; what is silent for longer is given up, whatever the server may know of it. */
const statementMs = 60_000;
const graceMs = 5_000;
/** The server ends a transaction whose client says nothing for so many ms. */
const standstillMs = 30_000;
const askMs = 3_000;

/** Opens nothing yet. Errors of the connection and of statements are thrown as `pg` made them. */
export function createOwnDatabase(config: OwnDatabaseConfig, log: Logger): OwnDatabase {
  let pool: Pool | undefined;
  let closed = false;
  const connect = (): Promise<PoolClient> => {
    if (closed) throw new PermanentError('postgres.closed', 'the connection was closed');
    pool ??= openPool(config, log);
    return pool.connect();
  };
  return {
    async transaction(use) {
      const client = await connect();
      const watched: Watched = { pid: undefined, waiting: 0 };
      const unwatch = watchSilence(client, watched, { log, everyMs: config.silenceMs ?? askMs, ask: () => askBeside(config.url) });
      try {
        const [, who] = await waiting(watched, client.query('begin; select pg_backend_pid() as pid')) as unknown as { rows: { pid: number }[] }[];
        watched.pid = who?.rows[0]?.pid;
        const result = await use(sessionOf(client, watched));
        await waiting(watched, client.query('commit'));
        client.release();
        return result;
      } catch (error) {
        await waiting(watched, abandon(client));
        throw error;
      } finally {
        unwatch();
      }
    },
    async close() {
      closed = true;
      const ending = pool;
      pool = undefined;
      await ending?.end();
    },
  };
}

/** After an error the session is kept only when it still answers; one that was cut off is thrown away. */
async function abandon(client: PoolClient): Promise<void> {
  try {
    await client.query('rollback');
    client.release();
  } catch (error) {
    client.release(error instanceof Error ? error : true);
  }
}

/** Counts a statement as out until it has ended. */
async function waiting<T>(watched: Watched, work: Promise<T>): Promise<T> {
  watched.waiting += 1;
  try {
    return await work;
  } finally {
    watched.waiting -= 1;
  }
}

/** A session beside the pool, to ask about others. */
async function askBeside(url: string): Promise<Client> {
  const client = new Client({ connectionString: url, application_name: 'tds asks', connectionTimeoutMillis: askMs, statement_timeout: askMs, query_timeout: askMs });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return client;
  } catch (error) {
    client.end().catch(() => undefined);
    throw error;
  }
}

function openPool(config: OwnDatabaseConfig, log: Logger): Pool {
  assertUrl(config.url);
  const pool = new Pool({
    connectionString: config.url, max: config.poolSize, application_name: 'tds', connectionTimeoutMillis: 10_000, keepAlive: true, keepAliveInitialDelayMillis: 10_000,
    statement_timeout: statementMs, query_timeout: statementMs + graceMs, idle_in_transaction_session_timeout: standstillMs,
  });
  // Without a listener an idle session that the server ends would end the process.
  pool.on('error', (error) => log.warn('an idle session of the database was lost', { error: error.message }));
  pool.on('connect', (client) => client.on('error', () => undefined));
  return pool;
}

/** Host, port and database of an address, without the user: two addresses with the same place lead to the same tables. Undefined for what is no address. */
export function placeOf(url: string): string | undefined {
  const parsed = URL.parse(url);
  if (!parsed) return undefined;
  const { hostname, port, pathname, username, searchParams } = parsed;
  const host = searchParams.get('host') ?? hostname;
  return `${host === 'localhost' ? '127.0.0.1' : host.toLowerCase()}:${searchParams.get('port') ?? (port || '5432')}/${pathname.slice(1) || username}`;
}

/** pg's own complaint about a bad address repeats it, with the password. */
function assertUrl(url: string): void {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed && /^postgres(?:ql)?:$/.test(parsed.protocol)) return;
  throw new PermanentError('postgres.bad_url', 'url is not the address of a PostgreSQL', {
    suggestion: 'Write postgres://user:password@host:5432/database; special characters in the password are percent-encoded (@ as %40).',
  });
}

function sessionOf(client: PoolClient, watched: Watched): SqlSession {
  return {
    async query(text, values) {
      const result = await waiting(watched, client.query<Record<string, unknown>>(text, values as unknown[] | undefined));
      return { rows: result.rows, rowCount: result.rowCount ?? 0 };
    },
    async copyFrom(text, chunks) {
      const copy = client.query(copyFrom(text));
      await waiting(watched, pipeline(Readable.from(chunks), copy));
      return copy.rowCount ?? 0;
    },
  };
}
