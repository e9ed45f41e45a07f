/**
 * Access tokens of connections at work are renewed before they end, so that no sync waits for that. Where the remote refuses (the sign-in
 * was revoked) a person is told, before the next sync finds out.
 */
import { AccessDeniedError, isTdsError, type CheckFinding, type SqlSession } from '../sdk/index.ts';
import { entitiesAtWork } from '../store/active-runs.ts';
import type { Found, HealingRule } from './rule.ts';

/** What the rule needs of a connection. */
export interface TokenConnection {
  id: string;
  /** Under which its tokens are stored. */
  signIn: string;
  /** Entities that read or write through it. */
  entities: readonly string[];
  check: (signal: AbortSignal) => Promise<CheckFinding[]>;
  /** Runs `work` so that tokens which end within `ms` are renewed by it. Answers the errors of renewals. */
  renewing: (ms: number, work: () => Promise<unknown>) => Promise<unknown[]>;
}

export interface AccessTokensDeps {
  connections: readonly TokenConnection[];
  every: number;
  cap: number;
  /** Tokens that end within so many milliseconds are renewed. */
  before: number;
}

/** A connection that has not been used for so long can renew its token when it needs one. */
const inUseMs = 3_600_000;

export function accessTokens({ connections, every, cap, before }: AccessTokensDeps): HealingRule {
  const byId = new Map(connections.map((connection) => [connection.id, connection]));
  return {
    id: 'tokens', about: 'Access tokens of connections in use are renewed before they end.', every, cap, scope: 'all',
    async look({ database, now }) {
      const [stored, active] = await database.transaction(async (session) => [await endingTokens(session, new Date(now.getTime() + before)), await entitiesAtWork(session, new Date(now.getTime() - inUseMs))] as const);
      const found = new Map<string, Found>();
      for (const { signIn, expiresAt } of stored) {
        const connection = connections.find((one) => one.signIn === signIn && one.entities.some((entity) => active.has(entity)));
        if (connection) found.set(signIn, ending(connection, expiresAt));
      }
      for (const refusal of await database.transaction(refusals)) {
        const connection = connections.find((one) => one.signIn === refusal.signIn);
        if (connection) found.set(refusal.signIn, refused(connection, refusal));
      }
      return [...found.values()];
    },
    async act({ facts }, { database, now, signal }) {
      const connection = byId.get(facts['connection'] as string);
      if (!connection) return undefined;
      let findings: CheckFinding[] = [];
      const errors = await connection.renewing(before, async () => void (findings = await connection.check(signal)));
      const denied = errors.find((error) => error instanceof AccessDeniedError || (isTdsError(error) && error.name === 'AccessDeniedError'));
      if (denied) return { outcome: 'told', done: 'the token could not be renewed', came: (denied as Error).message };
      const left = await database.transaction((session) => endingTokens(session, new Date(now.getTime() + before)));
      if (!left.some((token) => token.signIn === connection.signIn)) return { outcome: 'healed', came: 'there is a new one' };
      return { outcome: 'failed', came: errors.map((error) => (error as Error).message)[0] ?? findings.find((finding) => !finding.ok)?.message ?? 'the probe of the connection asked for none' };
    },
  };
}

function ending(connection: TokenConnection, expiresAt: Date): Found {
  return {
    fingerprint: connection.signIn, seen: `the access token of "${connection.id}" ends at ${expiresAt.toISOString()}`, plan: 'renew it by a probe of the connection',
    cure: `See "tds check ${connection.id}"; the sign-in may have been revoked, then make a new one.`, facts: { connection: connection.id },
  };
}

/** A sync has found out before this rule did: only a person can mend it. */
function refused(connection: TokenConnection, { signIn, code, message, cure }: Refusal): Found {
  return {
    fingerprint: signIn, seen: `the sign-in of "${connection.id}" is refused (${code}): ${message}`, plan: 'nothing: only a person can renew a sign-in', hopeless: 'only a person can renew a sign-in',
    cure: `${cure === null ? '' : `${cure} `}Then: "tds check ${connection.id}".`, facts: { connection: connection.id },
  };
}

interface Refusal { signIn: string; code: string; message: string; cure: string | null }

async function refusals(session: SqlSession): Promise<Refusal[]> {
  const result = await session.query('SELECT DISTINCT ON (connection) connection AS "signIn", denied_code AS code, denied_message AS message, denied_cure AS cure FROM tokens WHERE denied_at IS NOT NULL ORDER BY connection, denied_at DESC');
  return result.rows as unknown as Refusal[];
}

/** Tokens that are there and end before this moment. */
async function endingTokens(session: SqlSession, before: Date): Promise<{ signIn: string; expiresAt: Date }[]> {
  const result = await session.query('SELECT connection AS "signIn", min(expires_at) AS "expiresAt" FROM tokens WHERE sealed IS NOT NULL AND expires_at < $1 GROUP BY connection', [before]);
  return result.rows as unknown as { signIn: string; expiresAt: Date }[];
}
