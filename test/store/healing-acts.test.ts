import t from 'tap';
import { listActs } from '../../core/store/healing-acts.ts';
import { databaseAccess } from '../../core/store/session.ts';
import { testDatabase } from '../support/database.ts';

t.test('acts are listed by their numbers, the newest first, page by page', async (t) => {
  const { pool } = await testDatabase(t);
  await pool.query(`INSERT INTO healing_acts (rule, fingerprint, seen, done, outcome, node, at) SELECT 'r', n::text, 's', 'd', 'healed', 'n', now() FROM generate_series(1, 12) AS n`);
  const list = (before?: string) => databaseAccess(pool).transaction((session) => listActs(session, { limit: 5, ...(before === undefined ? {} : { before }) }));
  t.same((await list()).map(({ id }) => id), ['12', '11', '10', '9', '8']);
  t.same((await list('8')).map(({ id }) => id), ['7', '6', '5', '4', '3']);
});
