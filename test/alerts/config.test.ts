/** What `tds validate` tells of rules and notifiers, and that what docs/alerts.md shows is right. */
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { rulesOf } from '../../core/alerts/rules.ts';
import { renderFinding } from '../../core/config/index.ts';
import { loadProject, type Project } from '../../core/project.ts';
import { createMemoryLog } from '../../core/sdk/test/index.ts';

const variables = ['SMTP_PASSWORD', 'SLACK_WEBHOOK_URL', 'TELEGRAM_BOT_TOKEN', 'PAGERDUTY_ROUTING_KEY', 'ALERT_WEBHOOK_SECRET', 'REMOTE_WRITE_TOKEN', 'OTLP_TOKEN'];
const env = { ...Object.fromEntries(variables.map((name) => [name, 'https://hooks.example.com/secret'])), TELEGRAM_BOT_TOKEN: '1:abc', PAGERDUTY_ROUTING_KEY: 'a'.repeat(32), ALERT_WEBHOOK_SECRET: `whsec_${'A'.repeat(32)}` };

async function load(cwd: string, text: string): Promise<Project> {
  await writeFile(join(cwd, 'tds.config.yaml'), text);
  return loadProject({ env, cwd, log: createMemoryLog([]) });
}

t.test('every fault of a rule or notifier is told where it stands, with its cure', async (t) => {
  const { findings } = await load(t.testdir(), `
connections:
  mail: { plugin: email }
notifiers:
  chat: { plugin: slack, with: { url: "https://x.example", chanel: ops } }
  shop: { plugin: postgres }
  fax: { plugin: teletype }
alerts:
  rules:
    one: { metric: tds_dead_leters, above: 1 }
    two: { metric: tds_dead_letters }
    three: { event: token.revoke }
    four: { metric: tds_dead_letters, above: 1, labels: { entitty: x }, by: entity, notifiers: [chatt] }
    five: { severity: warning }
    six: { metric: tds_run_duration_seconds, above: 1 }
    queue-stuck: { above: 60 }
    memory-high: { labels: { node: a } }
`);
  const told = findings.map(renderFinding);
  for (const [place, word] of [
    [':3:', /mail\.plugin is a notifier.*under "notifiers".*host\.wrong_kind/], [':5:', /chanel/], [':6:', /is a connector.*under "connections"/], [':7:', /fax\.plugin is not a plugin that was found; known are email, pagerduty/],
    [':10:', /one\.metric.*did you mean "tds_dead_letters".*alert\.unknown_metric/], [':11:', /does not say when it breaks.*alert\.no_condition/], [':12:', /did you mean "token\.revoked".*alert\.unknown_event/],
    [':13:', /label "entitty".*it has: entity, kind.*alert\.unknown_label/], [':13:', /notifier "chatt".*did you mean "chat".*alert\.unknown_notifier/], [':14:', /neither a metric nor an event.*alert\.no_subject/], [':15:', /six\.metric.*did you mean "tds_run_duration_seconds_sum".*alert\.unknown_metric/],
  ] as const) t.ok(told.some((line) => line.includes(place) && word.test(line)), `${place} ${String(word)}`);
  t.notOk(told.some((line) => /:1[67]:/.test(line)), 'what only changes a rule that ships is right');
  t.equal(told.length, 11, told.join('\n'));
});

t.test('what the page of alerts shows is right', async (t) => {
  const page = readFileSync(join(import.meta.dirname, '../../docs/alerts.md'), 'utf8');
  const blocks = [...page.matchAll(/^( *)```yaml\n([\s\S]*?)^ *```/gm)].map(([, indent = '', text = '']) => text.replaceAll(new RegExp(`^${indent}`, 'gm'), ''));
  t.equal(blocks.length, 4);
  const { findings, config, notifiers } = await load(t.testdir(), blocks.join('\n'));
  t.same(findings.map(renderFinding), []);
  t.same([...notifiers.keys()], ['mail', 'chat', 'phone', 'duty', 'hook']);
  t.match(config?.alerts.rules['too-many-refused'], { for: 600_000, notifiers: ['mail'] });
  const rules = rulesOf(config?.alerts ?? ({} as never));
  t.match(rules.find(({ id }) => id === 'freshness-exceeded'), { above: 3600, metric: 'tds_entity_overdue_seconds', quietHours: '22:00-07:00' });
  t.equal(rules.find(({ id }) => id === 'queue-stuck'), undefined);
  t.match(rules.find(({ id }) => id === 'token-revoked'), { quietHours: undefined }, 'what is critical knows no quiet hours');
  t.match(config?.tracing, { share: 0.1 });
  t.match(config?.metrics.remoteWrite, { every: 15_000, labels: { instance: 'erp-1' } });
});
