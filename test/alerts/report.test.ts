/** Reports on their way to people: by the same rows and jobs as alerts. */
import t from 'tap';
import type { ReportToTell } from '../../core/alerts/index.ts';
import type { JobContext } from '../../core/queue/index.ts';
import { databaseAccess } from '../../core/store/session.ts';
import { testDatabase } from '../support/database.ts';
import { watch, type Watch } from './support.ts';

const { pool } = await testDatabase(t);
t.beforeEach(() => pool.query('DELETE FROM notifications; DELETE FROM notifier_states'));

const report: ReportToTell = {
  id: '7', schedule: 'summary', from: new Date('2026-01-04T08:00:00Z'), to: new Date('2026-01-05T08:00:00Z'), headline: 'All is well: 3 runs, 0 failed', attention: [], text: 'TDS report\nAll is well\n', html: '<p>All is well</p>', notifiers: undefined,
};
const notifiers = { mail: {}, chat: { severity: 'warning' as const }, phone: { severity: 'critical' as const } };
const tell = (here: Watch, more: Partial<ReportToTell>): Promise<string[]> => databaseAccess(pool).transaction((session) => here.alerting.tellReport(session, { ...report, ...more }));
const deliver = (here: Watch, notification: string | undefined, attempt = 1): Promise<unknown> => here.alerting.handler({ payload: { notification }, attempt, maxAttempts: 12, signal: new AbortController().signal } as unknown as JobContext<never>) as Promise<unknown>;

t.test('those hear of a report whose severity fits, or whom the schedule names', async (t) => {
  const here = watch(t, pool, { notifiers });
  t.same(await tell(here, {}), ['mail'], 'all is well: who hears everything');
  t.same(await tell(here, { attention: ['items: 1 of 3 runs failed'] }), ['mail', 'chat'], 'there is something to look at');
  t.same(await tell(here, { notifiers: ['phone', 'gone'] }), ['phone'], 'one that is named, and there');
  t.same(await tell(here, { notifiers: [] }), []);
});

t.test('a job delivers it whole, once; what does not get through is tried again', async (t) => {
  const here = watch(t, pool, { notifiers: { mail: {} } });
  await tell(here, { attention: ['items: 1 of 3 runs failed'] });
  here.broken.add('mail');
  await t.rejects(deliver(here, here.jobs[0]), { message: /mail is down/ });
  here.broken.clear();
  await pool.query('UPDATE notifications SET claimed_until = NULL'); // its next attempt's time has come
  await deliver(here, here.jobs[0], 2);
  await deliver(here, here.jobs[0], 3);
  t.match(here.heard, [{ notifier: 'mail', message: {
    kind: 'report', rule: 'report', severity: 'warning', source: 'erp-1', document: { text: report.text, html: report.html },
    alerts: [{ summary: report.headline, help: 'tds report 7', labels: { schedule: 'summary' }, since: report.from }, { summary: 'items: 1 of 3 runs failed', help: 'tds report 7' }],
  } }]);
  t.match((await pool.query('SELECT kind, rule, state, attempts FROM notifications')).rows, [{ kind: 'report', rule: 'report', state: 'sent', attempts: 2 }]);
});

t.test('what is rolled back with the report reaches nobody', async (t) => {
  const here = watch(t, pool, { notifiers: { mail: {} } });
  await t.rejects(databaseAccess(pool).transaction(async (session) => {
    await here.alerting.tellReport(session, report);
    throw new Error('the node dies');
  }));
  await deliver(here, here.jobs[0]).catch(() => undefined);
  t.same(here.heard, []);
});
