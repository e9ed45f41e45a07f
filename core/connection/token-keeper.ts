/** Access tokens in PostgreSQL, sealed; whoever refreshes one holds its lock, which ends with its database connection at the latest. */
import { RetryLaterError, type Token } from '../sdk/index.ts';
import { withAdvisoryLock } from '../store/advisory-lock.ts';
import { databaseErrorKind } from '../store/errors.ts';
import type { Pool, Queryable } from '../store/pool.ts';
import { cureOf } from './codes.ts';
import type { Sealer } from './seal.ts';
import { refreshWindowMs, type Denial, type TokenKeeper, type TokenSlot } from './tokens.ts';

/** Its time is a text where the row came as JSON. */
interface DenialRow { denied_at: Date | string; denied_code: string; denied_message: string; denied_cure: string | null }
const denied = 'denied_at, denied_code, denied_message, denied_cure';

/** The tokens of one sign-in (see `Plugin.signIn`), whichever connections use it. The pool's search path must be TDS's schema. */
export function tokenKeeper(pool: Pool, connection: string, sealer: Sealer): TokenKeeper {
  const place = (name: string): string => `token\0${connection}\0${name}`;

  async function read(client: Queryable, name: string): Promise<Token | undefined> {
    const { rows } = await client.query<{ sealed: Buffer | null }>('SELECT sealed FROM tokens WHERE connection = $1 AND name = $2', [connection, name]);
    const text = rows[0]?.sealed ? sealer.open(rows[0].sealed, place(name)) : undefined;
    if (text === undefined) return undefined;
    const { value, expiresAt, extra } = JSON.parse(text) as { value: string; expiresAt: string; extra?: Record<string, string> };
    return { value, expiresAt: new Date(expiresAt), ...(extra ? { extra } : {}) };
  }

  function slot(client: Queryable, name: string): TokenSlot {
    return {
      read: () => read(client, name),
      async refreshes() {
        const { rows } = await client.query<{ refreshes: Date[] }>('SELECT refreshes FROM tokens WHERE connection = $1 AND name = $2', [connection, name]);
        return rows[0]?.refreshes ?? [];
      },
      async noteRefresh(at) {
        await client.query(
          `INSERT INTO tokens (connection, name, refreshes) VALUES ($1, $2, ARRAY[$3::timestamptz])
           ON CONFLICT (connection, name) DO UPDATE SET
             refreshes = ARRAY(SELECT each FROM unnest(tokens.refreshes) AS each WHERE each > $3::timestamptz - $4 * interval '1 ms') || $3::timestamptz`,
          [connection, name, at, refreshWindowMs],
        );
      },
      async write(token) {
        await client.query('UPDATE tokens SET sealed = $3, expires_at = $4 WHERE connection = $1 AND name = $2', [
          connection, name, sealer.seal(JSON.stringify(token), place(name)), token.expiresAt,
        ]);
        // The sign-in is good: what was said of it under another name of the past as well is over.
        await client.query('UPDATE tokens SET denied_at = NULL, denied_code = NULL, denied_message = NULL, denied_cure = NULL WHERE connection = $1 AND denied_at IS NOT NULL', [connection]);
      },
      async denial() {
        const { rows } = await client.query<DenialRow>(`SELECT ${denied} FROM tokens WHERE connection = $1 AND name = $2 AND denied_at IS NOT NULL`, [connection, name]);
        return denialOf(rows[0]);
      },
      async noteDenial({ at, code, message, cure }) {
        await client.query('UPDATE tokens SET sealed = NULL, expires_at = NULL, denied_at = $3, denied_code = $4, denied_message = $5, denied_cure = $6 WHERE connection = $1 AND name = $2', [connection, name, at, code, message, cure ?? null]);
      },
    };
  }

  return {
    async withSlot(name, work) {
      const client = await pool.connect();
      let broken = false;
      let inside = false;
      try {
        return await withAdvisoryLock(client, place(name), () => {
          inside = true;
          return work(slot(client, name));
        });
      } catch (error) {
        const kind = databaseErrorKind(error);
        broken = kind === 'unavailable';
        if (!inside && (kind === 'timeout' || kind === 'conflict')) {
          throw new RetryLaterError('token.refresh_timeout', 'Another process has been fetching the access token for long.', { cause: error, suggestion: cureOf('token.refresh_timeout') });
        }
        throw error;
      } finally {
        client.release(broken);
      }
    },
    denial: async () => denialOf((await pool.query<DenialRow>(denialRow('$1'), [connection])).rows[0]),
    async remove(name, value) {
      const client = await pool.connect();
      try {
        const stored = await read(client, name);
        // Sealing is never the same twice, so the row is compared by its end as well: a newer token stays.
        if (stored?.value === value) {
          await client.query('UPDATE tokens SET sealed = NULL, expires_at = NULL WHERE connection = $1 AND name = $2 AND expires_at = $3', [connection, name, stored.expiresAt]);
        }
      } finally {
        client.release();
      }
    },
  };
}

/** SQL that selects the last denial of a sign-in that stands; `signIn` is an expression. */
export function denialRow(signIn: string): string {
  return `SELECT ${denied} FROM tokens WHERE connection = ${signIn} AND denied_at IS NOT NULL ORDER BY denied_at DESC LIMIT 1`;
}

export function denialOf(row: DenialRow | null | undefined): Denial | undefined {
  return row ? { at: new Date(row.denied_at), code: row.denied_code, message: row.denied_message, ...(row.denied_cure === null ? {} : { cure: row.denied_cure }) } : undefined;
}
