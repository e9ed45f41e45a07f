import { test } from 'tap';
import { claimRule, listRules, resetActs } from '../../core/store/healing-acts.ts';
import { testDatabase } from '../support/database.ts';
import { TestClock } from '../support/clock.ts';
import { fakeRule, hour, minute, ward } from './support.ts';

test('an act is a row: what was seen, what was done, what came of it', async (t) => {
  const { pool } = await testDatabase(t);
  const rule = fakeRule();
  const w = ward(pool, [rule]);
  rule.trouble = ['pump'];
  rule.outcome = { outcome: 'healed', came: 'it runs again, with s3cret' };
  t.match(await w.after(0), [{ rule: 'fake', found: [{ outcome: 'healed' }] }]);
  const acts = await w.acts();
  t.match(acts, [{ rule: 'fake', fingerprint: 'pump', seen: 'pump is broken', done: 'mend pump', outcome: 'healed', came: 'it runs again, with •••', facts: { name: 'pump' }, node: 'node-1', trigger: 'tick' }]);
  t.same(acts[0]?.at, w.clock.now());
  t.match(await w.database.transaction(listRules), [{ rule: 'fake', node: '', found: 1, acts: 1, told: 0, error: null, lookedBy: 'node-1' }]);
});

test('what can not be mended is tried as often as the cap says, told to a person once, and left alone until a reset', async (t) => {
  const { pool } = await testDatabase(t);
  const rule = fakeRule();
  const w = ward(pool, [rule]);
  rule.trouble = ['pump'];
  for (let tick = 0; tick < 20; tick += 1) await w.after(minute);
  t.equal(rule.acted.length, 3);
  const acts = await w.acts();
  t.same(acts.map((act) => act.outcome), ['failed', 'failed', 'failed', 'told']);
  t.match(acts[3], { done: 'a person is told: it was tried 3 times within 24 hours', came: 'look at pump' });
  t.equal(w.log.lines.filter((line) => line.startsWith('warn healing gives up')).length, 1);
  t.ok(w.log.lines.some((line) => line.includes(`tds healing reset ${acts[3]?.id}`)), 'the log says what to type');
  await w.after(30 * hour);
  t.equal(rule.acted.length, 3, 'a day later it is still left alone, as it is still broken');
  t.equal(await w.database.transaction((session) => resetActs(session, acts[3]?.id ?? '', w.clock.now())), 1);
  await w.after(minute);
  t.equal(rule.acted.length, 4);
});

test('trouble that is gone for a day after a person was told of it is acted on again when it comes back', async (t) => {
  const { pool } = await testDatabase(t);
  const rule = fakeRule({ cap: 1 });
  const w = ward(pool, [rule]);
  rule.trouble = ['pump'];
  await w.after(0);
  await w.after(minute);
  rule.trouble = [];
  await w.after(hour);
  rule.trouble = ['pump'];
  await w.after(minute);
  t.same((await w.acts()).map((act) => act.outcome), ['failed', 'told'], 'coming and going does not get around the cap');
  rule.trouble = [];
  await w.after(25 * hour);
  rule.trouble = ['pump'];
  await w.after(minute);
  t.equal(rule.acted.length, 2);
});

test('of any number of nodes one acts at each turn', async (t) => {
  const { pool } = await testDatabase(t);
  const clock = new TestClock(Date.now());
  const rules = ['a', 'b', 'c'].map(() => fakeRule({ cap: 100 }));
  const nodes = rules.map((rule, at) => ward(pool, [rule], { clock, nodeId: () => `node-${at}` }));
  for (const rule of rules) rule.trouble = ['pump'];
  for (let tick = 0; tick < 10; tick += 1) {
    await clock.advance(10_000);
    await Promise.all(nodes.map(({ healer }) => healer.tick()));
  }
  t.equal(rules.reduce((sum, rule) => sum + rule.acted.length, 0), 10);
  t.equal((await nodes[0]!.acts()).length, 10);
});

test('a rule about what lives in a node is followed by each node', async (t) => {
  const { pool } = await testDatabase(t);
  const clock = new TestClock(Date.now());
  const rules = [fakeRule({ scope: 'node' }), fakeRule({ scope: 'node' })];
  const nodes = rules.map((rule, at) => ward(pool, [rule], { clock, nodeId: () => `node-${at}` }));
  await Promise.all(nodes.map(({ healer }) => healer.tick()));
  t.same(rules.map((rule) => rule.looks), [1, 1]);
});

test('while one node is slow with a rule, no other takes it up, even when its turn has come again', async (t) => {
  const { pool } = await testDatabase(t);
  const clock = new TestClock(Date.now());
  const gate = Promise.withResolvers<void>();
  const began = Promise.withResolvers<void>();
  const slow = fakeRule({ async act() { began.resolve(); await gate.promise; return { outcome: 'healed', came: 'at last' }; } });
  const other = fakeRule();
  slow.trouble = other.trouble = ['pump'];
  const [one, two] = [ward(pool, [slow], { clock }), ward(pool, [other], { clock, nodeId: () => 'node-2' })];
  const running = one.healer.tick();
  await began.promise;
  await clock.advance(minute);
  t.same(await two.healer.tick(), []);
  t.match(await two.healer.run({ dryRun: false, trigger: 'person' }), [{ rule: 'fake', busy: true }]);
  gate.resolve();
  await running;
  t.same(other.acted, []);
});

test('a dry run says what would be done and changes nothing', async (t) => {
  const { pool } = await testDatabase(t);
  const rule = fakeRule({ cap: 1 });
  const w = ward(pool, [rule]);
  rule.trouble = ['pump', 'fan'];
  t.match(await w.healer.run({ dryRun: true, trigger: 'person' }), [{ rule: 'fake', found: [{ seen: 'pump is broken', done: 'mend pump', outcome: 'would' }, { outcome: 'would' }] }]);
  t.same([rule.acted, await w.acts(), await w.database.transaction(listRules)], [[], [], []]);
  await w.healer.run({ rule: 'fake', dryRun: false, trigger: 'person' });
  t.match(await w.acts(), [{ trigger: 'person' }, { trigger: 'person' }]);
  t.match(await w.healer.run({ dryRun: true, trigger: 'person' }), [{ found: [{ outcome: 'told', came: 'look at pump' }, { outcome: 'told' }] }]);
  await t.rejects(w.healer.run({ rule: 'fakes', dryRun: true, trigger: 'person' }), { code: 'operation.unknown_rule' });
});

test('a rule that throws is noted and keeps no other from its turn; an act that throws has failed', async (t) => {
  const { pool } = await testDatabase(t);
  const broken = fakeRule({ id: 'broken', look: () => Promise.reject(new Error('no s3cret eyes')) });
  const clumsy = fakeRule({ act: () => Promise.reject(new Error('no s3cret hands')) });
  clumsy.trouble = ['pump'];
  const w = ward(pool, [broken, clumsy]);
  await w.after(0);
  t.match(await w.database.transaction(listRules), [{ rule: 'broken', error: 'no ••• eyes' }, { rule: 'fake', acts: 1 }]);
  t.match(await w.acts(), [{ rule: 'fake', outcome: 'failed', came: 'no ••• hands' }]);
});

test('an act whose node died counts, and is ended by the next look', async (t) => {
  const { pool } = await testDatabase(t);
  const rule = fakeRule({ cap: 1 });
  const w = ward(pool, [rule]);
  await pool.query(`INSERT INTO healing_acts (rule, fingerprint, seen, done, outcome, node, at) VALUES ('fake', 'pump', 'pump is broken', 'mend pump', 'started', 'gone', $1)`, [w.clock.now()]);
  rule.trouble = ['pump'];
  await w.after(minute);
  t.match(await w.acts(), [{ outcome: 'failed', came: 'the node ended before it was done' }, { outcome: 'told' }]);
  t.same(rule.acted, []);
});

test('it looks from its start, again after each pause, and ends when it is stopped', async (t) => {
  const { pool } = await testDatabase(t);
  const looked: (() => void)[] = [];
  const looks = [1, 2].map(() => new Promise<void>((resolve) => looked.push(resolve)));
  const rule = fakeRule({ async look() { looked.shift()?.(); return []; } });
  const w = ward(pool, [rule]);
  w.healer.start();
  await looks[0];
  await w.clock.untilPending();
  await w.clock.advance(10_000);
  await looks[1];
  await w.healer.stop();
  await w.healer.stop();
  await w.clock.advance(minute);
  t.equal(w.clock.pending, 0);
});

test('a turn is claimed once, and again only when it is due or asked for', async (t) => {
  const { pool } = await testDatabase(t);
  const { database, clock } = ward(pool, []);
  const claim = (by: string, force = false): Promise<boolean> => database.transaction((session) => claimRule(session, { rule: 'x', node: '', by, now: clock.now(), nextAt: new Date(clock.now().getTime() + minute), force }));
  t.same([await claim('a'), await claim('b'), await claim('b', true)], [true, false, true]);
  await clock.advance(minute);
  t.same([await claim('b'), await claim('a')], [true, false]);
});
