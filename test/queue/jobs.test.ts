import { test } from 'tap';
import { JobLostError, postpone } from '../../core/queue/index.ts';
import { AccessDeniedError, PermanentError, QuotaSpentError, RateLimitedError, RetryLaterError } from '../../core/sdk/index.ts';
import { withTransaction } from '../../core/store/pool.ts';
import { until } from '../support/processes.ts';
import { bench, next } from './support.ts';

test('a job that is added in a transaction runs after its commit, and never after its rollback', async (t) => {
  const b = await bench(t);
  const ran: unknown[] = [];
  const queue = b.queue({ note: async (job) => void ran.push(job.payload) });
  await queue.start();
  await withTransaction(b.pool, async (client) => {
    await queue.enqueue(client, { task: 'note', payload: { n: 1 } });
    throw new Error('no');
  }).catch(() => {});
  const ended = next(queue, 'job.ended');
  const id = await withTransaction(b.pool, (client) => queue.enqueue(client, { task: 'note', payload: { n: 2, runId: '7' } }));
  t.match(await ended, { jobId: id, task: 'note', attempt: 1, outcome: 'done' });
  t.same(ran, [{ n: 2 , runId: '7' }]);
  t.same(await b.jobs(), []);
  const { rows } = await b.pool.query('select task, payload, run_id, attempt, outcome, node_id, started_at <= ended_at as timed from job_history');
  t.same(rows, [{ task: 'note', payload: { n: 2, runId: '7' }, run_id: '7', attempt: 1, outcome: 'done', node_id: queue.nodeId, timed: true }]);
});

test('what the error says decides what becomes of the job', async (t) => {
  const b = await bench(t);
  const later = new Date(Date.now() + 3_600_000);
  const queue = b.queue({
    postponed: async () => postpone({ until: later, reason: 'the breaker is open' }),
    thrown: async () => { throw postpone({ until: later, reason: 'the breaker is open' }); },
    quota: async () => { throw new QuotaSpentError('zoho.quota_spent', 'spent', { resumesAt: later }); },
    paused: async () => { throw Object.assign(new Error('paused'), { resumesAt: later }); },
    limited: async () => { throw new RateLimitedError('zoho.slow', 'slower', { scope: 'minute', retryAfterMs: 3_600_000 }); },
    permanent: async () => { throw new PermanentError('zoho.no', 'never'); },
    denied: async () => { throw new AccessDeniedError('zoho.denied', 'denied'); },
    later: async () => { throw new RetryLaterError('zoho.down', 'unwell'); },
    database: async () => { throw Object.assign(new Error('Connection terminated unexpectedly')); },
    lost: async (job) => { throw new JobLostError(job.jobId, 'test'); },
  }, { concurrency: 10, timings: { beatMs: 100, deadMs: 1_500, sweepMs: 100, pollMs: 100, retryMs: 3_600_000 } });
  await queue.start();
  const tasks = ['postponed', 'thrown', 'quota', 'paused', 'limited', 'permanent', 'denied', 'later', 'database'];
  const ended = new Map<string, Record<string, unknown>>();
  queue.on('job.ended', (facts) => ended.set(facts.task, facts as unknown as Record<string, unknown>));
  const ids = new Map<string, string>();
  for (const task of tasks) ids.set(task, await queue.enqueue(b.pool, { task }));
  await until('all have ended', () => ended.size === tasks.length);
  t.same(Object.fromEntries([...ended].map(([task, facts]) => [task, facts['outcome']])), {
    postponed: 'postponed', thrown: 'postponed', quota: 'postponed', paused: 'postponed', limited: 'postponed', permanent: 'failed', denied: 'failed', later: 'retried', database: 'postponed',
  });
  const jobs = new Map((await b.jobs()).map((job) => [job.id, job]));
  const of = (task: string) => jobs.get(ids.get(task)!);
  for (const task of ['postponed', 'thrown', 'quota', 'paused']) {
    t.equal(of(task)?.attempts, 0, `${task} used no attempt`);
    t.equal(of(task)?.run_at.getTime(), later.getTime(), `${task} runs when it is time`);
  }
  t.equal(of('limited')?.attempts, 0);
  t.equal(of('database')?.attempts, 0);
  t.equal(of('later')?.attempts, 1);
  t.ok(of('later')!.run_at.getTime() > Date.now() + 1_500_000);
  t.equal(of('permanent'), undefined);
  t.same(b.exhausted.map(({ job, error }) => [job.task, error.code]).sort(), [['denied', 'zoho.denied'], ['permanent', 'zoho.no']]);
  t.equal(await b.locked(), 0);
});

test('a job without attempts is told of once, with the error, in the transaction that removes it', async (t) => {
  const b = await bench(t);
  let refusals = 2;
  const queue = b.queue({ bad: async () => { throw new RetryLaterError('zoho.down', 'unwell'); } }, {
    async onExhausted(job, error, client) {
      await client.query('insert into effects (job_id, attempt, note) values ($1, $2, $3)', [job.id, job.attempts, `${error.code}: ${error.message}`]);
      if (refusals-- > 0) throw new Error('the dead letters are full');
    },
  });
  await queue.start();
  const id = await queue.enqueue(b.pool, { task: 'bad', payload: { n: 1 }, queueName: 'one', maxAttempts: 2 });
  await until('the job is gone', async () => (await b.jobs()).length === 0);
  t.same((await b.effects()).map(({ job_id, attempt, note }) => ({ job_id, attempt, note })), [{ job_id: id, attempt: 2, note: 'zoho.down: unwell' }]);
  t.same(await b.outcomes(id), ['retried', 'failed']);
  t.equal(await b.locked(), 0);
});

test('the jobs of a named queue never run beside each other, and a key added while its job runs waits for it', async (t) => {
  const b = await bench(t);
  let running = 0;
  let most = 0;
  const gate = Promise.withResolvers<void>();
  const tasks = {
    serial: async () => {
      most = Math.max(most, ++running);
      await gate.promise;
      running--;
    },
  };
  const [one, two] = [b.queue(tasks), b.queue(tasks)];
  await Promise.all([one.start(), two.start()]);
  const first = [next(one, 'job.started'), next(two, 'job.started')];
  await one.enqueue(b.pool, { task: 'serial', jobKey: 'items' });
  await Promise.race(first);
  const again = await one.enqueue(b.pool, { task: 'serial', jobKey: 'items' });
  t.equal(await one.enqueue(b.pool, { task: 'serial', jobKey: 'items' }), again, 'a waiting job of the key is replaced');
  await one.enqueueMany(b.pool, [1, 2, 3].map(() => ({ task: 'serial', queueName: 'key:items' })));
  gate.resolve();
  await until('all have run', async () => (await b.jobs()).length === 0);
  t.equal(most, 1);
  t.equal(await b.locked(), 0);
  const { rows } = await b.pool.query("select outcome, count(*)::int as n from job_history group by 1");
  t.same(rows, [{ outcome: 'done', n: 5 }]);
});

test('adding the same key from many sides at once always gives a job', async (t) => {
  const b = await bench(t);
  const queue = b.queue({ keyed: async () => {} });
  await queue.start();
  const ids = await Promise.all(Array.from({ length: 200 }, () => queue.enqueue(b.pool, { task: 'keyed', jobKey: 'same' })));
  t.equal(ids.filter((id) => /^\d+$/.test(id)).length, 200);
  await until('all have run', async () => (await b.jobs()).length === 0);
});

test('a payload that is no small object is refused', async (t) => {
  const b = await bench(t);
  const queue = b.queue({});
  await t.rejects(queue.enqueue(b.pool, { task: 'x', payload: [] as never }), { code: 'queue.payload' });
  await t.rejects(queue.enqueue(b.pool, { task: 'x', payload: { body: 'x'.repeat(70_000) } }), { code: 'queue.payload' });
});

test('a waiting job is removed by a cancel, and a running one is aborted, also from another node', async (t) => {
  const b = await bench(t);
  const tasks = {
    waits: (job: { signal: AbortSignal }): Promise<void> => new Promise((_resolve, reject) => job.signal.addEventListener('abort', () => reject(job.signal.reason as Error))),
  };
  const one = b.queue(tasks);
  const other = b.queue({});
  await Promise.all([one.start(), other.start()]);
  const started = next(one, 'job.started');
  const running = await one.enqueue(b.pool, { task: 'waits' });
  const waiting = await one.enqueue(b.pool, { task: 'waits', runAt: new Date(Date.now() + 60_000) });
  await started;
  const ended = next(one, 'job.ended');
  t.equal(await other.cancel(waiting), true);
  t.equal(await other.cancel(running), true);
  t.match(await ended, { jobId: running, outcome: 'cancelled' });
  t.same(await b.jobs(), []);
  t.same([await b.outcomes(waiting), await b.outcomes(running)], [['cancelled'], ['cancelled']]);
  t.equal(await other.cancel(running), false);
  t.same(b.exhausted, []);
});

test('nodes and depths are told', async (t) => {
  const b = await bench(t);
  const queue = b.queue({ waits: (job) => new Promise((_resolve, reject) => job.signal.addEventListener('abort', () => reject(job.signal.reason as Error))) });
  await queue.start();
  const started = next(queue, 'job.started');
  const id = await queue.enqueue(b.pool, { task: 'waits' });
  await queue.enqueue(b.pool, { task: 'waits', runAt: new Date(Date.now() + 60_000) });
  await queue.enqueue(b.pool, { task: 'elsewhere', runAt: new Date(Date.now() - 60_000) });
  await started;
  await until('the beat lists the job', async () => (await queue.nodes())[0]?.inFlight.length === 1);
  t.match(await queue.nodes(), [{ nodeId: queue.nodeId, pid: process.pid, version: '0.1.0', concurrency: 4, inFlight: [id], pools: [/^pool-/] }]);
  const stats = await queue.stats();
  t.match(stats, [{ task: 'elsewhere', waiting: 1, running: 0 }, { task: 'waits', waiting: 0, later: 1, running: 1 }]);
  t.ok(stats[0]!.oldestSeconds >= 60);
  t.match(queue.health(), { state: 'running', inFlight: 1 });
});
