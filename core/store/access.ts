/** The rows of tokens and sessions. Secrets come here as hashes alone. */
import type { SqlSession } from '../sdk/index.ts';
import { pageOfList, type Page } from './cursor.ts';
import type { Reading } from './session.ts';

export interface TokenRow {
  id: string; name: string; prefix: string; scope: 'read' | 'operate' | 'admin'; createdAt: Date; createdBy: string;
  expiresAt: Date | null; revokedAt: Date | null; revokedBy: string | null; usedAt: Date | null; expired: boolean;
  /** Its use was not noted within the last minute. */
  unnoted: boolean;
}

export type TokenState = 'active' | 'expired' | 'revoked';

/** Which tokens a list shows. */
export interface TokenFilter extends Page { state?: TokenState; scope?: TokenRow['scope']; name?: string }

const columns = `t.id::text AS id, t.name, t.prefix, t.scope, t.created_at AS "createdAt", t.created_by AS "createdBy", t.expires_at AS "expiresAt",
  t.revoked_at AS "revokedAt", t.revoked_by AS "revokedBy", t.used_at AS "usedAt", coalesce(t.expires_at <= now(), false) AS expired, coalesce(t.used_at < now() - interval '1 minute', true) AS unnoted`;

export interface NewToken { name: string; prefix: string; hash: Buffer; scope: string; expiresAt: Date | null; by: string }

const insert = 'INSERT INTO api_tokens AS t (name, prefix, hash, scope, expires_at, created_by) VALUES ($1, $2, $3, $4, $5, $6)';
const valuesOf = (token: NewToken): unknown[] => [token.name, token.prefix, token.hash, token.scope, token.expiresAt, token.by];

export async function insertToken(session: SqlSession, token: NewToken): Promise<TokenRow> {
  return (await session.query(`${insert} RETURNING ${columns}`, valuesOf(token))).rows[0] as unknown as TokenRow;
}

/** Undefined where there is one of that prefix already, good or not. */
export async function insertTokenOnce(session: SqlSession, token: NewToken): Promise<TokenRow | undefined> {
  return (await session.query(`${insert} ON CONFLICT (prefix) DO NOTHING RETURNING ${columns}`, valuesOf(token))).rows[0] as unknown as TokenRow | undefined;
}

/** Revokes all that came from the same place as this one, but this one; and ends their sessions. */
export async function revokeTokensBut(session: SqlSession, id: string, by: string): Promise<void> {
  await session.query('UPDATE api_tokens SET revoked_at = now(), revoked_by = $2 WHERE id <> $1::bigint AND created_by = $2 AND revoked_at IS NULL', [id, by]);
  await session.query('DELETE FROM api_sessions s USING api_tokens t WHERE t.id = s.token_id AND t.id <> $1::bigint AND t.created_by = $2', [id, by]);
}

/** Tokens, the newest first unless it is asked otherwise. */
export async function listTokens(session: Reading, filter: TokenFilter): Promise<TokenRow[]> {
  const page = pageOfList('t.id', filter, 4);
  const { rows } = await session.query(
    `SELECT ${columns} FROM api_tokens t WHERE ($1::text IS NULL OR $1 = CASE WHEN t.revoked_at IS NOT NULL THEN 'revoked' WHEN t.expires_at <= now() THEN 'expired' ELSE 'active' END)
        AND ($2::text IS NULL OR t.scope = $2) AND ($3::text IS NULL OR t.name = $3) ${page.text}`, [filter.state ?? null, filter.scope ?? null, filter.name ?? null, ...page.values]);
  return rows as unknown as TokenRow[];
}

/** By number or prefix. */
export async function findToken(session: Reading, which: string): Promise<TokenRow | undefined> {
  return (await session.query(`SELECT ${columns} FROM api_tokens t WHERE t.id::text = $1 OR t.prefix = $1`, [which])).rows[0] as unknown as TokenRow | undefined;
}

/** Revokes a token and ends its sessions; one that is revoked already stays as it is. */
export async function revokeToken(session: SqlSession, id: string, by: string): Promise<void> {
  await session.query('UPDATE api_tokens SET revoked_at = now(), revoked_by = $2 WHERE id = $1::bigint AND revoked_at IS NULL', [id, by]);
  await session.query('DELETE FROM api_sessions WHERE token_id = $1::bigint', [id]);
}

/** The token of that prefix, with its hash. */
export async function tokenByPrefix(session: Reading, prefix: string): Promise<(TokenRow & { hash: Buffer }) | undefined> {
  return (await session.query(`SELECT ${columns}, t.hash FROM api_tokens t WHERE t.prefix = $1`, [prefix])).rows[0] as unknown as (TokenRow & { hash: Buffer }) | undefined;
}

/** The token behind a session that has not ended. */
export async function tokenOfSession(session: Reading, hash: Buffer): Promise<TokenRow | undefined> {
  return (await session.query(`SELECT ${columns} FROM api_sessions s JOIN api_tokens t ON t.id = s.token_id WHERE s.hash = $1 AND s.expires_at > now()`, [hash])).rows[0] as unknown as TokenRow | undefined;
}

/** Notes that a token was used; at most once a minute, so that reading costs no writes. */
export async function noteTokenUse(session: SqlSession, id: string): Promise<void> {
  await session.query(`UPDATE api_tokens SET used_at = now() WHERE id = $1::bigint AND (used_at IS NULL OR used_at < now() - interval '1 minute')`, [id]);
}

/** Opens a session, and clears those away that have ended. */
export async function insertSession(session: SqlSession, hash: Buffer, tokenId: string, ms: number): Promise<Date> {
  await session.query('DELETE FROM api_sessions WHERE expires_at <= now()');
  const { rows } = await session.query(
    `INSERT INTO api_sessions (hash, token_id, expires_at) VALUES ($1, $2::bigint, now() + $3 * interval '1 millisecond') RETURNING expires_at AS "expiresAt"`, [hash, tokenId, ms]);
  return rows[0]?.['expiresAt'] as Date;
}

export async function deleteSession(session: SqlSession, hash: Buffer): Promise<void> {
  await session.query('DELETE FROM api_sessions WHERE hash = $1', [hash]);
}

/** How many tokens were ever made, and how many of them are good now. */
export async function countTokens(session: Reading): Promise<{ made: number; usable: number }> {
  const { rows } = await session.query(
    `SELECT count(*)::float8 AS made, (count(*) FILTER (WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())))::float8 AS usable FROM api_tokens`);
  return rows[0] as unknown as { made: number; usable: number };
}
