/** What became of jobs can be looked up afterwards. */
import { test } from 'tap';
import { PermanentError } from '../../core/sdk/index.ts';
import { listAttempts, type AttemptFilter } from '../../core/store/job-attempts.ts';
import { databaseAccess } from '../../core/store/session.ts';
import { fakeOperations } from '../api/fake-operations.ts';
import { callCli } from '../cli/support.ts';
import { until } from '../support/processes.ts';
import { bench } from './support.ts';

test('attempts of jobs that have ended are found by job, run, task, outcome and time, by the CLI too', async (t) => {
  const b = await bench(t);
  const queue = b.queue({
    works: async () => {},
    fails: async (job) => {
      if (job.attempt === 1) throw new Error('not yet');
      throw new PermanentError('shop.denied', 'never');
    },
  });
  await queue.start();
  const works = await queue.enqueue(b.pool, { task: 'works', payload: { runId: '42' } });
  const fails = await queue.enqueue(b.pool, { task: 'fails' });
  await until('all have ended', async () => (await b.jobs()).length === 0);
  await b.pool.query(`insert into job_history (ended_at, job_id, task, payload, run_id, attempt, outcome) values (now() - interval '3 days', 7, 'works', '{}', '42', 1, 'lost')`);
  const find = (filter: Partial<AttemptFilter>) => databaseAccess(b.pool).transaction((session) => listAttempts(session, { limit: 20, ...filter }));
  t.match(await find({ job: fails }), [{ outcome: 'failed', attempt: 2, code: 'shop.denied', message: 'never', node: queue.nodeId }, { outcome: 'retried', attempt: 1, message: 'not yet' }], 'the newest first');
  t.match(await find({ run: '42' }), [{ jobId: works, outcome: 'done', task: 'works', startedAt: Date }, { jobId: '7', outcome: 'lost', startedAt: null, node: null }], 'of a run all, however old');
  t.same((await find({ task: 'works', until: new Date(Date.now() - 86_400_000) })).map(({ jobId }) => jobId), ['7'], 'and how old those of a task are to be is for who asks to say');
  t.same((await find({ outcome: 'lost', since: new Date(Date.now() - 7 * 86_400_000) })).map(({ jobId }) => jobId), ['7']);
  t.equal((await find({ limit: 1 })).length, 1);

  const operations = fakeOperations({ attempts: find });
  const { exit, out } = await callCli(['jobs', 'history', '--run', '42'], { operations });
  t.equal(exit, 0);
  t.match(out, /works .*done/);
  t.match(out, /works .*lost/);
  const { json: [document] } = await callCli(['jobs', 'history', '--outcome', 'failed', '--json'], { operations });
  t.match(document, { attempts: [{ jobId: fails, code: 'shop.denied' }] });
  t.equal((await callCli(['jobs', 'history', '--run', 'x'], { operations })).exit, 2);
});
