import { t } from 'tap';
import { ConnectionPausedError } from '../../core/connection/errors.ts';
import { retryPause } from '../../core/connection/retry.ts';
import { connectionSettings } from '../../core/connection/settings.ts';
import { PermanentError, RetryLaterError, type Logger } from '../../core/sdk/index.ts';
import { silentLogger } from '../../core/monitor/log.ts';
import { TestClock } from '../support/clock.ts';
import { connect, signal, transportOf } from './support.ts';

const url = 'http://remote/';

/** A transport that answers with these statuses in turn (the last one goes on) and notes the time of each call, in s from the start. */
function statuses(clock: TestClock, ...list: number[]): { transport: ReturnType<typeof transportOf>; at: number[] } {
  const start = clock.now().getTime();
  const at: number[] = [];
  return { at, transport: transportOf(async () => {
    at.push((clock.now().getTime() - start) / 1000);
    return { status: list[Math.min(at.length, list.length) - 1]! };
  }) };
}

t.test('the pauses grow to their maximum, and full jitter takes any part of them', (t) => {
  const { retry } = connectionSettings({ retry: { first: 4_000, max: 10_000 } });
  t.strictSame([1, 2, 3, 4].map((repeat) => retryPause(retry, repeat, undefined, () => 1)), [4_000, 8_000, 10_000, 10_000]);
  t.equal(retryPause(retry, 2, undefined, () => 0), 0);
  t.equal(retryPause(retry, 2, undefined, () => 0.25), 2_000);
  t.equal(retryPause({ ...retry, jitter: 'none' }, 1, undefined, () => 0), 4_000);
  t.strictSame([1, 2, 3].map((repeat) => retryPause({ ...retry, backoff: 'linear', max: 60_000 }, repeat, undefined, () => 1)), [4_000, 8_000, 12_000]);
  t.equal(retryPause({ ...retry, backoff: 'fixed' }, 5, undefined, () => 1), 4_000);
  t.equal(retryPause(retry, 1, 30_000, () => 0), 30_000, 'never shorter than the other side asks');
  t.end();
});

t.test('a passing failure is tried again by the policy, a lasting one is thrown at once', async (t) => {
  const clock = new TestClock();
  const good = statuses(clock, 500, 503, 200);
  await connect(t, { clock, transport: good.transport }).run(connect(t, { clock, transport: good.transport }).http.send({ url }));
  t.strictSame(good.at, [0, 4, 12]);
  const bad = statuses(clock, 404);
  await t.rejects(connect(t, { clock, transport: bad.transport }).http.send({ url }), PermanentError);
  t.equal(bad.at.length, 1);
});

t.test('when the attempts are used up the last error is thrown', async (t) => {
  const clock = new TestClock();
  const { transport, at } = statuses(clock, 500, 500, 502);
  const connection = connect(t, { clock, transport });
  const error = await connection.run(connection.http.send({ url })).catch((error: unknown) => error);
  t.match(error, { code: 'http.server_error', details: { status: 502 } });
  t.type(error, RetryLaterError);
  t.equal(at.length, 3);
});

t.test('no repeat is made beyond the total time, however long the other side asks to wait', async (t) => {
  const clock = new TestClock();
  let calls = 0;
  const transport = transportOf(async () => (calls++, { status: 503, headers: { 'retry-after': '3600' } }));
  const connection = connect(t, { clock, transport });
  await t.rejects(connection.run(connection.http.send({ url })), RetryLaterError);
  t.equal(calls, 1);
  t.equal(clock.now().toISOString(), '2026-01-05T08:00:00.000Z');
});

t.test('when most calls fail the repeats stop, so that there is no storm; they come back with time', async (t) => {
  const clock = new TestClock();
  let calls = 0;
  const transport = transportOf(async () => (calls++, { status: 500 }));
  const connection = connect(t, { clock, transport, breaker: { failures: 1000 } });
  const storm = Promise.allSettled(Array.from({ length: 100 }, () => connection.http.send({ url })));
  await connection.run(storm);
  t.ok(calls >= 110 && calls <= 125, `${calls} calls for 100 that would have made 300`);
  await clock.advance(100_000);
  calls = 0;
  await t.rejects(connection.run(connection.http.send({ url })), RetryLaterError);
  t.equal(calls, 3);
});

t.test('the breaker opens after failures in a row, refuses at once, and lets one call a cool-down try', async (t) => {
  const clock = new TestClock();
  const lines: string[] = [];
  const log: Logger = { ...silentLogger, warn: (message) => void lines.push(message), info: (message) => void lines.push(message), child: () => log };
  let answer = 500;
  let calls = 0;
  const transport = transportOf(async () => (calls++, { status: answer }));
  const connection = connect(t, { clock, log, transport, retry: { attempts: 1 }, breaker: { failures: 5, coolDown: 60_000 } });
  for (let count = 0; count < 4; count++) await t.rejects(connection.http.send({ url }), { code: 'http.server_error' });
  await t.rejects(connection.http.send({ url }), { code: 'connection.paused', cause: { code: 'http.server_error' } }, 'the one that opens it says so, with the reason');
  t.match(connection.status().breaker, { state: 'open', resumesAt: new Date('2026-01-05T08:01:00.000Z'), code: 'http.server_error' });
  const error = await connection.http.send({ url }).catch((error: unknown) => error);
  t.type(error, ConnectionPausedError);
  t.type(error, RetryLaterError);
  t.match(error, { resumesAt: new Date('2026-01-05T08:01:00.000Z') });
  t.match(connection.waitsOn(), 'the breaker, until 2026-01-05T08:01:00.000Z');
  t.equal(calls, 5);
  // An hour down: one probe a minute.
  for (let minute = 0; minute < 60; minute++) {
    await clock.advance(60_000);
    await Promise.all(Array.from({ length: 5 }, () => t.rejects(connection.http.send({ url }), { code: 'connection.paused' })));
  }
  t.equal(calls, 65);
  answer = 200;
  await clock.advance(60_000);
  await Promise.all(Array.from({ length: 5 }, () => connection.http.send({ url })));
  t.equal(calls, 70);
  t.equal(connection.status().breaker.state, 'closed');
  t.ok(lines.includes('the breaker opened: calls rest') && lines.includes('the breaker is closed'));
});

t.test('while a probe is on its way the others wait for it', async (t) => {
  const clock = new TestClock();
  const probe = signal<number>();
  let calls = 0;
  const transport = transportOf(async () => (++calls === 2 ? { status: await probe.promise } : { status: calls === 1 ? 500 : 200 }));
  const connection = connect(t, { clock, transport, retry: { attempts: 1 }, breaker: { failures: 1 } });
  await t.rejects(connection.http.send({ url }));
  await clock.advance(60_000);
  const all = Array.from({ length: 4 }, () => connection.http.send({ url }));
  await clock.advance(0);
  t.equal(calls, 2);
  t.equal(connection.status().breaker.state, 'half-open');
  probe.resolve(200);
  await Promise.all(all);
  t.equal(calls, 5);
});

t.test('a probe whose caller gives up proves nothing: the next call probes', async (t) => {
  const clock = new TestClock();
  let calls = 0;
  const hang = signal<never>();
  const transport = { ...transportOf(async () => ({})), async send(_: unknown, { signal }: { signal?: AbortSignal | undefined }) {
    if (++calls === 1) return { status: 500, headers: {}, body: Buffer.alloc(0), bytes: 0 };
    if (calls === 2) await Promise.race([hang.promise, new Promise((_resolve, reject) => signal?.addEventListener('abort', () => reject(signal.reason as Error)))]);
    return { status: 200, headers: {}, body: Buffer.alloc(0), bytes: 0 };
  } };
  const connection = connect(t, { clock, transport, retry: { attempts: 1 }, breaker: { failures: 1 } });
  await t.rejects(connection.http.send({ url }));
  await clock.advance(60_000);
  const stop = new AbortController();
  const probe = connection.http.send({ url, signal: stop.signal });
  await clock.advance(0);
  stop.abort(new Error('cancelled'));
  await t.rejects(probe, { message: 'cancelled' });
  t.equal(connection.status().breaker.state, 'open');
  await connection.http.send({ url });
  t.equal(connection.status().breaker.state, 'closed');
});

t.test('answers that refuse, and limits, are no failures of the other side', async (t) => {
  const clock = new TestClock();
  const { transport } = statuses(clock, 500, 500, 404, 500, 500, 404, 500, 500);
  const connection = connect(t, { clock, transport, retry: { attempts: 1 }, breaker: { failures: 3 } });
  for (let count = 0; count < 8; count++) await t.rejects(connection.http.send({ url }));
  t.equal(connection.status().breaker.state, 'closed');
});

t.test('a person may close the breaker', async (t) => {
  const clock = new TestClock();
  const { transport } = statuses(clock, 500, 200);
  const connection = connect(t, { clock, transport, retry: { attempts: 1 }, breaker: { failures: 1 } });
  await t.rejects(connection.http.send({ url }), { code: 'connection.paused' });
  await connection.resetBreaker();
  t.equal((await connection.http.send({ url })).status, 200);
});

t.test('the config wins over the plugin, value by value, and the plugin over the defaults', (t) => {
  const settings = connectionSettings(
    { limits: { perMinute: 50 }, retry: { attempts: 7 }, timeout: { body: 1 } },
    { limits: { perMinute: 100, perDay: 1000 }, retry: { attempts: 4, firstMs: 5 }, timeout: { bodyMs: 2, headersMs: 3 } },
  );
  t.match(settings, { limits: { perMinute: 50, perDay: 1000 }, retry: { attempts: 7, first: 5, max: 60_000 }, timeout: { body: 1, headers: 3, connect: 10_000 }, breaker: { failures: 5 }, maxBody: 50_000_000 });
  t.end();
});
