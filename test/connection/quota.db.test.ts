/** The ledger of the day, shared by nodes: two connection layers on one database. */
import { t } from 'tap';
import { withCallContext, type CallPurpose } from '../../core/connection/context.ts';
import { createConnection, type Connection, type ConnectionDeps } from '../../core/connection/connection.ts';
import { lookBy } from '../../core/connection/look.ts';
import { quotaReport } from '../../core/connection/quota-report.ts';
import type { QuotaPause } from '../../core/connection/quota-types.ts';
import { reservedCalls } from '../../core/connection/settings.ts';
import { dayStartIn } from '../../core/connection/zone.ts';
import { silentLogger } from '../../core/monitor/log.ts';
import { createPool } from '../../core/store/pool.ts';
import { maintainPartitions } from '../../core/store/partitions.ts';
import { databaseAccess, readingOf } from '../../core/store/session.ts';
import { TestClock } from '../support/clock.ts';
import { testDatabase } from '../support/database.ts';
import { until } from '../support/processes.ts';
import { transportOf } from './support.ts';

const { pool, url } = await testDatabase(t);
const otherPool = createPool({ url, schema: 'tds' });
t.teardown(() => otherPool.end());
const remote = 'http://remote/';

function node(id: string, clock: TestClock, more: Partial<ConnectionDeps>, itsPool = pool): Connection {
  const connection = createConnection({ id, clock, log: silentLogger, pool: itsPool, transport: transportOf(async () => ({})), random: () => 1, ...more });
  t.teardown(() => connection.close());
  return connection;
}

const calls = (connection: Connection, purpose: CallPurpose, count: number): Promise<PromiseSettledResult<unknown>[]> =>
  withCallContext({ purpose, entity: 'things' }, () => Promise.allSettled(Array.from({ length: count }, () => connection.http.send({ url: remote }))));
const sent = (ends: PromiseSettledResult<unknown>[]): number => ends.filter(({ status }) => status === 'fulfilled').length;
const refusals = (ends: PromiseSettledResult<unknown>[]): string[] => [...new Set(ends.flatMap((end) => (end.status === 'rejected' ? [(end.reason as { code: string }).code] : [])))];

async function ledger(connection: string): Promise<number> {
  const { rows } = await pool.query<{ calls: string }>('SELECT coalesce(sum(calls), 0) AS calls FROM quota_calls WHERE connection = $1', [connection]);
  return Number(rows[0]?.calls);
}

t.test('two nodes never make one call too many between them, and the reserve stays whole', async (t) => {
  const clock = new TestClock();
  let arrived = 0;
  const limits = { perDay: 40, reserve: 0.25 };
  const transport = transportOf(async () => (arrived++, {}));
  const [a, b] = [node('pair', clock, { limits, transport }), node('pair', clock, { limits, transport }, otherPool)];
  const bulk = (await Promise.all([calls(a, 'full', 25), calls(b, 'details', 25), calls(a, 'comparison', 10)])).flat();
  t.equal(arrived, 30, 'bulk work stops where the reserve begins');
  t.equal(sent(bulk), 30);
  t.same(refusals(bulk), ['connection.quota_reserved']);
  const urgent = (await Promise.all([calls(a, 'webhook', 6), calls(b, 'repair', 6)])).flat();
  t.equal(sent(urgent), 10, 'the reserve is there to the last call');
  t.same(refusals(urgent), ['connection.quota_spent']);
  t.equal(arrived, 40);
  t.equal(await ledger('pair'), 40, 'every call stands in the ledger, and none that was not made');
});

t.test('a call stands in the ledger before it arrives, so a kill loses none', async (t) => {
  let arrived = 0;
  const missing: number[] = [];
  const connection = node('ahead', new TestClock(), {
    limits: { perDay: 1000 },
    transport: transportOf(async () => {
      const now = ++arrived;
      if (await ledger('ahead') < now) missing.push(now);
      return {};
    }),
  });
  await calls(connection, 'full', 20);
  t.equal(arrived, 20);
  t.same(missing, []);
});

t.test('where many calls are made a second, several are written down at once, and the ledger is still never behind', async (t) => {
  const clock = new TestClock();
  let [arrived, writes] = [0, 0];
  const behind: number[] = [];
  const counting = createPool({ url, schema: 'tds' });
  t.teardown(() => counting.end());
  counting.on('acquire', () => void writes++);
  const connection = node('many', clock, {
    limits: { perDay: 10_000, reserve: 0 },
    transport: transportOf(async () => {
      const now = ++arrived;
      if (await ledger('many') < now) behind.push(now);
      return {};
    }),
  }, counting);
  for (let second = 0; second < 5; second += 1) {
    for (let call = 0; call < 50; call += 1) await calls(connection, 'full', 1);
    t.match((await connection.look()).quota, { used: arrived, spent: [{ entity: 'things', purpose: 'full', calls: arrived }] }, 'what is written ahead is no call');
    await clock.advance(1000);
  }
  t.equal(arrived, 250);
  t.same(behind, []);
  t.ok(writes < 150, `${writes} writes`);
  await clock.advance(2000);
  await until('what is not used is taken out again', async () => await ledger('many') === 250);
  await calls(connection, 'full', 40);
  await connection.close();
  t.equal(await ledger('many'), 290, 'at a stop too');
});

t.test('a node that was idle for hours knows what the other one has spent before its first call leaves', async (t) => {
  const clock = new TestClock();
  const limits = { perDay: 10, reserve: 0 };
  const [idle, busy] = [node('idle', clock, { limits }), node('idle', clock, { limits }, otherPool)];
  await calls(idle, 'full', 1);
  await clock.advance(3 * 3_600_000);
  t.equal(sent(await calls(busy, 'full', 9)), 9);
  t.equal(sent(await calls(idle, 'full', 1)), 0);
  t.match((await idle.look()).quota, { used: 10, left: 0 });
  await clock.advance(1000);
  await until('the refused one is taken out again', async () => await ledger('idle') === 10);
});

t.test('bulk work that pauses is told of once a day, and goes on when the day turns', async (t) => {
  const clock = new TestClock('2026-01-05T20:00:00Z');
  const pauses: QuotaPause[] = [];
  const options = { limits: { perDay: 10, reserve: 4 }, timezone: 'Asia/Baghdad', onQuotaPause: (pause: QuotaPause) => void pauses.push(pause) };
  const a = node('told', clock, options);
  t.equal(sent(await calls(a, 'full', 8)), 6);
  t.same(pauses, [{ left: 4, reserve: 4, resumesAt: new Date('2026-01-05T21:00:00Z') }]);
  await a.close();
  const b = node('told', clock, options, otherPool);
  t.equal(sent(await calls(b, 'full', 2)), 0);
  t.equal(pauses.length, 1, 'nor again by another node or after a restart');
  t.match((await b.look()).quota, { used: 6, left: 4, reserve: 4, leftForBulk: 0, bulkPaused: true, turnsAt: new Date('2026-01-05T21:00:00Z') });
  await clock.moveTo('2026-01-05T21:00:00Z');
  t.equal(sent(await calls(b, 'full', 2)), 2);
  t.match((await b.look()).quota, { day: '2026-01-06', used: 2, bulkPaused: false, spent: [{ entity: 'things', purpose: 'full', calls: 2 }] });
});

t.test('what the service says of others who use the account is known to all nodes', async (t) => {
  const clock = new TestClock();
  const headers = { 'x-rate-limit-limit': '100', 'x-rate-limit-remaining': '40', 'x-rate-limit-reset': '57600' };
  const limits = { perDay: 1000, reserve: 10 };
  const [a, b] = [node('others', clock, { limits, transport: transportOf(async () => ({ headers })) }), node('others', clock, { limits }, otherPool)];
  await calls(a, 'full', 1);
  t.match((await a.look()).quota, { limit: 100, used: 60, elsewhere: 59, left: 40, leftForBulk: 30 });
  await clock.advance(1000);
  await until('it is written', async () => (await pool.query(`SELECT FROM quota_days WHERE connection = 'others' AND elsewhere = 59`)).rowCount === 1);
  t.match((await b.look()).quota, { limit: 100, used: 60, elsewhere: 59, left: 40, leftForBulk: 30 });
  t.equal(sent(await calls(b, 'full', 40)), 30);
});

t.test('a look at several connections at once is one statement, which changes nothing and holds up no call', async (t) => {
  const clock = new TestClock();
  const looking = createPool({ url, schema: 'tds', readOnly: true });
  t.teardown(() => looking.end());
  const statements: string[] = [];
  const looks = lookBy({ query: (text, values) => (statements.push(text), readingOf(looking).query(text, values)) });
  const nodes = ['eyed', 'eyed too', 'eyed as well'].map((id) => node(id, clock, { limits: { perDay: 100, reserve: 10 }, looks }));
  for (const [at, connection] of nodes.entries()) await calls(connection, 'full', at + 1);
  await pool.query(`INSERT INTO breakers (connection, resumes_at, code) VALUES ('eyed too', $1, 'http.status_503')`, [clock.now().getTime() + 60_000]);
  await pool.query(`INSERT INTO tokens (connection, name, denied_at, denied_code, denied_message) VALUES ($1, 'access', '2026-01-05T08:00:00.5Z', 'x', 'revoked')`, [nodes[2]?.signInName]);
  const hold = await otherPool.connect();
  try {
    await hold.query(`BEGIN; SELECT FROM quota_days WHERE connection LIKE 'eyed%' FOR UPDATE`);
    t.match(await Promise.all(nodes.map((connection) => connection.look())), [
      { breaker: { state: 'closed' }, quota: { used: 1, left: 99, leftForBulk: 89, spent: [{ entity: 'things', purpose: 'full', calls: 1 }] }, signIn: undefined },
      { breaker: { state: 'open', code: 'http.status_503', resumesAt: new Date(clock.now().getTime() + 60_000) }, quota: { used: 2 }, signIn: undefined },
      { breaker: { state: 'closed' }, quota: { used: 3 }, signIn: { at: new Date('2026-01-05T08:00:00.5Z'), code: 'x', message: 'revoked' } },
    ], 'also while another node writes the ledger');
  } finally {
    await hold.query('ROLLBACK');
    hold.release();
  }
  t.equal(statements.length, 1);
});

t.test('the report says when the calls run out at today\'s pace', (t) => {
  const report = (used: number, now: string): ReturnType<typeof quotaReport> =>
    quotaReport({ connection: 'x', day: '2026-01-05', zone: 'Asia/Baghdad', limit: 1000, reserve: 100, known: { calls: used, elsewhere: 0 }, used, entries: [], now: new Date(now) });
  // Baghdad's day began at 21:00 UTC; 6 hours later half of the calls are gone.
  t.match(report(500, '2026-01-05T03:00:00Z'), { perHour: 83.3, runsOutAt: new Date('2026-01-05T09:00:00Z'), bulkPausesAt: new Date('2026-01-05T07:48:00Z'), bulkPaused: false, turnsAt: new Date('2026-01-05T21:00:00Z') });
  t.match(report(100, '2026-01-05T09:00:00Z'), { runsOutAt: null, bulkPausesAt: null }, 'not today');
  t.match(report(0, '2026-01-05T09:00:00Z'), { perHour: 0, runsOutAt: null });
  t.match(report(950, '2026-01-05T09:00:00Z'), { left: 50, leftForBulk: 0, bulkPaused: true });
  t.equal(dayStartIn('Asia/Beirut', new Date('2026-03-29T12:00:00Z')).toISOString(), '2026-03-28T22:00:00.000Z', 'a day without a midnight');
  t.equal(dayStartIn('America/New_York', new Date('2026-11-01T20:00:00Z')).toISOString(), '2026-11-01T04:00:00.000Z', 'a day of 25 hours');
  t.end();
});

t.test('a reserve is a share or a number', (t) => {
  t.same([reservedCalls({ reserve: 0.1 }, 30), reservedCalls({ reserve: 0.15 }, 1000), reservedCalls({ reserve: 0.15 }, 10), reservedCalls({ reserve: 150 }, 1000), reservedCalls({ reserve: 150 }, 100), reservedCalls({ reserve: 0.1 }, undefined), reservedCalls({}, 10)], [3, 150, 2, 150, 100, 0, 0]);
  t.end();
});

t.test('what is older than it is to be kept goes from the ledger', async (t) => {
  await pool.query(`INSERT INTO quota_calls (connection, day, entity, purpose, calls) VALUES ('old', '2025-09-01', '', 'full', 3), ('old', '2025-12-20', '', 'full', 4)`);
  await pool.query(`INSERT INTO quota_days (connection, day) VALUES ('old', '2025-09-01'), ('old', '2025-12-20')`);
  const day = 86_400_000;
  const { quota } = await databaseAccess(pool).transaction((session) => maintainPartitions(session, new Date('2026-01-05T08:00:00Z'), { rawHistory: 90 * day, runs: 30 * day, quota: 90 * day, webhooks: 14 * day }));
  t.equal(quota, 2);
  t.equal(await ledger('old'), 4);
  t.equal((await pool.query(`SELECT 1 FROM quota_days WHERE connection = 'old'`)).rowCount, 1);
});
