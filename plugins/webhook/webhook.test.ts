import { createHmac, timingSafeEqual } from 'node:crypto';
import t from 'tap';
import { createTestContext, sampleMessage, testNotifier } from 'tds/sdk/test';
import { notifierService, type Posted } from '../../test/support/notifier-service.ts';
import plugin from './plugin.ts';

const secret = `whsec_${Buffer.from('a key of the tests, of 24 bytes or more').toString('base64')}`;

/** As the libraries of https://www.standardwebhooks.com verify it. */
function verified({ headers, text }: Posted, now: Date): string | undefined {
  const [id, timestamp, signatures] = ['webhook-id', 'webhook-timestamp', 'webhook-signature'].map((name) => String(headers[name] ?? '')) as [string, string, string];
  if (id === '' || !/^\d+$/.test(timestamp)) return 'Missing required headers';
  if (Math.abs(now.getTime() / 1000 - Number(timestamp)) > 300) return 'Message timestamp too old';
  const expected = createHmac('sha256', Buffer.from(secret.slice('whsec_'.length), 'base64')).update(`${id}.${timestamp}.${text}`).digest();
  const ok = signatures.split(' ').some((one) => {
    const [version, value = ''] = one.split(',');
    const given = Buffer.from(value, 'base64');
    return version === 'v1' && given.length === expected.length && timingSafeEqual(given, expected);
  });
  return ok ? undefined : 'No matching signature found';
}

const service = await notifierService(t, {
  fault: (posted) => (posted.path === '/unsigned' ? undefined : verified(posted, new Date())),
  answers: { well: { status: 204, body: '' }, busy: { status: 429, body: '' }, unwell: { status: 503, body: 'later' }, refuses: { status: 410, body: 'gone' }, denies: { status: 401, body: '' } },
});
const settings = { url: `${service.url}/hook?key=s3cret-in-the-address`, secret, headers: {}, body: '', contentType: 'application/json' };

t.test('the notifier contract', (t) => testNotifier(t, { plugin, settings, brokenSettings: { ...settings, url: `${service.closedUrl}/hook` }, mood: service.mood, taken: () => service.taken().map(({ text }) => text) }));

async function send(more: Partial<typeof settings>, message = sampleMessage()): Promise<Posted | undefined> {
  const { http, log, clock } = createTestContext({ attempts: 1 });
  service.mood('well');
  await plugin.create({ notifierId: 'hook', settings: { ...settings, ...more }, http, log, clock }).send(message, AbortSignal.timeout(120_000));
  return service.taken()[0];
}

t.test('without a template the body is the message, in the form that Standard Webhooks recommends', async (t) => {
  const posted = await send({});
  t.match(posted?.body, { type: 'alert.firing', timestamp: '2026-01-05T08:12:00.000Z', data: { rule: 'run-failed', severity: 'warning', title: 'TDS erp-1: warning – run-failed: the last run of invoices failed', alerts: [{ help: 'tds runs --status failed', since: '2026-01-05T08:00:00.000Z' }] } });
  t.equal(posted?.headers['webhook-id'], 'msg_0123456789abcdef0123456789abcdef', 'the same at each attempt');
});

t.test('a template is filled so that it stays JSON, whatever a record is called', async (t) => {
  const body = '{"message": "{text}", "priority": "{severity}", "kept": "{unknown}"}';
  const posted = await send({ body, headers: { 'X-Key': 'k' } }, sampleMessage({}, [{ summary: 'a "quoted" \\ name\nwith {severity}' }]));
  t.match(posted?.body, { message: /a "quoted" \\ name with \{severity\}/, priority: 'warning', kept: '{unknown}' });
  t.equal(posted?.headers['x-key'], 'k');
  const plain = await send({ body: '{kind}: {title}', contentType: 'text/plain' });
  t.equal(plain?.text, 'firing: TDS erp-1: warning – run-failed: the last run of invoices failed');
  await t.rejects(send({ body: '{"message": {text}}' }), { code: 'notify.bad_settings' });
});

t.test('without a secret nothing is signed', async (t) => {
  const posted = await send({ url: `${service.url}/unsigned`, secret: '' });
  t.equal(posted?.headers['webhook-signature'], undefined);
});
