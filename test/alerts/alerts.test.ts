/** States, grouping, silences, quiet hours, several nodes, and messages that don't get through. */
import t from 'tap';
import { fingerprintOf } from '../../core/alerts/conditions.ts';
import { Evaluator } from '../../core/alerts/evaluator.ts';
import { isQuiet } from '../../core/alerts/quiet-hours.ts';
import type { ConnectionFigures } from '../../core/monitor/metrics/index.ts';
import type { JobContext } from '../../core/queue/index.ts';
import { databaseAccess } from '../../core/store/session.ts';
import { collectingLog } from '../queue/support.ts';
import { testDatabase } from '../support/database.ts';
import { until } from '../support/processes.ts';
import { TestClock } from '../support/clock.ts';
import { hour, minute, second, watch, type Heard } from './support.ts';

const { pool } = await testDatabase(t);
t.beforeEach(() => pool.query(['alerts', 'alert_events', 'alert_samples', 'alert_turns', 'alert_silences', 'notifications', 'notifier_states', 'nodes', 'tokens'].map((table) => `DELETE FROM ${table}`).join('; ')));

const connection = (id: string, state: 'open' | 'closed'): ConnectionFigures => ({ id, waiting: state === 'open' ? 1 : 0, inFlight: 0, quota: undefined });
/** One rule of our own, on calls that wait. */
const rules = { rested: { metric: 'tds_connection_calls_waiting', above: 0.9, for: 30 * second, by: ['connection'], summary: '{connection} rests', help: 'tds check {connection}' } };
const alerts = { defaults: false, rules };
/** The next attempt's time has come. */
const due = (): Promise<unknown> => pool.query(`UPDATE notifications SET claimed_until = NULL WHERE state = 'waiting'`);
const told = (heard: readonly Heard[]): string[] => heard.map(({ notifier, message }) => `${notifier} ${message.kind} ${message.alerts.map(({ summary }) => summary).join(', ')}`);

t.test('what lasts shorter than its rule says is told to nobody, and leaves nothing', async (t) => {
  const here = watch(t, pool, { alerts, notifiers: { mail: {} } });
  here.connections.push(connection('shop', 'open'));
  t.same(await here.after(0), []);
  t.match(await here.alerting.operations.list({ limit: 9 }), [{ state: 'pending', rule: 'rested', labels: { connection: 'shop' } }]);
  here.connections.splice(0, 1, connection('shop', 'closed'));
  t.same(await here.after(20 * second), []);
  t.same(await here.alerting.operations.list({ limit: 9 }), []);
});

t.test('alerts of one rule come together, late ones after the pause of the group, and still firing ones again', async (t) => {
  const here = watch(t, pool, { alerts, notifiers: { mail: {} } });
  here.connections.push(connection('a', 'open'), connection('b', 'open'));
  await here.after(0);
  t.same(told(await here.after(30 * second)), ['mail firing a rests, b rests']);
  here.connections.push(connection('c', 'open'));
  t.same([...await here.after(0), ...await here.after(10 * second)], []);
  t.same(told(await here.after(30 * second)), ['mail firing c rests']);
  t.same(await here.after(3 * hour), []);
  t.same(told(await here.after(hour)), ['mail repeat a rests, b rests, c rests']);
  t.equal(here.log.lines.filter((line) => line.startsWith('warn alert ')).length, 3, 'the log told each once');
});

t.test('an acknowledged alert is told once more, when it is over', async (t) => {
  const here = watch(t, pool, { alerts, notifiers: { mail: {} } });
  here.connections.push(connection('shop', 'open'));
  await here.after(0);
  await here.after(30 * second);
  const [alert] = await here.alerting.operations.list({ limit: 1 });
  t.equal(await here.alerting.operations.acknowledge(alert?.id ?? '', 'Aram'), 1);
  t.match(await here.alerting.operations.list({ state: 'acknowledged', limit: 1 }), [{ acknowledgedBy: 'Aram' }]);
  t.same([...await here.after(5 * hour), ...await here.after(5 * hour)], []);
  here.connections.splice(0, 1, connection('shop', 'closed'));
  t.same(told(await here.after(minute)), ['mail resolved shop rests']);
  await t.rejects(here.alerting.operations.acknowledge(alert?.id ?? '', 'Aram'), { code: 'operation.unknown_alert' });
  here.connections.splice(0, 1, connection('shop', 'open'));
  await here.after(minute);
  t.same(told(await here.after(minute)), ['mail firing shop rests'], 'when it comes back it is another alert');
});

t.test('a figure that wavers around its limit is told once', async (t) => {
  const here = watch(t, pool, { alerts, notifiers: { mail: {} } });
  here.connections.push(connection('shop', 'open'));
  await here.after(0);
  t.same(told(await here.after(30 * second)), ['mail firing shop rests']);
  const heard: Heard[] = [];
  for (let turn = 0; turn < 20; turn++) {
    here.connections.splice(0, 1, connection('shop', turn % 2 === 0 ? 'closed' : 'open'));
    heard.push(...await here.after(10 * second));
  }
  t.same(told(heard), []);
  here.connections.splice(0, 1, connection('shop', 'closed'));
  t.same(told([...await here.after(10 * second), ...await here.after(10 * second)]), []);
  t.same(told(await here.after(10 * second)), ['mail resolved shop rests'], 'and once when it is calm');
});

t.test('a silence holds messages back until its end, and touches no other thing', async (t) => {
  const here = watch(t, pool, { alerts, notifiers: { mail: {} } });
  const { operations } = here.alerting;
  await operations.silence({ labels: { connection: 'a' }, lasts: hour, reason: 'maintenance', by: 'Aram' });
  here.connections.push(connection('a', 'open'), connection('b', 'open'));
  await here.after(0);
  t.same(told(await here.after(minute)), ['mail firing b rests']);
  t.match(await operations.list({ state: 'firing', limit: 9 }), { length: 2 }, 'the list shows it all the same');
  t.same(told(await here.after(hour)), ['mail firing a rests'], 'what still holds is told afterwards');
  const { id } = await operations.silence({ rule: 'rested', labels: {}, lasts: hour, reason: 'x', by: 'Aram' });
  await operations.endSilence(id);
  await t.rejects(operations.endSilence(id), { code: 'operation.unknown_silence' });
  await t.rejects(operations.silence({ rule: 'rust', labels: {}, lasts: 1, reason: 'x', by: 'y' }), { code: 'operation.unknown_alert_rule' });
});

t.test('in quiet hours only what is critical is told; the rest in the morning, if it still holds', async (t) => {
  const here = watch(t, pool, { timezone: 'Asia/Baghdad', start: '2026-01-05T19:30:00Z', notifiers: { mail: {} }, alerts: { defaults: false, quietHours: '22:00-07:00', rules: {
    ...rules, down: { metric: 'tds_connection_calls_waiting', labels: { connection: 'bank' }, above: 0.9, severity: 'critical', summary: 'the bank rests' },
  } } });
  here.connections.push(connection('bank', 'open'), connection('b', 'open'));
  t.same(told(await here.after(0)), ['mail firing the bank rests']);
  t.same(await here.after(hour), []);
  here.connections.splice(1, 1);
  await here.after(hour);
  here.connections.push(connection('c', 'open'));
  await here.after(minute);
  await here.clock.moveTo('2026-01-06T04:00:30Z');
  t.same(told((await here.after(0)).filter(({ message }) => message.kind === 'firing')), ['mail firing bank rests, c rests']);
  t.same([isQuiet('22:00-07:00', 'UTC', new Date('2026-01-05T22:00:00Z')), isQuiet('22:00-07:00', 'UTC', new Date('2026-01-05T07:00:00Z')), isQuiet('12:00-13:00', 'UTC', new Date('2026-01-05T12:59:59Z')), isQuiet(undefined, 'UTC', new Date())], [true, false, true, false]);
});

t.test('of two nodes one evaluates, on the figures of both', async (t) => {
  const clock = new TestClock('2026-01-05T08:00:00Z');
  const both = [{ nodeId: 'one' }, { nodeId: 'two' }].map(({ nodeId }) => watch(t, pool, { nodeId, clock, notifiers: { mail: {} }, alerts: { defaults: false, rules: { full: { metric: 'tds_memory_used_ratio', above: 0.8, summary: 'memory of {node} at {value}' } } } }));
  const [one, two] = both as [ReturnType<typeof watch>, ReturnType<typeof watch>];
  two.samples.push({ name: 'tds_memory_used_ratio', labels: {}, value: 0.9 });
  await Promise.all(both.map((node) => node.alerting.evaluator.tick()));
  await clock.advance(10 * second);
  const turns = await Promise.all(both.map((node) => node.alerting.evaluator.tick()));
  t.equal(turns.filter((turn) => turn !== undefined).length, 1, 'one had the turn');
  await Promise.all(both.map((node) => node.alerting.settled()));
  await clock.advance(10 * second);
  await one.alerting.evaluator.tick();
  await one.alerting.settled();
  t.same(told([...one.heard, ...two.heard]), ['mail firing memory of two at 90 %']);
});

t.test('a message that does not get through is tried by its job too, and a dead channel is told by the others', async (t) => {
  const here = watch(t, pool, { alerts: { defaults: true, rules: {} }, notifiers: { mail: {}, chat: {} } });
  await pool.query(`INSERT INTO nodes (pool_id, node_id, host, machine, pid, version, concurrency) VALUES ('p', 'n', 'h', 'm', 1, '1', 4)`);
  here.broken.add('chat');
  await pool.query(`INSERT INTO tokens (connection, name, denied_at, denied_code, denied_message) VALUES ('shop-account', 'access', now(), 'x', 'no')`);
  t.same((await here.after(10 * second)).map(({ notifier }) => notifier), ['mail']);
  const rows = async (): Promise<{ state: string; attempts: number; error: string | null }[]> => (await pool.query(`SELECT state, attempts, error FROM notifications WHERE notifier = 'chat' AND rule = 'token-revoked'`)).rows;
  t.same(await rows(), [{ state: 'waiting', attempts: 1, error: 'chat is down, and says •••' }]);
  const id = here.jobs.at(-1) ?? '';
  const job = (attempt: number, notification: string): Promise<unknown> => here.alerting.handler({ payload: { notification }, attempt, maxAttempts: 12, signal: new AbortController().signal } as unknown as JobContext<never>) as Promise<unknown>;
  t.match(await job(1, id), { name: 'Postponement' }, 'not before its time');
  for (const attempt of [1, 2]) {
    await due();
    await t.rejects(job(attempt, id), /chat is down/, 'the queue tries again');
  }
  t.same(told((await here.after(10 * second)).filter(({ message }) => message.rule === 'notifier-failing')), ['mail firing messages do not get through by chat: attempts keep failing, or one was refused for good']);
  here.broken.delete('chat');
  await due();
  await job(3, id);
  t.same((await rows()).map(({ state, attempts }) => ({ state, attempts })), [{ state: 'sent', attempts: 4 }]);
  await job(4, id);
  t.equal(here.heard.filter(({ notifier, message }) => notifier === 'chat' && message.rule === 'token-revoked').length, 1, 'a job that comes again sends nothing');
  t.same(told((await here.after(minute)).filter(({ message }) => message.rule === 'notifier-failing')), ['mail resolved messages do not get through by chat: attempts keep failing, or one was refused for good']);
  t.notMatch(here.log.lines.join('\n').replaceAll(/"error":"[^"]*"/g, ''), /s3cret/);
});

t.test('a message is given up at its last attempt, or when it can never get through', async (t) => {
  const here = watch(t, pool, { alerts, notifiers: { mail: {} } });
  here.broken.add('mail');
  here.connections.push(connection('shop', 'open'));
  await here.after(0);
  await here.after(30 * second);
  await due();
  await here.alerting.handler({ payload: { notification: here.jobs[0] }, attempt: 12, maxAttempts: 12, signal: new AbortController().signal } as unknown as JobContext<never>);
  t.match((await pool.query('SELECT state FROM notifications')).rows, [{ state: 'failed' }]);
  t.match((await pool.query('SELECT failed, failing FROM notifier_states')).rows, [{ failed: '1', failing: 2 }]);
  here.hopeless.add('mail');
  here.connections.push(connection('other', 'open'));
  await here.after(10 * second);
  await here.after(minute);
  t.match((await pool.query('SELECT state, attempts, error FROM notifications ORDER BY id')).rows[1], { state: 'failed', attempts: 1, error: 'no such chat' });
});

t.test('a message that did not get through waits for no worker: the ticks try it again, after growing pauses, and give it up at last', async (t) => {
  const here = watch(t, pool, { alerts, notifiers: { mail: {} } });
  here.broken.add('mail');
  here.connections.push(connection('shop', 'open'));
  await here.after(0);
  await here.after(30 * second);
  const row = async (): Promise<unknown> => (await pool.query(`SELECT state, attempts, round(extract(epoch FROM claimed_until - clock_timestamp()))::int AS pause FROM notifications`)).rows[0];
  t.match(await row(), { state: 'waiting', attempts: 1, pause: 5 });
  await here.after(10 * second);
  t.match(await row(), { attempts: 1 }, 'not before its time');
  for (const pause of [10, 20]) {
    await due();
    await here.after(10 * second);
    t.match(await row(), { state: 'waiting', pause });
  }
  here.broken.delete('mail');
  await due();
  t.same(told(await here.after(10 * second)), ['mail firing shop rests']);
  t.match(await row(), { state: 'sent', attempts: 4 });
  here.broken.add('mail');
  await pool.query(`UPDATE notifications SET state = 'waiting', attempts = 11, claimed_until = NULL`);
  await here.after(10 * second);
  t.match(await row(), { state: 'failed', attempts: 12 });
});

t.test('a channel that refuses one message for good is told by the others at once, and what the config has no more is not', async (t) => {
  const here = watch(t, pool, { alerts: { defaults: true, rules: {} }, notifiers: { mail: {}, chat: {} } });
  await pool.query(`INSERT INTO nodes (pool_id, node_id, host, machine, pid, version, concurrency) VALUES ('p', 'n', 'h', 'm', 1, '1', 4)`);
  here.hopeless.add('chat');
  await pool.query(`INSERT INTO notifications (notifier, kind, rule, message, created_at) SELECT 'fax', 'firing', 'r', '{"alerts":[]}', now()`);
  await pool.query(`INSERT INTO tokens (connection, name, denied_at, denied_code, denied_message) VALUES ('shop-account', 'access', now(), 'x', 'no')`);
  t.same(told(await here.after(10 * second)), ['mail firing the sign-in of shop was refused for good: it does nothing until a person renews it']);
  t.same(told(await here.after(10 * second)), ['mail firing messages do not get through by chat: attempts keep failing, or one was refused for good']);
  t.same((await pool.query(`SELECT notifier FROM notifier_states WHERE failing > 0`)).rows, [{ notifier: 'chat' }]);
  here.hopeless.delete('chat');
  await here.alerting.operations.test('chat', AbortSignal.timeout(120_000));
  await here.after(10 * second);
  t.same(told((await here.after(minute)).filter(({ notifier }) => notifier === 'mail')), ['mail resolved messages do not get through by chat: attempts keep failing, or one was refused for good'], 'a test that gets through is enough');
});

t.test('of more events than a look takes the newest count', async (t) => {
  const here = watch(t, pool, { alerts: { defaults: false, rules: { lost: { event: 'node.lost', by: ['node'], summary: '{node}' } } }, notifiers: { mail: {} } });
  await pool.query(`INSERT INTO alert_events (name, detail, at) SELECT 'other', '{}', $1::timestamptz - interval '1 minute' FROM generate_series(1, 10001)`, [here.clock.now()]);
  here.events.emit('node.lost', { node: 'the newest' });
  t.same(told(await here.after(10 * second)), ['mail firing the newest']);
});

t.test('while the figures of the database are missing nothing looks as if it were over', async (t) => {
  const here = watch(t, pool, { alerts, notifiers: { mail: {} } });
  here.connections.push(connection('shop', 'open'));
  await here.after(0);
  await here.after(30 * second);
  here.samples.push({ name: 'tds_database_up', labels: {}, value: 0 });
  await here.clock.advance(20 * second);
  await t.rejects(here.alerting.evaluator.tick(), /figures of the database are missing/);
  t.match(await here.alerting.operations.list({ limit: 9 }), [{ state: 'firing' }]);
});

t.test('that the rules can not be evaluated is said once, and once that they are again', async (t) => {
  const clock = new TestClock('2026-01-05T08:00:00Z');
  const log = collectingLog();
  let away = true;
  let turns = 0;
  const evaluator = new Evaluator({
    rules: [], channels: [], registry: { declared: [], samples: async () => [] }, database: databaseAccess(pool), pool, clock, log, nodeId: () => 'node-1', source: 'erp-1', zone: 'UTC', every: 10 * second, group: 0, repeat: hour, keep: hour,
    enqueue: async () => undefined, deliver: () => undefined, takeUpDue: async () => undefined, now: async () => clock.now(),
    async flushEvents() {
      turns += 1;
      if (away) throw new Error('timeout exceeded when trying to connect');
    },
  });
  t.teardown(() => evaluator.stop());
  evaluator.start();
  const turn = (count: number): Promise<unknown> => until(`turn ${count}`, async () => {
    await clock.advance(10 * second);
    return turns >= count;
  });
  await turn(4);
  away = false;
  await turn(turns + 3);
  const said = log.lines.filter((line) => line.startsWith('warn the alert rules'));
  t.match(said, [/can not be evaluated/, /are evaluated again/]);
  t.equal(said.length, 2);
});

t.test('a test goes to one notifier, or to each, and says how it went', async (t) => {
  const here = watch(t, pool, { alerts, notifiers: { mail: {}, chat: {} } });
  here.broken.add('chat');
  const { operations } = here.alerting;
  t.match(await operations.test(undefined, AbortSignal.timeout(120_000)), [{ notifier: 'mail', ok: true, message: 'the service took it' }, { notifier: 'chat', ok: false, message: 'chat is down, and says •••' }]);
  t.match(here.heard, [{ message: { kind: 'test', rule: 'test' } }]);
  await t.rejects(operations.test('fax', AbortSignal.timeout(120_000)), { code: 'operation.unknown_notifier' });
});

t.test('an alert is the same whatever the order of its labels', async (t) => t.equal(fingerprintOf('r', { a: '1', b: '2' }), fingerprintOf('r', { b: '2', a: '1' })));
