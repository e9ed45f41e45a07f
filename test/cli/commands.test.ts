import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import type { Token } from '../../core/operations/access.ts';
import type { Operations } from '../../core/operations/operations.ts';
import type { NodeInfo } from '../../core/queue/types.ts';
import { StoreError } from '../../core/store/errors.ts';
import type { Run } from '../../core/store/runs.ts';
import { fakeAccess, fakeAudit, fakeEntity, fakeOperations, fakeRun } from '../api/fake-operations.ts';
import { TestClock } from '../support/clock.ts';
import { Child } from '../support/processes.ts';
import { callCli } from './support.ts';

const worker: NodeInfo = { nodeId: 'other', host: 'h', pid: 1, version: '1', concurrency: 4, roles: null, since: new Date(), beatAt: new Date(), secondsSinceBeat: 0, inFlight: [], pools: [] };

/** Operations whose runs end when they are looked at the second time. */
function ending(status: Run['status'], more: Partial<Operations> = {}): Operations & { asked: unknown[] } {
  const runs: Run[] = [];
  const operations = fakeOperations({}, runs);
  let looks = 0;
  return {
    ...operations,
    async runs(filter) {
      if (filter.mode === undefined) {
        looks += 1;
        for (const run of runs) Object.assign(run, looks < 2 ? { status: 'running', startedAt: new Date('2026-01-05T08:00:00Z'), read: 40 } : { status, read: 80, new: 80, calls: 2, endedAt: new Date('2026-01-05T08:00:02Z'), ...(status === 'failed' ? { code: 'x.refused', reason: 'it said no' } : {}) });
      }
      return operations.runs(filter);
    },
    ...more,
  };
}

async function withClock<T>(call: (clock: TestClock) => Promise<T>): Promise<T> {
  const clock = new TestClock();
  return clock.runUntil(call(clock));
}

t.test('where no node lives, sync works itself; the runs are followed to their end and summed up', async (t) => {
  const operations = ending('succeeded');
  const { exit, out, opened, stopped } = await withClock((clock) => callCli(['sync', 'products', '--mode', 'full'], { operations, clock }));
  t.equal(exit, 0);
  t.strictSame([opened, stopped], [['client', 'node'], 2]);
  t.match(out, /products full running: 40 read/);
  t.match(out, /products full succeeded: 80 read, 80 new, 2 calls/);
  t.match(out, /run +entity +mode +status +read +new +changed +unchanged +deleted +refused +calls +duration +rows\/s +reason\n100 +products +full +succeeded +80 +80 +0 +0 +0 +0 +2 +2\.0 s +40/);
  t.match(operations.asked[0], { entities: ['products'], mode: 'full', allowDeletes: false, trigger: 'cli' });
});

t.test('where a node lives, sync only asks and follows', async (t) => {
  const { exit, opened, out } = await withClock((clock) => callCli(['sync'], { operations: ending('succeeded', { nodes: async () => [worker] }), clock }));
  t.equal(exit, 0);
  t.strictSame(opened, ['client']);
  t.match(out, /a running node does the work/);
});

t.test('a run that failed makes the exit 1, and its reason is in the table', async (t) => {
  const { exit, out } = await withClock((clock) => callCli(['sync', 'products'], { operations: ending('failed'), clock }));
  t.equal(exit, 1);
  t.match(out, /failed .* it said no \(x\.refused\)/);
  t.match(out, /1 run failed: products\. More: tds runs show 100/);
});

t.test('under --json a sync is a stream of runs with a summary at its end', async (t) => {
  const { json } = await withClock((clock) => callCli(['sync', 'products', '--json'], { operations: ending('succeeded'), clock }));
  t.match(json[0], { type: 'run', run: { entity: 'products', status: 'running' } });
  t.match(json.at(-1), { type: 'summary', ok: true, runs: [{ read: 80, durationMs: 2000 }] });
});

t.test('replay asks for runs of that mode, and --no-wait asks alone', async (t) => {
  const operations = fakeOperations();
  const { exit, out, opened } = await callCli(['replay', 'stock', '--no-wait', '--allow-deletes'], { operations });
  t.equal(exit, 0);
  t.strictSame(opened, ['client']);
  t.strictSame(operations.asked, [{ entities: ['stock'], mode: 'replay', allowDeletes: true, trigger: 'cli' }]);
  t.match(out, /run 100 {2}stock replay {2}queued\nNo node is running/);
});

t.test('details that still come are told of, and followed when asked', async (t) => {
  const details = fakeRun({ id: '5', mode: 'details', status: 'running' });
  const operations = ending('succeeded', { entities: async () => [{ ...fakeEntity('products'), details: { due: 877, done: 123 } }] });
  const { runs } = operations;
  operations.runs = async (filter) => (filter.mode === 'details' ? [details] : runs(filter));
  operations.run = async (id) => (id === '5' ? Object.assign(details, { status: 'succeeded', endedAt: new Date() }) : fakeRun({ id }));
  const short = await withClock((clock) => callCli(['sync', 'products'], { operations, clock }));
  t.match(short.out, 'products details: 123 of 1,000 done; they go on in "tds start", or with --wait-details');
  Object.assign(details, { endedAt: null, status: 'running' });
  const long = await withClock((clock) => callCli(['sync', 'products', '--wait-details'], { operations, clock }));
  t.match(long.out, /\n {2}5 +products +details +succeeded/);
});

t.test('ctrl-C while following hands the runs back, says so, and ends with 130', async (t) => {
  const interrupt = new AbortController();
  const operations = fakeOperations();
  const { runs } = operations;
  operations.runs = (filter) => {
    interrupt.abort('SIGINT');
    return runs(filter);
  };
  const { exit, err, stopped } = await withClock((clock) => callCli(['sync', 'products'], { operations, clock, interrupted: interrupt.signal }));
  t.equal(exit, 130);
  t.equal(stopped, 2);
  t.match(err, /1 run handed back, it goes on from the last saved page with the next "tds start" or "tds sync"/);
});

t.test('an unknown entity or connection ends with 2 and what was meant, before any database is opened', async (t) => {
  for (const [args, hint] of [[['sync', 'prodcts'], 'did you mean "products"?'], [['check', 'shp'], 'did you mean "shop"?']] as const) {
    const { exit, err, opened } = await callCli(args);
    t.equal(exit, 2);
    t.match(err, hint);
    t.strictSame(opened, []);
  }
});

t.test('check lists plugins first, then each probe in words; a failed probe makes the exit 1', async (t) => {
  const operations = fakeOperations({ async *check() {
    yield { connection: 'shop', plugin: 'shop', probe: 'token', ok: true, message: 'granted', milliseconds: 12 };
    yield { connection: 'shop', plugin: 'shop', probe: 'organization', ok: false, message: 'no such organization\u001b[2J', code: 'shop.organization', milliseconds: 5 };
  } });
  const plugins = [
    { id: 'shop', version: '1.0.0', description: '', file: 'plugins/shop.ts', connections: ['shop'] },
    { id: 'broken.ts', version: '', description: '', file: 'plugins/broken.ts', connections: [], failure: { code: 'host.syntax', reason: 'Unexpected token' } },
  ];
  const { exit, out } = await callCli(['check'], { operations, plugins });
  t.equal(exit, 1);
  t.match(out, /^plugins\nplugin +version +file +used by\nshop +1\.0\.0 +plugins\/shop\.ts +shop\n✗ FAILED {2}broken\.ts in plugins\/broken\.ts: Unexpected token \(host\.syntax\)\n\nshop \(shop\)\n/);
  t.match(out, /✓ ok +token +granted \(12 ms\)\n +✗ FAILED +organization +no such organization\[2J \(shop\.organization\)\n\n2 probes: 1 probe failed, 1 plugin failed to load\n$/);
  const { json } = await callCli(['check', '--json'], { operations, plugins });
  t.strictSame(json.map(({ type }) => type), ['plugin', 'plugin', 'probe', 'probe', 'summary']);
});

t.test('breaker shows which connections rest and why, and closes one by hand', async (t) => {
  const resumesAt = new Date('2026-01-05T08:01:00Z');
  const remote = { breaker: { state: 'open', resumesAt, code: 'http.server_error' } } as never;
  const closed: string[] = [];
  const connections = async () => [{ id: 'shop', plugin: 'shop', kind: 'source', remote }, { id: 'erp', plugin: 'postgres', kind: 'destination', remote: {} }];
  const operations = fakeOperations({ connections: connections as never, resetBreaker: async (id) => closed.push(id) === 1 });
  const { out, exit } = await callCli(['breaker'], { operations });
  t.equal(exit, 0);
  t.match(out, /^shop +open +2026-01-05T08:01:00\.000Z +http\.server_error$/m);
  t.notMatch(out, /erp/, 'a destination has none');
  t.match((await callCli(['breaker', '--json'], { operations })).json, [{ breakers: [{ connection: 'shop', state: 'open', code: 'http.server_error' }] }]);
  t.match(await callCli(['breaker', 'reset', 'shop'], { operations }), { exit: 0, out: /the breaker of shop is closed; nodes see it within a second/ });
  t.match((await callCli(['breaker', 'reset', 'shop', '--json'], { operations })).json, [{ connection: 'shop', reset: false }]);
  t.same(closed, ['shop', 'shop']);
  t.match(await callCli(['breaker', 'reset', 'shpo']), { exit: 2, err: /no connection "shpo"/ });
});

t.test('quota tells who spent the calls of the day, what is kept, and what waits', async (t) => {
  const report = {
    connection: 'shop', day: '2026-01-05', zone: 'Asia/Baghdad', limit: 10_000, used: 8500, elsewhere: 100, left: 1500, reserve: 1500, leftForBulk: 0, perHour: 772.7, runsOutAt: new Date('2026-01-05T09:56:00Z'), bulkPausesAt: null, bulkPaused: true, resumesAt: null,
    turnsAt: new Date('2026-01-05T21:00:00Z'), spent: [{ entity: 'invoices', purpose: 'details', calls: 8000 }, { entity: '', purpose: 'check', calls: 400 }],
  };
  const operations = fakeOperations({ quota: async () => [report], connectionQuota: async () => report, connections: async () => [{ id: 'shop', plugin: 'shop', kind: 'source', remote: { waiting: 0, quota: report as never, signIn: { code: 'x.refused', message: 'No.', cure: 'Make a new one.' } } }] });
  const { out, exit } = await callCli(['quota'], { operations });
  t.equal(exit, 0);
  t.match(out, /^shop +10,000 +8,500 +1,500 +1,500 +0 +773 +now +12:56 +00:00 Asia\/Baghdad$/m);
  t.match(out, /shop: bulk work waits until 2026-01-05T21:00:00\.000Z \(in .*\); 1,500 calls of 10,000 are kept for webhooks, persons and repairs/);
  t.match(out, /invoices +details +8,000\nthe connection itself +check +400\nothers +as the service says +100/);
  t.match((await callCli(['quota', 'shop', '--json'], { operations })).json, [{ connections: [{ connection: 'shop', left: 1500, runsOutAt: '2026-01-05T09:56:00.000Z', bulkPausesAt: null }] }]);
  const status = (await callCli(['status'], { operations })).out;
  t.match(status, /shop +shop +source +8,500 of 10,000/);
  t.match(status, /shop: bulk work waits/);
  t.match(status, /shop: the sign-in is refused: No\. Make a new one\./);
});

t.test('lists, single runs and status print for people and as one document', async (t) => {
  const run = fakeRun({ status: 'waiting', waitsOn: 'the minute\'s limit', startedAt: new Date('2026-01-05T08:00:00Z') });
  const operations = fakeOperations({}, [run]);
  for (const [args, text, json] of [
    [['runs'], /1 +products +full +waiting .*the minute's limit/, { runs: [{ id: '1' }] }],
    [['runs', 'show', '1'], /waits on +the minute's limit/, { id: '1', status: 'waiting' }],
    [['status'], /products +shop\/products +erp\/products +3 +0 +0/, { entities: [{ id: 'products' }, { id: 'stock' }], nodes: [] }],
    [['dead-letters'], /no open dead letters/, { deadLetters: [] }],
    [['runs', 'cancel', '1'], /run 1 \(products full\) is cancelled/, undefined],
  ] as const) {
    const forPeople = await callCli(args, { operations });
    t.equal(forPeople.exit, 0, args.join(' '));
    t.match(forPeople.out, text);
    if (json) t.match((await callCli([...args, '--json'], { operations })).json, [json]);
  }
  t.match(await callCli(['runs', 'cancel', '1'], { operations }), { exit: 1, err: /ended already/ });
  t.match(await callCli(['runs', 'show', '9', '--json'], { operations }), { exit: 2, json: [{ error: { code: 'operation.unknown_run' } }] });
});

t.test('an error never shows a secret of the config, and no stack', async (t) => {
  const operations = fakeOperations({ run: () => Promise.reject(new Error('token s3cret-token was refused')) });
  const { exit, err } = await callCli(['runs', 'show', '1'], { operations, secrets: ['s3cret-token'] });
  t.equal(exit, 1);
  t.match(err, /^tds: token \[secret\] was refused\n {2}TDS_DEBUG=1/);
});

t.test('a config with errors ends every command with 2 and all its findings', async (t) => {
  const finding = { severity: 'error' as const, file: 'tds.config.yaml', line: 7, column: 17, path: 'connections.x', message: 'is wrong', suggestion: 'mend it', code: 'config.x' };
  for (const command of ['sync', 'status', 'start', 'runs']) {
    const { exit, err, opened } = await callCli([command], { findings: [finding] });
    t.equal(exit, 2);
    t.equal(err, 'tds.config.yaml:7:17 connections.x is wrong; mend it (config.x)\n1 error in tds.config.yaml\n');
    t.strictSame(opened, []);
  }
  t.match((await callCli(['runs', '--json'], { findings: [finding] })).json, [{ error: { code: 'cli.config', findings: [{ line: 7 }] } }]);
});

t.test('start lets the token of the config in before it listens beyond this machine, says where it listens in a file, and prints no token', async (t) => {
  const file = join(t.testdir(), 'address');
  const [interrupt, secret] = [new AbortController(), 'a-secret-of-the-config-0123456789'];
  const given: string[] = [];
  const token: Token = { id: '1', name: 'api.adminToken', prefix: 'abc', scope: 'admin', createdAt: new Date(), createdBy: 'api.adminToken', expiresAt: null, revokedAt: null, revokedBy: null, usedAt: null, state: 'active' };
  const audit = fakeAudit();
  const operations = fakeOperations({ audit, access: fakeAccess({
    adoptToken: async (adopted) => ({ token, made: given.push(adopted) === 1 }), standing: async () => ({ made: given.length, usable: given.length }),
  }) });
  const started = Promise.withResolvers<{ api: string }>();
  const call = { operations, api: { host: '0.0.0.0', adminToken: secret }, env: { TDS_ADDRESS_FILE: file }, interrupted: interrupt.signal, onOut: (text: string) => text.includes('"started"') && started.resolve(JSON.parse(text) as { api: string }) };
  const outcome = callCli(['start', '--json'], call);
  const { api } = await started.promise;
  t.equal(readFileSync(file, 'utf8'), `${api}\n`);
  const health = async (env: Record<string, string>) => new Child(t, process.execPath, [join(process.cwd(), 'deploy/image/health.js')], { env }).ended;
  t.equal((await health({ TDS_ADDRESS_FILE: file })).code, 0, 'the health check of the image finds it');
  interrupt.abort('SIGTERM');
  const { exit, out, err } = await outcome;
  t.equal(exit, 0);
  t.same(given, [secret]);
  t.notOk(`${out}${err}${JSON.stringify(audit.entries)}`.includes(secret));
  t.match(audit.entries, [{ action: 'tds start: api.adminToken', target: { prefix: 'abc', scope: 'admin' } }]);
  t.notOk(existsSync(file));
  t.equal((await health({ TDS_ADDRESS_FILE: file })).code, 1);
  writeFileSync(file, `${api}\n`);
  t.equal((await health({ TDS_ADDRESS_FILE: file })).code, 1, 'a file that a killed one left proves nothing');
});

t.test('start serves the API until it is told to stop, then stops in order with 0', async (t) => {
  const interrupt = new AbortController();
  const started = Promise.withResolvers<{ api: string }>();
  const outcome = callCli(['start', '--json'], { interrupted: interrupt.signal, onOut: (text) => started.resolve(JSON.parse(text) as { api: string }) });
  const { api } = await started.promise;
  t.match(await (await fetch(`${api}/readyz`)).json(), { ready: true });
  interrupt.abort('SIGTERM');
  const { exit, stopped, opened, json } = await outcome;
  t.strictSame([exit, opened, stopped], [0, ['node'], 1]);
  t.match(json[0], { type: 'started', version: /./, config: 'tds.config.yaml', database: 'a fake database', entities: ['products', 'stock'] });
  await t.rejects(fetch(api));
});

t.test('the log of a node is JSON lines, lines for people on a terminal, and begins at the level of the config', async (t) => {
  const start = async (fake: { terminal?: boolean; level?: string; env?: Record<string, string> }): Promise<string> => {
    const interrupt = new AbortController();
    const { out } = await callCli(['start'], { ...fake, interrupted: interrupt.signal, secrets: ['s3cret-of-the-config'], onOpen({ log }) {
      log.debug('a fine point');
      log.info('hello \u001b[2J s3cret-of-the-config', { connection: 'shop' });
      log.warn('take care');
      interrupt.abort('SIGINT');
    } });
    return out;
  };
  const lines = (await start({})).trimEnd().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>);
  t.match(lines[0], { level: 30, msg: 'hello \\u001b[2J [secret]', connection: 'shop', time: /Z$/ });
  t.match(lines[1], { level: 40, msg: 'take care' });
  const people = await start({ terminal: true, level: 'debug' });
  t.match(people, /^\S*\d\d:\d\d:\d\d\S* \S*debug\S* a fine point$/m);
  t.match(people, /hello \\u001b\[2J \[secret\]/);
  t.notMatch(people, '\u001b[2J', 'nothing draws on the terminal');
  t.notMatch(await start({ level: 'warn' }), /hello|a fine point/);
  t.match(await start({ level: 'debug', env: { TDS_JOURNAL: '1' } }), /^<7>\{.*a fine point.*\n<6>\{.*hello.*\n<4>\{"level":40.*take care/, 'with its priority for the journal of systemd');
  t.match((await callCli(['start'], { env: { TDS_JOURNAL: '1' }, open: () => Promise.reject(new Error('no')) })).err, /^<3>tds: no$/m, 'what ended it too');
});

t.test('a start on a database of a newer TDS ends like one with a wrong config: no supervisor tries it over and over', async (t) => {
  const start = (code: 'store.migration_newer' | 'store.unreachable' | 'store.migration_failed') => callCli(['start'], { open: () => Promise.reject(new StoreError(code, 'It is so.', 'Do this.')) });
  t.equal((await start('store.migration_newer')).exit, 2);
  t.equal((await start('store.unreachable')).exit, 3);
  t.equal((await start('store.migration_failed')).exit, 1);
});
