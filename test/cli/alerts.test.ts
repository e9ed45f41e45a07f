import t from 'tap';
import { fakeAudit, fakeOperations } from '../api/fake-operations.ts';
import { OperationError } from '../../core/operations/errors.ts';
import { callCli } from './support.ts';

const at = new Date('2026-01-05T07:00:00Z');
const alert = {
  id: '17', rule: 'run-failed', fingerprint: 'f', labels: { entity: 'invoices' }, severity: 'warning' as const, state: 'firing' as const, value: 1, summary: 'the last run of invoices failed\u001b[31m', help: 'tds runs --status failed',
  since: at, seenAt: at, firedAt: at, acknowledgedAt: null, acknowledgedBy: null, resolvedAt: null, notifiedAt: at,
};

t.test('alerts are listed with what helps, and nothing of them draws on the terminal', async (t) => {
  const fake = fakeOperations();
  const operations = { ...fake, alerts: { ...fake.alerts, list: async () => [alert] } };
  const { out, exit } = await callCli(['alerts', 'list'], { operations });
  t.equal(exit, 0);
  t.match(out, /17 +firing +warning +1 h ago +1 h ago +run-failed +the last run of invoices failed.* → tds runs --status failed/);
  t.notMatch(out, '\u001b[31m');
  t.match((await callCli(['alerts', 'list', '--json'], { operations })).json, [{ alerts: [{ id: '17', state: 'firing' }] }]);
});

t.test('a silence needs its end', async (t) => {
  const asked: unknown[] = [];
  const fake = fakeOperations();
  const operations = { ...fake, alerts: { ...fake.alerts, silence: (async (request) => { asked.push(request); return fake.alerts.silence(request); }) as typeof fake.alerts.silence } };
  t.equal((await callCli(['alerts', 'silence'], { operations })).exit, 2);
  t.match((await callCli(['alerts', 'silence', '--for', 'soon'], { operations })).err, /length of time/);
  t.equal((await callCli(['alerts', 'silence', 'run-failed', '--for', '90m', '--label', 'entity=invoices', '--reason', 'upgrade', '--by', 'Aram'], { operations })).exit, 0);
  t.same(asked, [{ rule: 'run-failed', labels: { entity: 'invoices' }, lasts: 5_400_000, reason: 'upgrade', by: 'Aram' }]);
});

t.test('a notifier that does not get through ends a test with 1', async (t) => {
  const fake = fakeOperations();
  const operations = { ...fake, alerts: { ...fake.alerts, test: async () => [{ notifier: 'mail', plugin: 'email', ok: true, message: 'the service took it', milliseconds: 12 }, { notifier: 'chat', plugin: 'slack', ok: false, message: 'the service answered 404: no_service', milliseconds: 3 }] } };
  const { out, exit } = await callCli(['alerts', 'test'], { operations });
  t.equal(exit, 1);
  t.match(out, /✓ mail \(email\), 12 ms: the service took it\n✗ chat \(slack\), 3 ms: the service answered 404/);
  t.match((await callCli(['alerts', 'test'])).out, /has no notifiers; docs\/alerts\.md/);
});

t.test('health tells what is well, what is not, and what to do; only what is bad ends it with 1', async (t) => {
  const { out, exit } = await callCli(['health']);
  t.equal(exit, 0);
  t.match(out, /✓ +database +answers\n! +entities +never read: products +tds sync\n\n1 of 2 want a look/);
  const operations = fakeOperations({ healthReport: async () => ({ state: 'bad', at, items: [{ area: 'nodes', state: 'bad', text: 'none takes jobs', todo: 'tds start' }] }) });
  t.equal((await callCli(['health', '--json'], { operations })).exit, 1);
});

t.test('what changes something or reaches people is written down; a look is not', async (t) => {
  const audit = fakeAudit();
  const fake = fakeOperations({ audit });
  const operations = { ...fake, alerts: { ...fake.alerts, acknowledge: async (id: string) => (id === '99' ? Promise.reject(new OperationError('operation.unknown_alert', 'none')) : 1) } };
  for (const words of ['list', 'rules', 'silences', 'ack 17 --by Aram', 'ack 99', 'silence run-failed --for 90m --reason upgrade', 'silences --end 3', 'test mail']) await callCli(['alerts', ...words.split(' ')], { operations });
  t.match(audit.entries, [
    { source: 'cli', action: 'tds alerts ack', target: { id: '17', by: 'Aram' }, outcome: 'done' }, { action: 'tds alerts ack', outcome: 'failed', code: 'operation.unknown_alert' },
    { action: 'tds alerts silence', target: { rule: 'run-failed', seconds: 5400, reason: 'upgrade' } }, { action: 'tds alerts silences --end', target: { id: '3' } }, { action: 'tds alerts test', target: { notifier: 'mail' } },
  ]);
  t.equal(audit.entries.length, 5);
});

t.test('every command about alerts explains itself', async (t) => {
  for (const command of [['health'], ['alerts', 'list'], ['alerts', 'rules'], ['alerts', 'ack'], ['alerts', 'silence'], ['alerts', 'silences'], ['alerts', 'test']]) {
    t.match((await callCli([...command, '--help'])).out, /Usage: tds [\s\S]*Examples:[\s\S]*--json:[\s\S]*Exit codes:/, command.join(' '));
  }
});
