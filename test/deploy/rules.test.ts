/** What lies in deploy/ speaks of metrics that exist; each rule for Prometheus breaks on its fault. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { parse } from 'yaml';
import { defaultRules } from '../../core/alerts/default-rules.ts';
import { metricNames } from '../../core/alerts/check-rules.ts';

const deploy = join(import.meta.dirname, '../../deploy');
const rulesFile = join(deploy, 'prometheus/tds.rules.yaml');
interface Rule { alert: string; expr: string; for?: string; labels: { severity: string }; annotations: { summary: string; help: string } }
const rules = (parse(readFileSync(rulesFile, 'utf8')) as { groups: { rules: Rule[] }[] }).groups.flatMap((group) => group.rules);
interface Panel { type: string; title: string; gridPos: { x: number; y: number; w: number; h: number }; targets?: { expr: string; datasource: { uid: string } }[] }
const dashboard = JSON.parse(readFileSync(join(deploy, 'grafana/dashboards/tds.json'), 'utf8')) as { uid: string; panels: Panel[] };
const queries = dashboard.panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => ({ title, expr })));
const known = metricNames();
const named = (expr: string): string[] => [...expr.replaceAll(/"[^"]*"/g, '""').matchAll(/\b(?:tds|process|nodejs)_[a-z_]+\b/g)].map(([name]) => name);
const isMissing = spawnSync('promtool', ['--version']).error !== undefined;
const skip = isMissing ? { skip: 'promtool is not installed (Debian: prometheus): THE QUERIES WERE NOT CHECKED BY PROMETHEUS' } : {};

t.test('each query names metrics and labels that exist', async (t) => {
  t.ok(queries.length > 40 && rules.length > 15);
  for (const { title, expr } of [...queries, ...rules.map(({ alert, expr }) => ({ title: alert, expr }))]) {
    const names = named(expr);
    t.ok(names.length > 0 || expr.includes('up{'), `${title} asks something`);
    t.same(names.filter((name) => !known.has(name)), [], `${title}: ${expr}`);
    for (const [, name = '', inside = ''] of expr.matchAll(/\b(tds_[a-z_]+)\{([^}]*)\}/g)) {
      for (const [, label = ''] of inside.matchAll(/([a-z_]+)(?:=~|!=|=)"/g)) t.ok([...(known.get(name)?.labels ?? []), 'job', 'instance'].includes(label), `${title}: ${name} has ${label}`);
    }
    for (const [, labels = ''] of expr.matchAll(/\bby \(([^)]*)\)/g)) {
      for (const label of labels.split(', ')) t.ok(label === 'le' || names.some((name) => known.get(name)?.labels.includes(label)), `${title}: by ${label}`);
    }
  }
});

t.test('every metric is shown on the dashboard', async (t) => {
  const shown = new Set(queries.flatMap(({ expr }) => named(expr)).map((name) => known.get(name)?.name));
  const unseen = [...new Set([...known.values()].map(({ name }) => name))].filter((name) => !shown.has(name));
  t.same(unseen, ['process_start_time_seconds', 'tds_database_up', 'tds_dead_letters_recent', 'tds_disk_free_ratio', 'tds_memory_limit_bytes', 'tds_notifier_down', 'tds_quota_used_calls', 'tds_run_pages_total', 'tds_schedule_rests', 'tds_webhook_refused_recent', 'tds_webhook_untaken_refusals'].filter((name) => unseen.includes(name)), 'but for those that others contain');
});

t.test('no panel lies on another one, and all use the data source that is provisioned', async (t) => {
  const { datasources } = parse(readFileSync(join(deploy, 'grafana/provisioning/datasources/prometheus.yaml'), 'utf8')) as { datasources: { uid: string }[] };
  for (const { targets = [] } of dashboard.panels) for (const { datasource } of targets) t.equal(datasource.uid, datasources[0]?.uid);
  const cells = new Set<string>();
  for (const { title, gridPos: { x, y, w, h } } of dashboard.panels) {
    for (let column = x; column < x + w; column++) for (let line = y; line < y + h; line++) cells.add(`${column}/${line}`);
    t.ok(x + w <= 24, title);
  }
  t.equal(cells.size, dashboard.panels.reduce((sum, { gridPos: { w, h } }) => sum + w * h, 0), 'they lie side by side');
});

t.test('what Grafana loads the dashboard by is whole', async (t) => {
  const { apiVersion, providers } = parse(readFileSync(join(deploy, 'grafana/provisioning/dashboards/tds.yaml'), 'utf8')) as { apiVersion: number; providers: object[] };
  t.match([apiVersion, providers], [1, [{ name: 'tds', type: 'file', options: { path: /^\/\S+$/ } }]]);
  const { apiVersion: version, datasources } = parse(readFileSync(join(deploy, 'grafana/provisioning/datasources/prometheus.yaml'), 'utf8')) as { apiVersion: number; datasources: object[] };
  t.match([version, datasources], [1, [{ name: String, uid: 'prometheus', type: 'prometheus', access: 'proxy', url: /^http:/ }]]);
  const { uid, title, schemaVersion, panels } = JSON.parse(readFileSync(join(deploy, 'grafana/dashboards/tds.json'), 'utf8')) as { uid: string; title: string; schemaVersion: number; panels: { id: number }[] };
  t.match({ uid, title, schemaVersion }, { uid: /^[\w-]{1,40}$/, title: /./, schemaVersion: Number });
  t.equal(new Set(panels.map(({ id }) => id)).size, panels.length, 'each panel has an id of its own');
});

t.test('every rule that ships with TDS has its like for Prometheus, as bad and with the same help', async (t) => {
  const words = (name: string): string => `Tds${name.split('-').map((word) => word[0]?.toUpperCase() + word.slice(1)).join('')}`;
  const missing = Object.entries(defaultRules).filter(([id]) => !rules.some(({ alert }) => alert === words(id)));
  t.same(missing.map(([id]) => id), ['quota-spent'], 'the forecast says it before');
  for (const [id, { severity }] of Object.entries(defaultRules)) {
    const rule = rules.find(({ alert }) => alert === words(id));
    if (rule) t.equal(rule.labels.severity, severity, id);
  }
  for (const { alert, annotations } of rules) t.ok(annotations.summary && annotations.help, alert);
});

/** For each rule a series that breaks it. */
const broken: Record<string, string> = {
  TdsDown: 'up{job="tds",instance="a"}|0x10', TdsNoNode: 'tds_nodes{instance="a",job="tds"}|0x10', TdsDatabaseDown: 'tds_database_up{instance="a"}|0x10',
  TdsDeadLettersGrowing: 'tds_dead_letters_recent{entity="invoices",kind="record",instance="a",job="tds"}|11x10', TdsRunFailed: 'tds_entity_last_run_failed{entity="invoices"}|1x10',
  TdsFreshnessExceeded: 'tds_entity_overdue_seconds{entity="invoices"}|600x10', TdsBreakerOpen: 'tds_connection_breaker_open{connection="shop",instance="a"}|1 1 0.5 1 1 0.5 1 1 0.5 1',
  TdsTokenRevoked: 'tds_connection_sign_in_refused{connection="shop"}|1x10', TdsQuotaRunsOut: 'tds_quota_forecast_ratio{connection="shop"}|1.2x10', TdsQueueStuck: 'tds_queue_oldest_job_age_seconds{task="run"}|2000x10',
  TdsWebhooksLost: 'tds_webhook_loss_ratio{entity="invoices",instance="a"}|0.05x10', TdsWebhooksForged: 'tds_webhook_refused_total{entity="invoices",reason="signature"}|0+10x10', TdsWebhooksOverload: 'tds_webhook_refused_total{entity="invoices",reason="overload"}|0+50x10',
  TdsWebhooksNoneTaken: 'tds_webhook_untaken_refusals{entity="invoices",instance="a"}|2x10',
  TdsWebhooksWaiting: 'tds_webhook_oldest_waiting_age_seconds{entity="invoices"}|400x10',
  TdsScheduleOverdue: 'tds_schedule_overdue_seconds{schedule="stock",instance="a"}|130x10', TdsScheduleMissed: 'tds_events_total{event="schedule.missed"}|0 0 1 1 1 1 1 1 1 1', TdsScheduleSlow: 'tds_schedule_period_ratio{schedule="stock",instance="a"}|0.93x10', TdsSchedulePaused: 'tds_schedule_rests{schedule="stock",instance="a"}|1x10',
  TdsNodeLost: 'tds_nodes_lost_total{instance="a"}|0 0 1 1 1 1 1 1 1 1', TdsRemoteErrors: 'tds_remote_calls_total{connection="shop",status="503"}|0+10x10', TdsDiskFull: 'tds_disk_free_ratio{instance="a"}|0.05x10',
  TdsPoolFull: 'tds_database_pool_connections{state="waiting",instance="a"}|3x10', TdsMemoryHigh: 'tds_memory_used_ratio{instance="a"}|0.9x10', TdsPersonWanted: 'tds_healing_waiting{rule="tokens"}|1x10',
  TdsNotifierFailing: 'tds_notifier_down{notifier="mail"}|1x10',
};

t.test('Prometheus takes the rules and the sample config, and each rule fires on its fault and on nothing else', skip, async (t) => {
  t.same(Object.keys(broken).toSorted(), rules.map(({ alert }) => alert).toSorted(), 'there is a fault for each');
  for (const args of [['check', 'rules', rulesFile], ['check', 'config', join(deploy, 'prometheus/prometheus.yaml')]]) {
    const { status, stdout, stderr } = spawnSync('promtool', args, { encoding: 'utf8' });
    t.equal(status, 0, `${args.join(' ')}\n${stdout}${stderr}`);
  }
  const tests = rules.map(({ alert }) => {
    const [series = '', values = ''] = (broken[alert] ?? '').split('|');
    const alerts = rules.map((rule) => ({ eval_time: '9m', alertname: rule.alert, fires: rule.alert === alert }));
    return { interval: '1m', name: alert, input_series: [{ series, values }], promql_expr_test: alerts.map(({ alertname, eval_time: at, fires }) => ({ expr: `count(ALERTS{alertname="${alertname}",alertstate="firing"})`, eval_time: at, exp_samples: fires ? [{ labels: '{}', value: 1 }] : [] })) };
  });
  const file = join(t.testdir(), 'test.yaml');
  await writeFile(file, JSON.stringify({ rule_files: [rulesFile], evaluation_interval: '1m', tests }));
  const { status, stdout, stderr } = spawnSync('promtool', ['test', 'rules', file], { encoding: 'utf8' });
  t.equal(status, 0, stdout + stderr);
});
