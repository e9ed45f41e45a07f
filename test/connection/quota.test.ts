import { t } from 'tap';
import { withCallContext } from '../../core/connection/context.ts';
import { quotaOfHeaders } from '../../core/connection/quota-headers.ts';
import { dayIn, nextDayIn, zoneOfMidnight } from '../../core/connection/zone.ts';
import { QuotaSpentError, type HttpResponse } from '../../core/sdk/index.ts';
import { TestClock } from '../support/clock.ts';
import { connect, transportOf } from './support.ts';

const url = 'http://remote/';

t.test('the day is that of the service, also where its clocks change', (t) => {
  t.equal(dayIn('America/New_York', new Date('2026-03-08T04:59:59Z')), '2026-03-07');
  t.equal(nextDayIn('America/New_York', new Date('2026-03-08T12:00:00Z')).toISOString(), '2026-03-09T04:00:00.000Z');
  t.equal(nextDayIn('Asia/Baghdad', new Date('2026-01-05T08:00:00Z')).toISOString(), '2026-01-05T21:00:00.000Z');
  t.equal(nextDayIn('Asia/Kolkata', new Date('2026-01-05T18:30:00Z')).toISOString(), '2026-01-06T18:30:00.000Z');
  // Lebanon's midnight of this day does not exist: the day begins at 1 o'clock.
  t.equal(nextDayIn('Asia/Beirut', new Date('2026-03-28T12:00:00Z')).toISOString(), '2026-03-28T22:00:00.000Z');
  t.end();
});

t.test('when the calls of the day are used up no call is made before the next day of the service', async (t) => {
  const clock = new TestClock('2026-01-05T20:00:00Z');
  let calls = 0;
  const connection = connect(t, { clock, transport: transportOf(async () => (calls++, {})), limits: { perDay: 3, reserve: 0 }, timezone: 'Asia/Baghdad' });
  await Promise.all([1, 2, 3].map(() => connection.http.send({ url })));
  const error = await connection.http.send({ url }).catch((error: unknown) => error);
  t.type(error, QuotaSpentError);
  t.match(error, { resumesAt: new Date('2026-01-05T21:00:00Z') });
  t.match(connection.status().quota, { day: '2026-01-05', zone: 'Asia/Baghdad', used: 3, limit: 3 });
  await clock.moveTo('2026-01-05T21:00:00Z');
  await connection.http.send({ url });
  t.match(connection.status().quota, { day: '2026-01-06', used: 1 });
  t.equal(calls, 4);
});

t.test('many calls at once do not share the last place of the day', async (t) => {
  let calls = 0;
  const connection = connect(t, { transport: transportOf(async () => (calls++, {})), limits: { perDay: 10, concurrent: 5, reserve: 0 } });
  const ends = await Promise.allSettled(Array.from({ length: 30 }, () => connection.http.send({ url })));
  t.equal(calls, 10);
  t.equal(ends.filter(({ status }) => status === 'rejected').length, 20);
});

t.test('the reserve is left to webhooks, persons and repairs', async (t) => {
  const connection = connect(t, { transport: transportOf(async () => ({})), limits: { perDay: 10, reserve: 0.2 } });
  const bulk = (): Promise<HttpResponse> => withCallContext({ purpose: 'full' }, () => connection.http.send({ url }));
  for (let count = 0; count < 8; count++) await bulk();
  await t.rejects(bulk(), QuotaSpentError);
  for (let count = 0; count < 2; count++) await withCallContext({ purpose: 'webhook' }, () => connection.http.send({ url }));
  await t.rejects(withCallContext({ purpose: 'person' }, () => connection.http.send({ url })), QuotaSpentError);
});

t.test('what the service says corrects the count: others use the same account', async (t) => {
  const headers = { 'x-rate-limit-limit': '10', 'x-rate-limit-remaining': '2', 'x-rate-limit-reset': '3600' };
  let calls = 0;
  const connection = connect(t, { transport: transportOf(async () => (++calls === 1 ? { headers } : {})), limits: { perDay: 1000, reserve: 0 } });
  await connection.http.send({ url });
  t.match(connection.status().quota, { used: 8, limit: 10 });
  await connection.http.send({ url });
  await connection.http.send({ url });
  await t.rejects(connection.http.send({ url }), QuotaSpentError);
  t.equal(calls, 3);
});

t.test('"none left" holds until the time that the service names', async (t) => {
  const connection = connect(t, { transport: transportOf(async () => ({ headers: { 'x-rate-limit-limit': '10', 'x-rate-limit-remaining': '0', 'x-rate-limit-reset': '3600' } })), limits: { perDay: 1000 } });
  await connection.http.send({ url });
  t.match(await connection.http.send({ url }).catch((error: unknown) => error), { name: 'QuotaSpentError', resumesAt: new Date('2026-01-05T09:00:00Z') });
});

t.test('the zone is learned from when the service says that its day ends, as long as nobody names it', async (t) => {
  t.strictSame(['2026-01-05T21:00:02Z', '2026-01-05T18:29:59Z', '2026-01-06T05:00:00Z', '2026-01-06T00:00:00Z', '2026-01-05T10:00:00Z', '2026-01-05T12:00:01Z'].map((text) => zoneOfMidnight(new Date(text))), ['+03:00', '+05:30', '-05:00', '+00:00', '+14:00', '+12:00']);
  const clock = new TestClock('2026-01-05T20:00:00Z');
  let left = 1;
  const transport = transportOf(async () => ({ headers: { 'x-rate-limit-limit': '10', 'x-rate-limit-remaining': String(left), 'x-rate-limit-reset': '3600' } }));
  const connection = connect(t, { clock, transport, limits: { perDay: 1000, reserve: 0 } });
  await connection.http.send({ url });
  t.match(connection.status().quota, { zone: '+03:00', day: '2026-01-05', used: 9 });
  t.equal(await connection.state.get('timezone'), '+03:00');
  // The service's day turns while UTC's goes on.
  await clock.moveTo('2026-01-05T21:00:00Z');
  left = 9;
  t.match(connection.status().quota, { day: '2026-01-06', used: 0 });
  await connection.state.set('timezone', 'Asia/Baghdad');
  await connection.http.send({ url });
  t.match(connection.status().quota, { zone: 'Asia/Baghdad', used: 1 });
});

t.test('senseless headers change nothing', (t) => {
  const now = new Date();
  for (const remaining of ['-1', 'many', '', '1e9', '99999999999999999']) t.equal(quotaOfHeaders({ 'x-rate-limit-remaining': remaining }, now), undefined);
  t.strictSame(quotaOfHeaders({ 'x-rate-limit-remaining': '5', 'x-rate-limit-reset': '999999999' }, now), { remaining: 5 });
  t.end();
});

t.test('when the service says that the day is spent, all calls of the connection stop until then', async (t) => {
  let calls = 0;
  const connection = connect(t, { transport: transportOf(async () => (calls++, { status: 429 })) });
  const inspect = (): void => {
    throw new QuotaSpentError('zoho.quota_spent', 'code 45', { resumesAt: new Date('2026-01-05T22:00:00Z') });
  };
  await t.rejects(connection.http.send({ url, inspect }), { code: 'zoho.quota_spent' });
  t.match(await connection.http.send({ url }).catch((error: unknown) => error), { code: 'connection.quota_spent', resumesAt: new Date('2026-01-05T22:00:00Z') });
  t.equal(calls, 1);
});

t.test('the zone may be known to the connector alone: it keeps it as the state "timezone"', async (t) => {
  const connection = connect(t, { transport: transportOf(async () => ({})), limits: { perDay: 10 }, clock: new TestClock('2026-01-05T22:00:00Z') });
  t.equal(connection.status().quota.day, '2026-01-05');
  await connection.state.set('timezone', 'Asia/Baghdad');
  t.match(connection.status().quota, { day: '2026-01-06', zone: 'Asia/Baghdad' });
  await connection.state.set('timezone', 'Mars/Olympus');
  t.equal(connection.status().quota.zone, 'Asia/Baghdad');
});
