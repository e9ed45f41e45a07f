/** Every long list of the API over real rows: pages from either end, nothing twice, nothing left out, and no page found by reading through the whole table. */
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { allRoutes } from '../../core/api/routes/index.ts';
import type { Route } from '../../core/api/route.ts';
import { databaseAccess } from '../../core/store/session.ts';
import { maintainAudit } from '../../core/store/audit.ts';
import { silentLogger } from '../../core/monitor/log.ts';
import { openDatabase } from '../../core/store/open-database.ts';
import { saveReport } from '../../core/store/reports.ts';
import { listRuns } from '../../core/store/runs.ts';
import { testDatabase } from '../support/database.ts';
import { fakeOperations } from './fake-operations.ts';
import { realOperations } from './real-operations.ts';
import { startApi } from './support.ts';

const rows = 12;
/** Fills each list's table with twelve rows. `n` counts them. */
const fills: Record<string, string> = {
  '/v1/runs': `INSERT INTO runs (entity, mode, trigger, status, queued_at) SELECT 'things', 'full', 'test', 'succeeded', now() - (${rows} - n) * interval '1 hour' FROM n`,
  '/v1/dead-letters': `INSERT INTO dead_letters (entity, key, via, code, message, fingerprint, status) SELECT 'things', n::text, 'full', 'x', 'x', 'f', 'resolved' FROM n`,
  '/v1/ticks': `INSERT INTO ticks (schedule, planned, trigger, work, status, due_at) SELECT 'upkeep', now() + n * interval '1 hour', 'time', 'sync', 'succeeded', now() FROM n`,
  '/v1/alerts': `INSERT INTO alerts (rule, fingerprint, severity, state, summary, help, since, seen_at) SELECT 'r', n::text, 'info', 'resolved', '', '', now(), now() FROM n`,
  '/v1/audit': `INSERT INTO audit (source, actor, kind, action, outcome) SELECT 'cli', 'me', 'user', 'tds sync', 'done' FROM n`,
  '/v1/tokens': `INSERT INTO api_tokens (name, prefix, hash, scope, created_by, revoked_at) SELECT 'old', n::text, '', 'read', 'me', now() FROM n`,
  // some at the same time, as a batch of jobs that end together
  '/v1/job-attempts': `INSERT INTO job_history (ended_at, job_id, task, payload, attempt, outcome) SELECT now() - (n / 3) * interval '1 hour', n % 5, 'works', '{}', n, 'done' FROM n`,
  '/v1/webhook-lost': `INSERT INTO webhook_gaps (entity, key, modified_at, found_at, verdict) SELECT 'things', n::text, now(), now() - (n / 4) * interval '1 hour', 'lost' FROM n`,
  '/v1/jobs': `SELECT graphile_worker.add_job('run', run_at => now() + interval '1 hour') FROM n`,
};
const lists = allRoutes({ operations: fakeOperations(), version: '1', doors: undefined as never }).filter(({ method, query }) => method === 'GET' && 'limit' in (query as { properties: object }).properties && 'before' in (query as { properties: object }).properties);

/** The id of a list that goes by a time has several numbers in it. */
function byNumbers(one: string, other: string): number {
  const [left, right] = [one, other].map((id) => id.split('-').map(Number)) as [number[], number[]];
  return left.map((number, at) => number - (right[at] ?? 0)).find((difference) => difference !== 0) ?? 0;
}

/** All ids of a list, by pages of five. */
async function walk(call: (path: string) => Promise<{ status: number; text: string; body: Record<string, unknown> }>, { path }: Route, sort: 'newest' | 'oldest', filter = ''): Promise<string[]> {
  const ids: string[] = [];
  for (let next: string | null = ''; next !== null;) {
    const { status, text, body } = await call(`${path}?limit=5&sort=${sort}${next === '' ? '' : `&${sort === 'newest' ? 'before' : 'after'}=${next}`}${filter}`);
    if (status !== 200) throw new Error(text);
    const [page] = Object.values(body).filter(Array.isArray) as { id: string }[][];
    ids.push(...(page ?? []).map(({ id }) => id));
    next = body['next'] as string | null;
  }
  return ids;
}

t.test('lists', async (t) => {
  const { operations, bench: { corridor: { pool } } } = await realOperations(t);
  const database = databaseAccess(pool);
  await database.transaction((session) => maintainAudit(session, new Date(), new Date(0)));
  for (const fill of Object.values(fills)) await pool.query(fill.replace(/FROM n$/, `FROM generate_series(1, ${rows}) AS n`));
  for (let n = 1; n <= rows; n += 1) await database.transaction((session) => saveReport(session, { schedule: 'upkeep', from: new Date(n), to: new Date(n), madeAt: new Date(), summary: {}, text: String(n), html: '' }));
  operations.access.standing = async () => ({ made: 0, usable: 0 }); // stays open
  const { call } = await startApi(t, operations);

  await t.test('each comes in pages, the newest or the oldest first, with nothing twice and nothing left out', async (t) => {
    t.same(lists.map(({ path }) => path).sort(), ['/v1/alerts', '/v1/audit', '/v1/dead-letters', '/v1/healing', '/v1/job-attempts', '/v1/jobs', '/v1/reports', '/v1/runs', '/v1/ticks', '/v1/tokens', '/v1/webhook-lost', '/v1/webhooks']);
    for (const list of lists.filter(({ path }) => path in fills || path === '/v1/reports')) {
      const newest = await walk(call, list, 'newest');
      t.ok(newest.length >= rows, `${list.path} has ${newest.length}`);
      t.same(newest, newest.toSorted((one, other) => byNumbers(other, one)), `${list.path} by number, not by text`);
      t.same(await walk(call, list, 'oldest'), newest.toReversed(), list.path);
      t.equal(new Set(newest).size, newest.length);
    }
    const [at] = (await pool.query<{ at: Date }>(`SELECT min(ended_at) AS at FROM job_history WHERE task = 'works'`)).rows;
    for (const path of ['/v1/job-attempts', '/v1/webhook-lost']) {
      const list = lists.find((one) => one.path === path) as Route;
      const all = await walk(call, list, 'newest');
      const border = new Date((at?.at.getTime() ?? 0) + 90 * 60_000).toISOString();
      const [early, late] = [await walk(call, list, 'newest', `&until=${border}`), await walk(call, list, 'newest', `&since=${border}`)];
      t.ok(early.length > 0 && late.length > 0, path);
      t.same([...late, ...early], all, `a moment cuts ${path} in two`);
      t.equal((await call(`${path}?before=17`)).status, 400, 'the cursor of another list');
    }
    t.match(await call('/v1/reports/latest'), { body: { text: String(rows) } }, 'the newest report is the newest by number');
  });

  await t.test('a span of time names the same runs from either end, its begin included and its end not', async (t) => {
    const { rows: all } = await pool.query('SELECT id::text AS id, queued_at FROM runs ORDER BY runs.id');
    const [from, to] = [all[3], all[8]] as { id: string; queued_at: Date }[];
    const [runs] = lists.filter(({ path }) => path === '/v1/runs') as [Route];
    const span = `&since=${encodeURIComponent((from as { queued_at: Date }).queued_at.toISOString())}&until=${encodeURIComponent(new Date((to as { queued_at: Date }).queued_at.getTime() + 1).toISOString())}`;
    t.same(await walk(call, runs, 'oldest', span), all.slice(3, 9).map(({ id }) => id as string));
    t.same(await walk(call, runs, 'newest', span), all.slice(3, 9).map(({ id }) => id as string).toReversed());
    t.same(await walk(call, runs, 'newest', `&since=${encodeURIComponent('2999-01-01')}`), []);
    t.same(await walk(call, runs, 'oldest', `&until=${encodeURIComponent('2001-01-01')}`), []);
  });
});

t.test('what only reads may change nothing, and does not wait behind the work', async (t) => {
  const { url } = await testDatabase(t);
  const opened = await openDatabase({ url, schema: 'tds', poolSize: 1, dataDirectory: '', migrations: fileURLToPath(new URL('../../core/store/migrations', import.meta.url)), log: silentLogger });
  t.teardown(() => opened.close());
  const { reads, transaction } = databaseAccess(opened.pool, opened.reads);
  await transaction(async () => {
    t.same(await listRuns(reads, { limit: 5 }), [], 'the only connection of the work is taken');
  });
  await t.rejects(reads.query('DELETE FROM runs'), { code: '25006' });
  await t.rejects(reads.query(`SELECT graphile_worker.add_job('run')`), { code: '25006' });
});
