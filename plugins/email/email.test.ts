import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { SMTPServer } from 'smtp-server';
import t from 'tap';
import { createTestContext, sampleMessage, testNotifier, type ServiceMood } from 'tds/sdk/test';
import plugin from './plugin.ts';

let mood: ServiceMood | 'can not check' = 'well';
let mails: { from: string; to: string[]; text: string }[] = [];
const refusal = (code: number, text: string): Error => Object.assign(new Error(text), { responseCode: code });

/** A real SMTP conversation, with a sign-in. */
const server = new SMTPServer({
  logger: false, disabledCommands: ['STARTTLS'], allowInsecureAuth: true, authMethods: ['PLAIN', 'LOGIN'],
  onAuth: ({ username, password }, _session, done) => (mood === 'can not check' ? done(refusal(454, '4.7.0 Temporary authentication failure')) : mood !== 'denies' && username === 'tds' && password === 's3cret-password' ? done(null, { user: username }) : done(refusal(535, 'Authentication credentials invalid'))),
  onRcptTo: (_address, _session, done) => done(mood === 'refuses' ? refusal(550, 'No such user here') : mood === 'busy' ? refusal(450, 'Mailbox busy') : null),
  onData(stream, session, done) {
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk)).on('end', () => {
      if (mood === 'unwell') return done(refusal(451, 'Local error in processing'));
      mails.push({ from: session.envelope.mailFrom ? session.envelope.mailFrom.address : '', to: session.envelope.rcptTo.map(({ address }) => address), text: Buffer.concat(chunks).toString() });
      done();
    });
  },
});
await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
t.teardown(() => new Promise<void>((resolve) => void server.close(() => resolve())));
const port = (server.server.address() as AddressInfo).port;
const closed = createServer();
await new Promise<void>((resolve) => void closed.listen(0, '127.0.0.1', resolve));
const closedPort = (closed.address() as AddressInfo).port;
await new Promise((resolve) => closed.close(resolve));

const settings = { host: '127.0.0.1', port, tls: 'never' as const, user: 'tds', password: 's3cret-password', from: 'TDS <tds@example.com>', to: ['ops@example.com', 'chief@example.com'] };

/** A mail as a person reads it. */
function readable(text: string): string {
  const [head = '', ...body] = text.split('\r\n\r\n');
  const content = body.join('\r\n\r\n');
  const words = /content-transfer-encoding: base64/i.test(head) ? Buffer.from(content, 'base64').toString()
    : /content-transfer-encoding: quoted-printable/i.test(head) ? Buffer.from(content.replaceAll('=\r\n', '').replaceAll(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))), 'latin1').toString() : content;
  return `${head}\n\n${words}`;
}

const taken = (): string[] => {
  const all = mails.map(({ text }) => readable(text));
  mails = [];
  return all;
};

t.test('the notifier contract', (t) => testNotifier(t, { plugin, settings, brokenSettings: { ...settings, port: closedPort }, mood: (next) => void (mood = next), taken }));

t.test('a mail has one subject line, its text, and an id that stays the same', async (t) => {
  mood = 'well';
  const { http, log, clock } = createTestContext();
  const notifier = plugin.create({ notifierId: 'mail', settings, http, log, clock });
  t.teardown(() => notifier.close?.());
  await notifier.send(sampleMessage({ severity: 'critical' }, [{ summary: 'the run failed\r\nBcc: evil@example.com' }]), AbortSignal.timeout(120_000));
  const [mail] = mails;
  t.same([mail?.from, mail?.to], ['tds@example.com', ['ops@example.com', 'chief@example.com']]);
  const [text = ''] = taken();
  const [head = '', body = ''] = text.split('\n\n');
  t.notMatch(head, /^Bcc:/mi, 'no header slips in');
  t.match(head, /^Message-ID: <0123456789abcdef0123456789abcdef@tds\.invalid>\r?$/mi);
  t.match(head, /^Auto-Submitted: auto-generated\r?$/mi);
  t.match(head, /^X-Priority: 1/mi);
  t.match(body, /the run failed Bcc: evil@example\.com/);
  t.match(text, /since 2026-01-05 08:00:00 UTC \(12 min\)[\s\S]*→ tds runs --status failed/);
});

t.test('a report is a mail with its page and its text', async (t) => {
  mood = 'well';
  const { http, log, clock } = createTestContext();
  const notifier = plugin.create({ notifierId: 'mail', settings, http, log, clock });
  t.teardown(() => notifier.close?.());
  await notifier.send(sampleMessage({ kind: 'report', rule: 'report', severity: 'info', document: { text: 'TDS report, Monday to Tuesday', html: '<p>TDS <b>report</b></p>' } }, [{ summary: 'All is well: 3 runs' }]), AbortSignal.timeout(120_000));
  const [{ text = '' } = {}] = mails;
  taken();
  t.match(text, /^Subject: =\?UTF-8\?Q\?TDS_erp-1=3A_report_=E2=80=93_All_is_well.*|^Subject: .*report/mi);
  t.match(text, /^Content-Type: multipart\/alternative/mi);
  t.match(text, /Content-Type: text\/plain[^]*TDS report, Monday to Tuesday[^]*Content-Type: text\/html[^]*<p>TDS <b>report<\/b><\/p>/i);
});

t.test('a server that can not check the password just now is asked again later, one that refuses it is not', async (t) => {
  const { http, log, clock } = createTestContext();
  const notifier = plugin.create({ notifierId: 'mail', settings, http, log, clock });
  t.teardown(() => {
    mood = 'well';
    return notifier.close?.();
  });
  mood = 'can not check';
  await t.rejects(notifier.send(sampleMessage(), AbortSignal.timeout(120_000)), { name: 'RetryLaterError', code: 'notify.unreachable' });
  mood = 'denies';
  await t.rejects(notifier.send(sampleMessage(), AbortSignal.timeout(120_000)), { name: 'AccessDeniedError', code: 'notify.denied' });
});

t.test('a server without TLS is not trusted with the password where TLS is wanted', async (t) => {
  mood = 'well';
  const { http, log, clock } = createTestContext();
  const notifier = plugin.create({ notifierId: 'mail', settings: { ...settings, tls: 'starttls' }, http, log, clock });
  t.teardown(() => notifier.close?.());
  await t.rejects(notifier.send(sampleMessage(), AbortSignal.timeout(120_000)));
  t.same(taken(), []);
});
