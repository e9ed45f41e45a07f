/** Each rule that ships: the fault is made, people hear of it within a minute, once, and of its end. */
import t from 'tap';
import { defaultRules } from '../../core/alerts/default-rules.ts';
import type { ConnectionFigures } from '../../core/monitor/metrics/index.ts';
import { createPool } from '../../core/store/pool.ts';
import { testDatabase } from '../support/database.ts';
import { hour, minute, second, watch, type Watch } from './support.ts';

const { pool, url } = await testDatabase(t);
/** That of the process, which can be filled. */
const small = createPool({ url, schema: 'tds', max: 1 });
t.teardown(() => small.end());
const free = async ({ waiters }: Watch): Promise<void> => { for (const waiter of waiters.splice(0)) (await waiter).release(); };
const shop: ConnectionFigures = { id: 'shop', waiting: 0, inFlight: 0, quota: { used: 100, limit: 1000, elapsed: 0.5 } };
const letters = (at: Date, count: number): Promise<unknown> => pool.query(`INSERT INTO dead_letters (entity, via, code, message, fingerprint, first_at, key) SELECT 'products', 'full', 'map.bad', 'no', 'f', $1, n FROM generate_series(1, $2) n`, [at, count]);
const run = (status: string, at: Date): Promise<unknown> => pool.query(`INSERT INTO runs (entity, mode, trigger, status, started_at, ended_at) VALUES ('products', 'full', 'test', $1, $2, $2)`, [status, at]);
const ticked = (at: Date, seconds: number): Promise<unknown> => pool.query(`INSERT INTO ticks (schedule, planned, until_at, due_at, enqueued_at, ended_at, trigger, work, status) VALUES ('stock', $1, $1::timestamptz + interval '15 min', $1, $1, $1::timestamptz + make_interval(secs => $2), 'time', 'sync', 'succeeded')`, [at, seconds]);
const schedule = (at: Date): Promise<unknown> => pool.query(`INSERT INTO schedules (schedule, definition, timing, cursor, next_at, due_at) VALUES ('stock', 'd', 't', $1, $1, $1) ON CONFLICT (schedule) DO UPDATE SET next_at = $1, due_at = $1`, [at]);
const node = async (concurrency: number): Promise<unknown> => pool.query(`INSERT INTO nodes (pool_id, node_id, host, machine, pid, version, concurrency) VALUES ('p', 'n', 'h', 'm', 1, '1', $1) ON CONFLICT (pool_id) DO UPDATE SET concurrency = $1`, [concurrency]);

/** Changes of this hour: told by a message, or lost. */
const changes = (at: Date, told: number, lost: number): Promise<unknown> => pool.query(`WITH e AS (INSERT INTO webhook_entities (entity) VALUES ('products') ON CONFLICT DO NOTHING)
  INSERT INTO webhook_counts (hour, entity, name, count) SELECT date_trunc('hour', $1::timestamptz), 'products', name, n FROM (VALUES ('applied', $2::bigint), ('lost', $3)) AS v (name, n) ON CONFLICT (hour, entity, name) DO UPDATE SET count = excluded.count`, [at, told, lost]);
const refused = ({ metrics, clock }: Watch, reason: string, count: number): void => { for (let n = 0; n < count; n += 1) metrics.webhooks.refused('products', reason, clock.now()); };

interface Case {
  make: (watch: Watch) => unknown;
  mend: (watch: Watch) => unknown;
  /** What the message says. */
  says: RegExp; helps: RegExp;
  /** Until it is over after the mending, in ms. Default: at once. */
  lasts?: number;
  /** Who hears; default: mail, and chat where it is critical. */
  heardBy?: string[];
}

const cases: Record<string, Case> = {
  'dead-letters-growing': { make: ({ clock }) => letters(clock.now(), 11), mend: () => {}, lasts: 15 * minute, says: /11 records or jobs of products failed/, helps: /tds dead-letters groups/ },
  'run-failed': { make: ({ clock }) => run('failed', clock.now()), mend: ({ clock }) => run('succeeded', clock.now()), says: /last run of products failed/, helps: /tds runs --status failed/ },
  'breaker-open': { make: ({ clock }) => pool.query(`INSERT INTO breakers (connection, resumes_at, code) VALUES ('shop', $1, 'http.status_503')`, [clock.now().getTime() + minute]), mend: () => pool.query('DELETE FROM breakers'), says: /calls to shop rest on all nodes/, helps: /tds check shop/ },
  'token-revoked': { make: ({ clock }) => pool.query(`INSERT INTO tokens (connection, name, denied_at, denied_code, denied_message) VALUES ('shop-account', 'access', $1, 'zoho.token_revoked', 'invalid_code')`, [clock.now()]), mend: () => pool.query('DELETE FROM tokens'), says: /sign-in of shop was refused/, helps: /tds check shop/ },
  'quota-runs-out': { make: ({ connections }) => connections.splice(0, 1, { ...shop, quota: { used: 700, limit: 1000, elapsed: 0.3 } }), mend: ({ connections }) => connections.splice(0, 1, { ...shop, quota: { used: 700, limit: 1000, elapsed: 0.9 } }), says: /shop will be used up before midnight: at 140 %/, helps: /tds status/ },
  'quota-spent': { make: ({ connections }) => connections.splice(0, 1, { ...shop, quota: { used: 1000, limit: 1000, elapsed: 1 } }), mend: ({ connections }) => connections.splice(0, 1, shop), says: /of shop are used up/, helps: /tds status/ },
  'freshness-exceeded': { make: ({ clock }) => pool.query(`INSERT INTO entities (entity, source, mapping, last_read_at) VALUES ('products', 's', 1, $1)`, [new Date(clock.now().getTime() - 27 * hour)]), mend: ({ clock }) => pool.query('UPDATE entities SET last_read_at = $1', [clock.now()]), says: /products is too old: .* read again 60 min ago/, helps: /tds runs --entity products/ },
  'queue-stuck': {
    make: () => pool.query(`SELECT graphile_worker.add_job('run', run_at => now() - interval '1900 seconds')`), mend: () => pool.query('DELETE FROM graphile_worker._private_jobs'),
    says: /a job "run" has been waiting for a worker for 32 min/, helps: /tds status/,
  },
  'webhooks-lost': { make: ({ clock }) => changes(clock.now(), 95, 5), mend: ({ clock }) => changes(clock.now(), 400, 5), says: /5 % of the changes of products came without a webhook/, helps: /tds webhooks stats/ },
  'webhooks-forged': { make: (here) => refused(here, 'signature', 11), mend: () => {}, lasts: 15 * minute, says: /11 webhooks of products were refused within 15 minutes/, helps: /webhooks\.secret/ },
  'webhooks-none-taken': {
    make: ({ clock }) => pool.query(`INSERT INTO webhook_counts (hour, entity, name, count) SELECT date_trunc('hour', $1::timestamptz), 'products', name, 1 FROM unnest(ARRAY['signature', 'not_json', 'lost']) AS name`, [clock.now()]),
    mend: ({ clock }) => pool.query(`INSERT INTO webhook_entities (entity, first_at, last_at) VALUES ('products', $1, $1)`, [clock.now()]),
    says: /2 webhooks of products were refused within a day, and none was taken/, helps: /tds webhooks urls/,
  },
  'webhooks-overload': { make: (here) => refused(here, 'overload', 101), mend: () => {}, lasts: 15 * minute, says: /101 webhooks of products were sent away/, helps: /tds sync products/ },
  'webhooks-waiting': {
    make: ({ clock }) => pool.query(`INSERT INTO webhook_inbox (received_at, connection, entity, event, hash, body) VALUES ($1, 'books', 'products', 'changed', 'h', '{}')`, [new Date(clock.now().getTime() - 6 * minute)]),
    mend: ({ clock }) => pool.query(`UPDATE webhook_inbox SET outcome = 'applied', applied_at = $1`, [clock.now()]), says: /a webhook of products has been waiting for 6 min/, helps: /tds webhooks --outcome waiting --entity products/,
  },
  'node-lost': { make: ({ events }) => events.emit('node.lost', { node: 'node-2' }), mend: () => {}, lasts: 15 * minute, says: /the node node-2 ended without a word/, helps: /tds status/ },
  'no-node': { make: () => node(0), mend: () => node(4), says: /no node takes jobs/, helps: /tds start/ },
  'disk-full': { make: ({ samples }) => samples.push({ name: 'tds_disk_free_ratio', labels: {}, value: 0.07 }), mend: ({ samples }) => samples.splice(0, 1, { name: 'tds_disk_free_ratio', labels: {}, value: 0.4 }), says: /only 7 % of the disk .* on node-1/, helps: /free some room/ },
  'pool-full': { make: async ({ waiters }) => waiters.push(await small.connect(), small.connect(), small.connect()), mend: free, says: /2 callers wait for a database connection on node-1/, helps: /database\.poolSize/ },
  'memory-high': { make: ({ samples }) => samples.push({ name: 'tds_memory_used_ratio', labels: {}, value: 0.83 }), mend: ({ samples }) => samples.splice(0), says: /uses 83 % of the memory/, helps: /concurrency/ },
  'person-wanted': {
    make: ({ clock }) => pool.query(`WITH r AS (INSERT INTO healing_rules (rule, next_at, looked_at, looked_by, told) VALUES ('tokens', $1, $1, 'n', 1)) INSERT INTO healing_acts (rule, fingerprint, seen, done, outcome, node, at) VALUES ('tokens', 'f', 's', 'd', 'told', 'n', $1)`, [clock.now()]),
    mend: ({ clock }) => pool.query('UPDATE healing_acts SET reset_at = $1', [clock.now()]), says: /gave up on 1 things by its rule "tokens"/, helps: /tds healing --outcome told/,
  },
  'schedule-overdue': { make: ({ clock }) => schedule(new Date(clock.now().getTime() - 2 * minute)), mend: ({ clock }) => schedule(new Date(clock.now().getTime() + hour * 20)), says: /a planned time of the schedule stock came \d+ (s|min) ago, and no node has begun its work/, helps: /^tds schedules$/ },
  'schedule-missed': { make: ({ events }) => events.emit('schedule.missed', { schedule: 'stock', missed: 3, made: 1 }), mend: () => {}, lasts: hour, says: /3 planned times of the schedule stock passed while nothing was at work; 1 made up/, helps: /tds schedules ticks stock/ },
  'schedule-slow': {
    make: async ({ clock }) => { await schedule(new Date(clock.now().getTime() + hour * 20)); await ticked(clock.now(), 14 * 60); }, mend: ({ clock }) => ticked(clock.now(), 20),
    says: /the work of the schedule stock takes 93 % of the time until it is due again/, helps: /tds schedules ticks stock/,
  },
  'schedule-paused': {
    make: async ({ clock }) => { await schedule(new Date(clock.now().getTime() + hour * 20)); await pool.query(`UPDATE schedules SET failures = 3, paused_at = $1, paused_by = 'TDS'`, [clock.now()]); },
    mend: () => pool.query('UPDATE schedules SET failures = 0, paused_at = NULL, paused_by = NULL'), says: /the schedule stock rests, since its work kept failing/, helps: /tds schedules resume stock/,
  },
  'notifier-failing': { make: ({ clock }) => pool.query(`INSERT INTO notifier_states (notifier, failing, at) VALUES ('chat', 3, $1)`, [clock.now()]), mend: () => pool.query('UPDATE notifier_states SET failing = 0'), says: /do not get through by chat: attempts keep failing/, helps: /tds alerts test chat/, heardBy: ['mail'] },
};

t.test('there is a fault for every rule', async (t) => t.same(Object.keys(cases).toSorted(), Object.keys(defaultRules).toSorted()));

for (const [rule, { make, mend, says, helps, lasts = 0, heardBy }] of Object.entries(cases)) {
  t.test(rule, async (t) => {
    await pool.query(['alerts', 'alert_events', 'alert_samples', 'alert_turns', 'notifications', 'notifier_states', 'dead_letters', 'runs', 'entities', 'healing_acts', 'healing_rules', 'breakers', 'tokens', 'webhook_inbox', 'webhook_counts', 'webhook_entities', 'ticks', 'schedules'].map((table) => `DELETE FROM ${table}`).join('; '));
    await node(4);
    const here = watch(t, pool, { ofProcess: small });
    t.teardown(() => free(here));
    here.connections.push(shop);
    t.same(await here.after(0), [], 'all is well');
    await make(here);
    const { took, heard } = await here.untilHeard();
    t.ok(took <= 60 * second, `people hear of it after ${took / second} s`);
    const isCritical = defaultRules[rule]?.severity === 'critical';
    t.same(heard.map(({ notifier }) => notifier).toSorted(), heardBy ?? (isCritical ? ['chat', 'mail'] : ['mail']), 'those hear it whose severity fits');
    const message = heard[0]?.message;
    t.match(message, { kind: 'firing', rule, severity: isCritical ? 'critical' : 'warning', source: 'erp-1', alerts: [{ summary: says, help: helps, resolvedAt: null }] });
    t.equal(message?.alerts.length, 1);
    t.equal(here.jobs.length, heard.length, 'each message has its job');
    t.same(await here.after(2 * minute), [], 'once');
    await mend(here);
    if (lasts > 0) await here.clock.advance(Math.max(0, lasts - took - 3 * minute));
    const end = await here.untilHeard(4 * minute);
    if (lasts === 0) t.ok(end.took <= 60 * second, `its end is told after ${end.took / second} s`);
    t.same(end.heard.map(({ message: { kind } }) => kind), heard.map(() => 'resolved'));
    t.match(end.heard[0]?.message.alerts[0]?.resolvedAt, Date);
    t.same((await here.after(5 * hour)).filter((one) => one.message.rule === rule), [], 'and that once');
    t.same((await here.alerting.operations.list({ limit: 10 })).filter((one) => one.rule === rule).map(({ state }) => state), ['resolved']);
    t.match(here.log.lines.join('\n'), new RegExp(`warn alert \\{"rule":"${rule}"`), 'the log has it too');
  });
}
