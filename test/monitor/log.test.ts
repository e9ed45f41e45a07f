import * as fc from 'fast-check';
import { t } from 'tap';
import { closeSync, fstatSync, openSync } from 'node:fs';
import { goesToJournal, journalLine } from '../../core/monitor/journal.ts';
import { createLogger } from '../../core/monitor/log.ts';
import { withLogContext } from '../../core/monitor/log-context.ts';
import { prettyLine } from '../../core/monitor/pretty.ts';
import { Redactor, isSecretName } from '../../core/monitor/redact.ts';
import { RetryLaterError } from '../../core/sdk/index.ts';

const secret = '1000.canary+/&"é.9f8e7d6c';

/** A logger that writes into a list. */
function logged(options: Parameters<typeof createLogger>[0] = {}): { log: ReturnType<typeof createLogger>; lines: string[] } {
  const lines: string[] = [];
  return { lines, log: createLogger({ level: 'debug', pretty: false, ...options, destination: { write: (line) => lines.push(line) } }) };
}

t.test('each line is one JSON object with time, level, message and fields, those of its parents too', (t) => {
  const { log, lines } = logged({ fields: { node: 'a' } });
  log.child({ connection: 'shop' }).child({ run: 7 }).warn('slow', { pauseMs: 5 });
  t.match(JSON.parse(lines[0]!), { level: 40, msg: 'slow', node: 'a', connection: 'shop', run: 7, pauseMs: 5, time: /^\d{4}-\d\d-\d\dT.*Z$/ });
  log.debug('x');
  const quiet = logged({ level: 'warn' });
  quiet.log.info('not written');
  t.equal(lines.length, 2);
  t.equal(quiet.lines.length, 0);
  t.end();
});

t.test('what is logged within some work has its ids, however deep; what a line says itself wins', async (t) => {
  const { log, lines } = logged({ fields: { connection: 'own' } });
  await withLogContext({ job: '7', task: 'run' }, () => withLogContext({ run: '42', entity: 'products', connection: 'shop' }, async () => {
    await Promise.resolve();
    log.info('inside', { entity: 'invoices' });
    log.warn('thrower', { get bad(): string { throw new Error('no'); } });
  }));
  log.info('outside');
  t.same(lines.map((line) => { const { job, task, run, entity, connection } = JSON.parse(line); return { job, task, run, entity, connection }; }), [
    { job: '7', task: 'run', run: '42', entity: 'invoices', connection: 'own' }, { job: '7', task: 'run', run: '42', entity: 'products', connection: 'own' },
    { job: undefined, task: undefined, run: undefined, entity: undefined, connection: 'own' },
  ]);
});

t.test('a planted secret appears nowhere, whatever carries it and in whatever form', (t) => {
  const { log, lines } = logged({ secrets: [secret] });
  const chain = new RetryLaterError('shop.down', `failed with ${secret}`, { details: { url: `https://x/?t=${encodeURIComponent(secret)}` }, cause: new Error(`inner ${secret}`, { cause: `end ${secret}` }) });
  log.error(`message ${secret}`, { error: chain, text: `a${secret}b`, deep: { list: [{ value: secret }] }, [secret]: 1, url: new URL(`https://x/?t=${encodeURIComponent(secret)}`), map: new Map([[secret, secret]]), json: JSON.stringify({ secret }), basic: Buffer.from(secret).toString('base64'), errors: new AggregateError([new Error(secret)]) });
  log.child({ who: secret }).info('child');
  const all = lines.join('');
  t.notMatch(all, 'canary');
  t.notMatch(all, Buffer.from(secret).toString('base64').slice(0, 20));
  t.match(all, '[secret]');
  t.end();
});

t.test('fields that are named like secrets are masked at any depth, others are not', (t) => {
  const { log, lines } = logged();
  log.info('x', { refreshToken: 'aaa', headers: { Authorization: 'Zoho-oauthtoken bbb', accept: 'json' }, list: [{ client_secret: 'ccc', password: { inner: 'ddd' } }], apiKey: 'eee', pin: 1, hasToken: true });
  t.notMatch(lines[0]!, /aaa|bbb|ccc|ddd|eee/);
  t.match(JSON.parse(lines[0]!), { refreshToken: '[secret]', headers: { accept: 'json' }, pin: 1, hasToken: true });
  for (const name of ['token', 'accessToken', 'TDS_SECRET_KEY'.slice(0, 10), 'x-zoho-webhook-signature', 'set-cookie', 'DB_PASSWORD']) t.ok(isSecretName(name), name);
  for (const name of ['tokenizer', 'secretary', 'key', 'primary_key', 'name', '']) t.notOk(isSecretName(name), name);
  t.end();
});

t.test('secrets that come up later are masked from then on', (t) => {
  const redactor = new Redactor();
  const { log, lines } = logged({ redactor });
  redactor.add('fresh-token-value');
  log.info('got fresh-token-value');
  t.match(JSON.parse(lines[0]!), { msg: 'got [secret]' });
  redactor.add('abc');
  t.equal(redactor.text('abc'), 'abc', 'too short to be told from words');
  t.end();
});

t.test('an error is kept with class, code, cure, facts and the chain that led to it', (t) => {
  const { log, lines } = logged();
  log.error('failed', { error: new RetryLaterError('shop.down', 'down', { suggestion: 'wait', details: { status: 502 }, cause: new TypeError('bad', { cause: new Error('root') }) }) });
  t.match(JSON.parse(lines[0]!).error, { name: 'RetryLaterError', code: 'shop.down', message: 'down', suggestion: 'wait', details: { status: 502 }, stack: /log\.test/, cause: { name: 'TypeError', cause: { message: 'root' } } });
  t.end();
});

t.test('no field can break a line, forge one, or stop the work', (t) => {
  const circle: Record<string, unknown> = { name: 'x' };
  circle['self'] = circle;
  const { log, lines } = logged();
  log.info('a\n{"level":60}\u001b[2J', { level: 60, time: 0, msg: 'forged', circle, big: 10n, fn() {}, buffer: Buffer.from('x'), date: new Date(NaN), nothing: undefined, long: Array.from({ length: 500 }, () => 1), ['__proto__']: { polluted: true } });
  log.info('thrower', { get bad(): string { throw new Error('no'); } });
  t.equal(lines.length, 2);
  t.match(JSON.parse(lines[0]!), { level: 30, msg: 'a\\u000a{"level":60}\\u001b[2J', big: '10', circle: { self: '[circular]' }, buffer: '[1 bytes]' });
  t.match(JSON.parse(lines[1]!), { msg: 'thrower' });
  fc.assert(fc.property(fc.anything({ withBigInt: true, withDate: true, withMap: true, withSet: true, withTypedArray: true, withNullPrototype: true }), fc.string({ unit: 'binary' }), (value, message) => {
    const { log, lines } = logged();
    log.info(message, { value });
    t.equal(lines.length, 1);
    t.equal(lines[0]!.trimEnd().includes('\n'), false);
    JSON.parse(lines[0]!);
  }), { numRuns: 300 });
  t.end();
});

t.test('lines for people name time, level, message, fields and the cure, and draw nothing on the terminal', (t) => {
  const line = JSON.stringify({ level: 50, time: '2026-01-05T08:00:01.000Z', msg: 'failed', connection: 'shop', text: 'a b\u001b[31m', error: { name: 'RetryLaterError', message: 'down\u001b[2J', code: 'shop.down', suggestion: 'wait', cause: { name: 'Error', message: 'reset' } } });
  t.equal(prettyLine(line, false), ['08:00:01 error failed connection=shop text="a b\\u001b[31m"', '         RetryLaterError: down\\u001b[2J (shop.down)', '         to do: wait', '         because of Error: reset', ''].join('\n'));
  t.match(prettyLine(line, true), '\u001b[31merror');
  const { log, lines } = logged({ pretty: true, color: false });
  log.info('hello', { count: 2 });
  t.match(lines[0]!, /^\d\d:\d\d:\d\d info {2}hello count=2\n$/);
  t.end();
});

t.test('systemd tells by JOURNAL_STREAM which of its streams lead to the journal; a line then begins with its priority', async (t) => {
  const [one, other] = [openSync(import.meta.filename, 'r'), openSync('/', 'r')];
  t.teardown(() => [one, other].forEach((descriptor) => closeSync(descriptor)));
  const { dev, ino } = fstatSync(one);
  t.ok(goesToJournal({ JOURNAL_STREAM: `${dev}:${ino}` }, one));
  t.notOk(goesToJournal({ JOURNAL_STREAM: `${dev}:${ino}` }, other), 'a file or a pipe that it was sent into');
  t.notOk(goesToJournal({ JOURNAL_STREAM: `${dev}:${ino}` }, 9_999));
  t.notOk(goesToJournal({}, one));
  t.ok(goesToJournal({ TDS_JOURNAL: '1' }, one));
  t.same([10, 30, 40, 50, 60].map((level) => journalLine(`{"level":${level}}`).slice(0, 3)), ['<7>', '<6>', '<4>', '<3>', '<2>']);
});
