/** Single jobs as people see and steer them: on a real queue, by the operations and by the command line over them. */
import { test } from 'tap';
import { jobOperations } from '../../core/operations/jobs.ts';
import { PermanentError, RetryLaterError } from '../../core/sdk/index.ts';
import { fakeOperations, fakeRun } from '../api/fake-operations.ts';
import { callCli } from '../cli/support.ts';
import { until } from '../support/processes.ts';
import { bench, next } from './support.ts';

test('a job is seen in each state, tried before its time, and told of when it is over', async (t) => {
  const b = await bench(t);
  let fails = true;
  const hold = Promise.withResolvers<void>();
  const queue = b.queue({
    flaky: async () => {
      if (fails) throw new RetryLaterError('zoho.down', 'the remote is unwell');
    },
    held: () => hold.promise,
    hopeless: async () => { throw new PermanentError('zoho.no', 'never'); },
  }, { timings: { beatMs: 100, deadMs: 1_500, sweepMs: 100, pollMs: 100, retryMs: 3_600_000 } });
  const cancelled: string[] = [];
  const jobs = jobOperations({ queue, cancelRun: async (id) => {
    cancelled.push(id);
    return fakeRun({ id });
  } });
  const operations = fakeOperations({ jobs });
  await queue.start();
  const ended = next(queue, 'job.ended');
  const flaky = await queue.enqueue(b.pool, { task: 'flaky', payload: { n: 1 } });
  await ended;
  const begun = next(queue, 'job.started');
  const held = await queue.enqueue(b.pool, { task: 'held', payload: { runId: '7' } });
  await begun;
  t.match(await jobs.list({ limit: 10 }), [
    { id: held, task: 'held', state: 'running', runId: '7', attempts: 1, node: queue.nodeId, lockedAt: Date }, { id: flaky, task: 'flaky', state: 'later', runId: null, payload: { n: 1 }, lastError: /unwell/ },
  ]);
  for (const state of ['waiting', 'later', 'running', 'exhausted'] as const) t.same((await jobs.list({ state, limit: 10 })).map(({ id }) => id), { waiting: [], later: [flaky], running: [held], exhausted: [] }[state], state);
  t.same((await jobs.list({ task: 'held', limit: 10 })).map(({ id }) => id), [held]);
  t.same(await jobs.list({ task: 'none', limit: 10 }), []);
  t.match(await callCli(['jobs'], { operations }), { exit: 0, out: /held +running +7[\s\S]*flaky +until .*unwell/ });
  t.match(await callCli(['jobs', 'show', flaky], { operations }), { exit: 0, out: /state +later[\s\S]*attempt 1 +retried .* zoho\.down: the remote is unwell/ });
  t.match(await callCli(['jobs', 'stats'], { operations }), { exit: 0, out: /flaky +0 +1 +0 +0/ });

  await t.rejects(jobs.retry(held), { code: 'operation.job_not_later', message: /is running/ });
  fails = false;
  const again = next(queue, 'job.ended');
  t.match(await callCli(['jobs', 'retry', flaky, '--json'], { operations }), { exit: 0, json: [{ id: flaky }] });
  t.match(await again, { jobId: flaky, outcome: 'done' });
  t.match(await jobs.show(flaky), { state: 'ended', runAt: null, history: [{ attempt: 1, outcome: 'retried', code: 'zoho.down' }, { attempt: 2, outcome: 'done', node: queue.nodeId }] });
  await t.rejects(jobs.retry(flaky), { code: 'operation.job_not_later', message: /is ended/ });
  await t.rejects(jobs.cancel(flaky), { code: 'operation.job_has_no_run' });
  t.match(await callCli(['jobs', 'cancel', held, '--json'], { operations }), { exit: 0, json: [{ id: held }] });
  t.same(cancelled, ['7'], 'its run is ended, which ends the job');
  hold.resolve();

  const hopeless = await queue.enqueue(b.pool, { task: 'hopeless' });
  await until('it is over', async () => (await jobs.show(hopeless)).state === 'ended');
  t.match(await jobs.show(hopeless), { lastError: /never/, history: [{ outcome: 'failed', code: 'zoho.no' }] });
  for (const id of ['404', 'x', '9'.repeat(30)]) await t.rejects(jobs.show(id), { code: 'operation.unknown_job' }, id);
  t.match(await callCli(['jobs', 'cancel', '404'], { operations }), { exit: 2, err: /operation\.unknown_job/ });
});
