/** Who may ask what: tokens, and the sessions that pages open with them. */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Logger, SqlSession } from '../sdk/index.ts';
import { silentLogger } from '../monitor/log.ts';
import type { Database, Reading } from '../store/session.ts';
import { countTokens, deleteSession, findToken, insertSession, insertToken, insertTokenOnce, listTokens, noteTokenUse, revokeToken, revokeTokensBut, tokenByPrefix, tokenOfSession, type TokenFilter, type TokenRow, type TokenState } from '../store/access.ts';
import { OperationError } from './errors.ts';

export type TokenScope = 'read' | 'operate' | 'admin';

/** Each contains those before it. */
export const tokenScopes = ['read', 'operate', 'admin'] as const satisfies readonly TokenScope[];

/** A token as people see it; the secret itself is known to its holder alone. */
export interface Token extends Omit<TokenRow, 'expired' | 'unnoted'> { state: TokenState }

/** Who holds a secret that is good. */
export interface Identity { tokenId: string; name: string; scope: TokenScope }
/** Why a secret is not good. */
export type Rejection = 'unknown' | 'expired' | 'revoked';

export interface AccessOperations {
  /** Makes a token. `secret` is shown this once. @throws OperationError `operation.token_expiry` for an end that has passed */
  createToken(request: { name: string; scope: TokenScope; expiresAt: Date | null; by: string }): Promise<{ token: Token; secret: string }>;
  /**
   * Makes the secret of the config (`api.adminToken`) a token that may do all; for every start. One that is known is left as it is, so that
   * what was revoked stays revoked. A new one revokes those that the config held before.
   */
  adoptToken(secret: string): Promise<{ token: Token; made: boolean }>;
  /** Tokens, the newest first unless it is asked otherwise; those that are gone too. */
  tokens(filter: TokenFilter): Promise<Token[]>;
  /** Revokes by number or prefix; every node refuses it within a second. Once more changes nothing. @throws OperationError `operation.unknown_token` */
  revokeToken(which: string, by: string): Promise<Token>;
  /** Whose token this is. */
  identify(secret: string): Promise<Identity | Rejection>;
  /** Opens a session for the holder of a good token. `secret` is the cookie's value. */
  openSession(token: string): Promise<{ secret: string; expiresAt: Date; identity: Identity } | Rejection>;
  /** Whose session this is. */
  identifySession(secret: string): Promise<Identity | Rejection>;
  /** Ends a session; safe to call twice. */
  endSession(secret: string): Promise<void>;
  /** How many tokens were ever made, and how many of them are good now. */
  standing(): Promise<{ made: number; usable: number }>;
}

/** `tds_` + prefix + `_` + 256 bits. */
const form = /^tds_([0-9a-f]{12})_[A-Za-z0-9_-]{43}$/;
/** What `api.adminToken` may hold. */
const drawnForm = /^[A-Za-z0-9_-]{32,200}$/;
const fromConfig = 'api.adminToken';
const sessionForm = /^[A-Za-z0-9_-]{43}$/;
const sessionMs = 12 * 3_600_000;

export function accessOperations({ database, log = silentLogger }: { database: Database; log?: Logger }): AccessOperations {
  const note = noting(database, log);
  const ask = <T>(work: (session: SqlSession) => Promise<T>): Promise<T> => database.transaction(work);
  return {
    identify: (secret) => identifyIn(database.reads, secret, note),
    async createToken({ name, scope, expiresAt, by }) {
      if (expiresAt !== null && expiresAt <= new Date()) throw new OperationError('operation.token_expiry', 'the token would have expired already');
      const prefix = randomBytes(6).toString('hex');
      const secret = `tds_${prefix}_${newSecret()}`;
      return { token: tokenOf(await ask((session) => insertToken(session, { name, prefix, hash: hashOf(secret), scope, expiresAt, by }))), secret };
    },
    adoptToken: (secret) => ask((session) => adoptIn(session, secret)),
    tokens: async (filter) => (await listTokens(database.reads, filter)).map(tokenOf),
    revokeToken: (which, by) => ask(async (session) => {
      const found = await findToken(session, which);
      if (!found) throw new OperationError('operation.unknown_token', `there is no token ${JSON.stringify(which.slice(0, 40))}`, { suggestion: 'See the list: tds token list' });
      await revokeToken(session, found.id, by);
      return tokenOf((await findToken(session, found.id)) ?? found);
    }),
    async openSession(token) {
      const identity = await identifyIn(database.reads, token, note);
      if (typeof identity === 'string') return identity;
      const secret = newSecret();
      return { secret, identity, expiresAt: await ask((session) => insertSession(session, hashOf(secret), identity.tokenId, sessionMs)) };
    },
    async identifySession(secret) {
      const token = sessionForm.test(secret) ? await tokenOfSession(database.reads, hashOf(secret)) : undefined;
      return token ? judge(token) : 'unknown';
    },
    endSession: (secret) => ask((session) => deleteSession(session, hashOf(secret))),
    standing: () => countTokens(database.reads),
  };
}

async function adoptIn(session: SqlSession, secret: string): Promise<{ token: Token; made: boolean }> {
  const prefix = prefixOf(secret);
  if (prefix === undefined) throw new TypeError('the config was to hold a token of 32 characters or more');
  const made = await insertTokenOnce(session, { name: fromConfig, prefix, hash: hashOf(secret), scope: 'admin', expiresAt: null, by: fromConfig });
  const token = made ?? await tokenByPrefix(session, prefix);
  if (!token) throw new TypeError('a token that was just found is gone');
  if (made) await revokeTokensBut(session, made.id, fromConfig);
  return { token: tokenOf(token), made: made !== undefined };
}

/** By what a token is looked up: the public part of one that TDS made, and for one that a person drew, of its hash. Undefined for what can be no token. */
function prefixOf(secret: string): string | undefined {
  return form.exec(secret)?.[1] ?? (drawnForm.test(secret) ? hashOf(secret).toString('hex', 0, 6) : undefined);
}

/** Notes that a token is in use, each one at a time. Nobody waits for it, and it may fail: who only looks comes in where nothing can be written too. */
function noting({ transaction }: Database, log: Logger): (id: string) => void {
  const underWay = new Set<string>();
  return (id) => {
    if (underWay.has(id)) return;
    underWay.add(id);
    transaction((session) => noteTokenUse(session, id))
      .catch((error: unknown) => log.debug('the use of a token could not be noted', { token: id, error }))
      .finally(() => underWay.delete(id));
  };
}

async function identifyIn(reads: Reading, secret: string, note: (id: string) => void): Promise<Identity | Rejection> {
  const prefix = prefixOf(secret);
  const token = prefix === undefined ? undefined : await tokenByPrefix(reads, prefix);
  if (!token || !timingSafeEqual(token.hash, hashOf(secret))) return 'unknown';
  const identity = judge(token);
  if (typeof identity !== 'string' && token.unnoted) note(token.id);
  return identity;
}

function judge(token: TokenRow): Identity | Rejection {
  if (token.revokedAt !== null) return 'revoked';
  return token.expired ? 'expired' : { tokenId: token.id, name: token.name, scope: token.scope };
}

function tokenOf({ expired, unnoted: _unnoted, ...row }: TokenRow): Token {
  return { ...row, state: row.revokedAt !== null ? 'revoked' : expired ? 'expired' : 'active' };
}

function newSecret(): string {
  return randomBytes(32).toString('base64url');
}

/** One round of SHA-256: it is slow hashes that make guessing dear, and nobody guesses 256 random bits. */
function hashOf(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}
