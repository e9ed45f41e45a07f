/** A job that applies messages is a job as any other: seen at work, measured, and taken back when it does not get on. */
import t from 'tap';
import { stuckJobs } from '../../core/healing/stuck-jobs.ts';
import { heldJobs, namesOf } from '../../core/queue/index.ts';
import { until } from '../support/processes.ts';
import { minute, ward } from '../healing/support.ts';
import { openHooked, signed } from './support.ts';

const path = '/webhooks/books/invoices/changed';
const invoice = (id: string): string => JSON.stringify({ invoice: { invoice_id: id, status: 'sent', total: 1, last_modified_time: '2026-06-01T08:00:00Z' } });

t.test('a stuck job of messages is seen, and taken back as any other; messages are counted', async (t) => {
  const shop = await openHooked(t, { sandbox: { scale: 'none' } });
  const { operations } = shop.runtime;
  const figure = async (name: string): Promise<number | undefined> => {
    const line = (await operations.metrics()).text.split('\n').find((one) => one.startsWith(`${name} `));
    return line === undefined ? undefined : Number(line.slice(line.lastIndexOf(' ')));
  };
  await shop.send(path, invoice('1'));
  await shop.send(path, invoice('1'));
  await shop.send(path, invoice('1'), { sign: signed('another') });
  await shop.send('/webhooks/books/nothing/changed', invoice('1'));
  await shop.applied();
  await until('both are counted', async () => (await figure('tds_webhook_apply_delay_seconds_count{entity="invoices"}')) === 2);
  for (const [name, value] of Object.entries({
    'tds_webhook_accepted_total{entity="invoices"}': 2, 'tds_webhook_accept_duration_seconds_count': 2, 'tds_webhook_applied_total{entity="invoices",outcome="applied"}': 1, 'tds_webhook_duplicates_total{entity="invoices"}': 1,
    'tds_webhook_refused_total{entity="invoices",reason="signature"}': 1, 'tds_webhook_refused_recent{entity="invoices",reason="signature"}': 1, 'tds_webhook_refused_total{entity="",reason="unknown"}': 1,
  })) t.equal(await figure(name), value, name);

  const held = () => heldJobs(shop.database.pool, namesOf());
  await until('the job before has ended', async () => (await held()).length === 0);
  // its worker hangs: nobody gives it the rows
  const lock = await shop.database.pool.connect();
  await lock.query('BEGIN');
  await lock.query('LOCK TABLE tds.records IN ACCESS EXCLUSIVE MODE');
  await shop.send(path, invoice('2'));
  await until('a beat lists its job', async () => (await held()).length === 1);
  const job = (await held())[0]?.id;
  t.ok((await operations.nodes()).some(({ inFlight }) => inFlight.includes(job ?? '')), 'its node tells of it');
  t.match((await operations.jobs.stats()).find(({ task }) => task === 'webhook'), { running: 1 });
  const w = ward(shop.database.pool, [stuckJobs({ pool: shop.database.pool, names: namesOf(), every: 30_000, after: 5 * minute })]);
  await w.after(6 * minute);
  t.match(await w.acts(), [{ rule: 'stuck-jobs', fingerprint: `job:${job}`, seen: new RegExp(`^job ${job} \\(webhook invoices\\) has made no progress for \\d min`), outcome: 'healed' }]);
  await lock.query('COMMIT');
  lock.release();
  await shop.applied();
  t.same(await shop.rows('SELECT invoice_id FROM erp.invoices ORDER BY 1'), [{ invoice_id: '1' }, { invoice_id: '2' }], 'it runs again, and nothing is lost');
});
