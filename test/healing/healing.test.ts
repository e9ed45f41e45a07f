import { test } from 'tap';
import { createHealing } from '../../core/healing/index.ts';
import { maintenance } from '../../core/healing/maintenance.ts';
import { namesOf } from '../../core/queue/index.ts';
import { databaseAccess } from '../../core/store/session.ts';
import { testDatabase } from '../support/database.ts';
import { collectingLog } from '../queue/support.ts';
import { TestClock } from '../support/clock.ts';
import { healingRuleIds } from '../../schemas/schedule.ts';
import { hour, ward } from './support.ts';

const days = 24 * hour;

test('what is old goes, chores that fail keep no other from its turn, and a look with nothing to do leaves no row', async (t) => {
  const { pool } = await testDatabase(t);
  let runs = 3;
  let broken = true;
  const w = ward(pool, [maintenance({ every: hour, keepActs: () => 30 * days, chores: [
    async () => { if (broken) throw new Error('the table is locked'); return undefined; },
    async () => (runs === 0 ? undefined : `${runs} old runs removed`),
  ] })]);
  await pool.query(`INSERT INTO healing_acts (rule, fingerprint, seen, done, outcome, node, at) VALUES ('x', 'y', 'z', 'z', 'healed', 'n', $1)`, [new Date(w.clock.now().getTime() - 31 * days)]);
  await w.after(0);
  t.match(await w.acts(), [{ rule: 'maintenance', outcome: 'failed', came: '1 old acts of healing removed; 3 old runs removed; the table is locked' }]);
  broken = false;
  await w.after(hour);
  t.match((await w.acts())[1], { outcome: 'healed', came: '3 old runs removed' });
  runs = 0;
  for (let tick = 0; tick < 10; tick += 1) await w.after(hour);
  t.equal((await w.acts()).length, 2);
});

test('resolved dead letters are removed by age, and it is told; open and discarded ones stay', async (t) => {
  const { pool } = await testDatabase(t);
  await pool.query(`INSERT INTO dead_letters (entity, via, code, message, fingerprint, status, closed_at)
    SELECT 'things', 'full', 'x', 'y', 'z', status, CASE WHEN status <> 'open' THEN now() - age * interval '1 day' END FROM unnest(ARRAY['open', 'resolved', 'discarded']) status, unnest(ARRAY[10, 400]) age`);
  await pool.query(`INSERT INTO dead_letter_attempts (letter_id, via, code, message) SELECT id, 'full', 'x', 'y' FROM dead_letters`);
  const healing = heal(pool);
  t.match(await healing.operations.run({ rule: 'maintenance', dryRun: false, trigger: 'tick' }), [{ found: [{ outcome: 'healed', came: /1 dead letter removed that was resolved more than 365 days ago/ }] }]);
  t.same((await pool.query('SELECT status, count(*)::int AS n FROM dead_letters GROUP BY 1 ORDER BY 1')).rows, [{ status: 'discarded', n: 2 }, { status: 'open', n: 2 }, { status: 'resolved', n: 1 }]);
});

const on = { enabled: true };
const policies = {
  retention: { runs: 30 * days, rawHistory: 90 * days, audit: 400 * days, resolvedDeadLetters: 365 * days, quota: 90 * days, webhooks: 14 * days },
  healing: {
    enabled: true, every: 10_000, cap: 5, stuckJobs: { ...on, after: 300_000 }, orphanedRuns: { ...on, after: 60_000 }, breakers: on, tokens: { ...on, before: 300_000 }, missedSchedules: { ...on, after: 120_000 }, maintenance: { ...on, every: hour },
    deadLetters: { ...on, for: days, firstPause: 60_000, canary: 5, cap: 10 },
  },
};

function heal(pool: Parameters<typeof ward>[0], healing: object = {}) {
  const clock = new TestClock(Date.now());
  return Object.assign(createHealing({
    policies: { ...policies, healing: { ...policies.healing, ...healing } } as never, pool, names: namesOf(), database: databaseAccess(pool), clock, log: collectingLog(), redact: (text) => text, nodeId: () => 'node-1',
    connections: [], connectionClock: clock, causeOf: () => undefined, retry: async () => undefined, retention: () => ({ ...policies.retention, quota: 400 * days }), hearing: () => [], catchUp: async () => 0, requeue: async () => '',
  }), { clock });
}

test('every rule is at work by default, can be switched off by its setting, and tells when it looked', async (t) => {
  const { pool } = await testDatabase(t);
  const healing = heal(pool);
  t.match(await healing.operations.rules(), [
    { id: 'stuck-jobs', every: 30_000, cap: 1, looks: [] }, { id: 'orphaned-runs', cap: 3 }, { id: 'dead-letters', every: 10_000, cap: 10 }, { id: 'breakers', scope: 'all' }, { id: 'tokens', every: 60_000, cap: 5 }, { id: 'missed-schedules', every: 30_000, cap: 5 }, { id: 'maintenance', every: hour },
  ]);
  t.same((await healing.operations.rules()).map((rule) => rule.id), healingRuleIds, 'schedules can name each of them');
  const reports = await healing.operations.run({ dryRun: false, trigger: 'person' });
  t.same(reports.filter((report) => report.error !== undefined), [], 'every rule can look at an empty database');
  t.match((await healing.operations.rules()).map((rule) => rule.looks[0]), Array.from({ length: 7 }, () => ({ lookedBy: 'node-1', error: null })));
  t.same(heal(pool, { deadLetters: { ...policies.healing.deadLetters, enabled: false }, tokens: { enabled: false, before: 1 } }).operations.enabled, true);
  t.same((await heal(pool, { breakers: { enabled: false } }).operations.rules()).map((rule) => rule.id), ['stuck-jobs', 'orphaned-runs', 'dead-letters', 'tokens', 'missed-schedules', 'maintenance']);
});

test('it looks by itself from its start; switched off it looks only when asked', async (t) => {
  const { pool } = await testDatabase(t);
  const off = heal(pool, { enabled: false });
  off.start();
  await off.stop();
  t.same((await off.operations.rules())[0]?.looks, []);
  await off.operations.run({ rule: 'stuck-jobs', dryRun: false, trigger: 'person' });
  t.equal((await off.operations.rules())[0]?.looks.length, 1);
  const healing = heal(pool);
  healing.start();
  await healing.clock.untilPending();
  t.ok((await healing.operations.rules()).every((rule) => rule.looks.length === 1));
  await healing.stop();
});

test('what a person was told of can be reset by its number, or all of it', async (t) => {
  const { pool } = await testDatabase(t);
  const { operations } = heal(pool);
  const act = (fingerprint: string, outcome: string) => pool.query(`INSERT INTO healing_acts (rule, fingerprint, seen, done, outcome, node, at) VALUES ('x', $1, 's', 'd', $2, 'n', now())`, [fingerprint, outcome]);
  for (const [fingerprint, outcome] of [['a', 'failed'], ['a', 'told'], ['b', 'told'], ['c', 'told'], ['d', 'failed']] as const) await act(fingerprint, outcome);
  t.equal(await operations.reset('2'), 1);
  t.match((await operations.acts({ limit: 10 })).map((one) => one.resetAt === null), [true, true, true, false, false]);
  await t.rejects(operations.reset('2'), { code: 'operation.unknown_act' });
  await t.rejects(operations.reset("2' or 1=1"), { code: 'operation.unknown_act' });
  t.equal(await operations.reset('all'), 2);
  t.equal(await operations.reset('all'), 0);
  t.same((await operations.acts({ outcome: 'failed', limit: 10 })).map((one) => one.resetAt === null), [true, false]);
});
