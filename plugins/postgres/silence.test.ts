/** A database elsewhere whose net swallows a session in the midst of its work. */
import t from 'tap';
import { createMemoryLog } from 'tds/sdk/test';
import { startBlackHole } from '../../test/support/black-hole.ts';
import { testDatabase } from '../../test/support/database.ts';
import { until } from '../../test/support/processes.ts';
import { createOwnDatabase } from './own-database.ts';

const { url, pool } = await testDatabase(t, { migrated: false });
const { hostname, port } = new URL(url);

t.test('a session that fell silent is given up, and ended at the server with its locks; one that only takes long is not', async (t) => {
  const proxy = await startBlackHole(t, { host: hostname, port: Number(port) });
  const database = createOwnDatabase({ url: proxy.through(url), poolSize: 2, silenceMs: 100 }, createMemoryLog([]));
  t.teardown(() => database.close());
  await pool.query('create table public.things (n int); create table public.held (n int)');
  t.same((await database.transaction((session) => session.query('select pg_sleep(0.8), 1 as n'))).rows.map(({ n }) => n), [1], 'it takes long');
  for (const [words, use] of [
    ['COPY things', (session) => session.copyFrom('COPY things FROM STDIN', ['1\n'])],
    ['insert into things', (session) => session.query('insert into things values (2)')],
    ['commit', (session) => session.query('select 1')],
  ] as [string, Parameters<typeof database.transaction>[0]][]) {
    const frozen = proxy.freezeAt(words);
    const work = database.transaction(async (session) => {
      await session.query('lock table held in access exclusive mode');
      return use(session);
    });
    await frozen;
    await t.rejects(work, /terminated|closed/i, words);
    await until(`its lock is free (${words})`, () => pool.query('select 1; lock table public.held in access exclusive mode nowait').then(() => true, () => false));
  }
  t.same((await database.transaction((session) => session.query('select 1 as n'))).rows, [{ n: 1 }], 'the next one has another session');
});
