/** Sessions for the two places where tables may lie: TDS's own database, and any other one with a pool of its own. */
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Pool, type PoolClient } from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { PermanentError, type DatabaseAccess, type Logger, type SqlSession } from 'tds/sdk';

/** A pool of connections to another PostgreSQL. Made at the first use, so that `create` does nothing at all. */
export interface OwnDatabase extends DatabaseAccess {
  /** Ends the pool; safe before the first use and when called again. */
  close(): Promise<void>;
}

/** How many sessions may be open, and where to. */
export interface OwnDatabaseConfig { readonly url: string; readonly poolSize: number }

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
      try {
        await client.query('begin');
        const result = await use(sessionOf(client));
        await client.query('commit');
        client.release();
        return result;
      } catch (error) {
        await abandon(client);
        throw error;
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

function openPool(config: OwnDatabaseConfig, log: Logger): Pool {
  assertUrl(config.url);
  const pool = new Pool({ connectionString: config.url, max: config.poolSize, application_name: 'tds', connectionTimeoutMillis: 10_000, keepAlive: true });
  // Without a listener an idle session that the server ends would end the process.
  pool.on('error', (error) => log.warn('an idle session of the database was lost', { error: error.message }));
  pool.on('connect', (client) => client.on('error', () => undefined));
  return pool;
}

/** pg's own complaint about a bad address repeats it, with the password. */
function assertUrl(url: string): void {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed && /^postgres(?:ql)?:$/.test(parsed.protocol)) return;
  throw new PermanentError('postgres.bad_url', 'url is not the address of a PostgreSQL', {
    suggestion: 'Write postgres://user:password@host:5432/database; special characters in the password are percent-encoded (@ as %40).',
  });
}

function sessionOf(client: PoolClient): SqlSession {
  return {
    async query(text, values) {
      const result = await client.query<Record<string, unknown>>(text, values as unknown[] | undefined);
      return { rows: result.rows, rowCount: result.rowCount ?? 0 };
    },
    async copyFrom(text, chunks) {
      const copy = client.query(copyFrom(text));
      await pipeline(Readable.from(chunks), copy);
      return copy.rowCount ?? 0;
    },
  };
}
