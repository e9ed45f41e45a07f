/** Real tokens, sessions, audit and kept answers over a database of their own; all else as it is handed in. */
import { accessOperations, type AccessOperations, type TokenScope } from '../../core/operations/access.ts';
import { answerOperations } from '../../core/operations/answers.ts';
import { auditOperations } from '../../core/operations/audit.ts';
import type { Operations } from '../../core/operations/operations.ts';
import { Redactor } from '../../core/monitor/redact.ts';
import type { Pool } from '../../core/store/pool.ts';
import { databaseAccess } from '../../core/store/session.ts';
import { testDatabase, type TestScope } from '../support/database.ts';
import { fakeOperations } from './fake-operations.ts';

export interface RealAccess {
  pool: Pool;
  operations: Operations & { asked: unknown[] };
  /** Makes a token and answers its secret. */
  token(scope: TokenScope): Promise<string>;
  /** One whose time is over. */
  expired(): Promise<string>;
  revoked(): Promise<string>;
}

export async function realAccess(scope: TestScope, more: Partial<Operations> = {}): Promise<RealAccess> {
  const { pool } = await testDatabase(scope);
  const database = databaseAccess(pool);
  const redactor = new Redactor();
  const access: AccessOperations = accessOperations({ database });
  const operations = fakeOperations({ access, audit: auditOperations({ database, redact: (value) => redactor.value(value) }), answers: answerOperations({ database }), ...more });
  const create = (level: TokenScope) => access.createToken({ name: `the ${level}`, scope: level, expiresAt: null, by: 'test' });
  return {
    pool, operations,
    token: async (level) => (await create(level)).secret,
    async expired() {
      const { secret, token } = await create('admin');
      await pool.query(`UPDATE api_tokens SET expires_at = now() - interval '1 second' WHERE id = $1`, [token.id]);
      return secret;
    },
    async revoked() {
      const { secret, token } = await create('admin');
      await access.revokeToken(token.id, 'test');
      return secret;
    },
  };
}
