import { test } from 'tap';
import { orphanedRuns, type OrphanedRunsDeps } from '../../core/healing/orphaned-runs.ts';
import { stuckJobs } from '../../core/healing/stuck-jobs.ts';
import { runJob } from '../../core/operations/request-run.ts';
import { namesOf, type Queue } from '../../core/queue/index.ts';
import type { Pool } from '../../core/store/pool.ts';
import { withTransaction } from '../../core/store/pool.ts';
import { createRun, endRun, noteRunJob, noteWaiting, readRun, startRun, type Run } from '../../core/store/runs.ts';
import { databaseAccess, sessionOf } from '../../core/store/session.ts';
import { bench, next } from '../queue/support.ts';
import { until } from '../support/processes.ts';
import { minute, ward } from './support.ts';

const names = namesOf();
const stuckRule = (pool: Pool) => stuckJobs({ pool, names, every: 30_000, after: 5 * minute });

/** A run with its job, in one transaction. */
function ask(pool: Pool, queue: Queue, entity = 'things'): Promise<Run> {
  return withTransaction(pool, async (client) => {
    const session = sessionOf(client);
    const { run } = await createRun(session, { entity, mode: 'full', trigger: 'test' });
    const jobId = await queue.enqueue(client, runJob(run));
    await noteRunJob(session, run.id, jobId);
    return { ...run, jobId };
  });
}

test('a job without progress for five minutes is taken back and runs again; one that is stuck again is given up, and a person is told', async (t) => {
  const b = await bench(t);
  const database = databaseAccess(b.pool);
  const gate = Promise.withResolvers<void>();
  const refused: string[] = [];
  const queue = b.queue({
    async run(job) {
      await database.transaction((session) => startRun(session, String(job.payload['runId']), 'node'));
      await gate.promise; // deaf to its signal, as a call that hangs for ever
      await withTransaction(b.pool, (client) => job.fence(client)).catch((error: { code: string }) => {
        refused.push(error.code);
        throw error;
      });
    },
  });
  await queue.start();
  const first = next(queue, 'job.started');
  const run = await ask(b.pool, queue);
  await first;
  await until('the beat lists the job', async () => (await queue.nodes())[0]?.inFlight.includes(run.jobId ?? '') === true);
  const w = ward(b.pool, [stuckRule(b.pool)]);
  await w.after(4 * minute);
  t.same(await w.acts(), [], 'four minutes are not five');
  const second = next(queue, 'job.started');
  await w.after(minute + 1000);
  t.match(await w.acts(), [{ rule: 'stuck-jobs', fingerprint: `run:${run.id}`, seen: new RegExp(`^run ${run.id} \\(things full\\), job ${run.jobId} has made no progress for 5 min on ${queue.nodeId}$`), outcome: 'healed' }]);
  t.match(await second, { jobId: run.jobId, attempt: 2 });
  await until('the beat lists the second attempt', async () => (await queue.nodes())[0]?.inFlight.length === 1);
  await until('the run has begun again', async () => (await database.transaction((session) => readRun(session, run.id)))?.attempts === 2);
  // The database's rows are of the machine's time, which stands still beside the test's.
  await b.pool.query('UPDATE graphile_worker._private_jobs SET locked_at = $1', [w.clock.now()]);
  await w.after(2 * minute);
  t.equal((await w.acts()).length, 1);
  await w.after(6 * minute);
  t.match((await w.acts())[1], { outcome: 'told', done: 'the job was given up: it was tried 1 time within 24 hours', came: /restart that node/ });
  await until('the queue tells that it is exhausted', () => b.exhausted.length === 1);
  t.match(b.exhausted[0], { job: { id: run.jobId, task: 'run' }, error: { code: 'run.stuck' } });
  await until('it is off the queue', async () => (await b.jobs()).length === 0); // it is told of within the transaction that takes it off
  t.equal(await b.locked(), 0, 'the next job of that entity can run');
  gate.resolve();
  await until('both attempts have ended', () => refused.length === 2);
  t.same(refused, ['queue.job_lost', 'queue.job_lost'], 'and what comes late writes nothing');
});

test('a job that gets on, or that waits for a limit, is left alone', async (t) => {
  const b = await bench(t);
  const database = databaseAccess(b.pool);
  const gate = Promise.withResolvers<void>();
  const queue = b.queue({ async run(job) { await database.transaction((session) => startRun(session, String(job.payload['runId']), 'node')); await gate.promise; } });
  await queue.start();
  const runs = [await ask(b.pool, queue, 'moving'), await ask(b.pool, queue, 'waiting'), await ask(b.pool, queue, 'hanging')];
  await until('the beat lists the jobs', async () => (await queue.nodes())[0]?.inFlight.length === 3);
  await until('the runs have begun', async () => (await b.pool.query(`SELECT FROM runs WHERE status = 'running'`)).rowCount === 3);
  const w = ward(b.pool, [stuckRule(b.pool)]);
  await w.clock.advance(20 * minute);
  await b.pool.query('UPDATE runs SET updated_at = $2 WHERE id = $1', [runs[0]?.id, new Date(w.clock.now().getTime() - minute)]);
  await database.transaction((session) => noteWaiting(session, runs[1]?.id ?? '', 'node', 'the limit per minute'));
  t.match(await w.healer.run({ dryRun: true, trigger: 'person' }), [{ found: [{ fingerprint: `run:${runs[2]?.id}`, done: 'take the job back and run it again' }] }]);
  t.equal((await w.healer.run({ dryRun: true, trigger: 'person' }))[0]?.found.length, 1);
  t.equal((await b.jobs()).filter((job) => job.locked_by !== null).length, 3, 'a dry run takes nothing');
  gate.resolve();
});

function orphanRule(pool: Pool, queue: Queue, more: Partial<OrphanedRunsDeps> = {}) {
  return orphanedRuns({
    pool, names, every: 30_000, after: minute, canRun: (entity) => entity !== 'removed',
    async requeue(session, run) {
      const jobId = await queue.enqueue({ query: (text: string, values?: unknown[]) => session.query(text, values) } as never, runJob(run));
      await noteRunJob(session, run.id, jobId);
      return jobId;
    }, ...more,
  });
}

test('a run without a job is given another one and ends; one whose entity is gone is closed; those with a job are left alone', async (t) => {
  const b = await bench(t);
  const database = databaseAccess(b.pool);
  const queue = b.queue({ async run(job) { await database.transaction(async (session) => { await startRun(session, String(job.payload['runId']), 'node'); await endRun(session, String(job.payload['runId']), { status: 'succeeded' }); }); } });
  const lost = await ask(b.pool, queue);
  const removed = await ask(b.pool, queue, 'removed');
  const well = await ask(b.pool, queue, 'well');
  await b.pool.query('DELETE FROM graphile_worker._private_jobs WHERE id = ANY($1::bigint[])', [[lost.jobId, removed.jobId]]);
  const w = ward(b.pool, [orphanRule(b.pool, queue)]);
  await w.after(30_000);
  t.same(await w.acts(), [], 'not before its time');
  await w.after(31_000);
  t.match(await w.acts(), [
    { fingerprint: `run:${lost.id}`, done: 'give it another job', outcome: 'healed', came: /^job \d+ does it now$/ },
    { fingerprint: `run:${removed.id}`, done: 'close it as failed', outcome: 'healed' },
  ]);
  t.match(await database.transaction((session) => readRun(session, removed.id)), { status: 'failed', code: 'run.orphaned' });
  t.same(new Set((await b.jobs()).map((job) => job.id)).has(well.jobId ?? ''), true);
  await queue.start();
  await until('the runs have ended', async () => (await database.transaction((session) => readRun(session, lost.id)))?.status === 'succeeded');
  await w.after(5 * minute);
  t.equal((await w.acts()).length, 2);
});

test('a run that keeps losing its job is closed after three more, and a person is told', async (t) => {
  const b = await bench(t);
  const queue = b.queue({});
  const run = await ask(b.pool, queue);
  const w = ward(b.pool, [orphanRule(b.pool, queue)]);
  for (let round = 0; round < 8; round += 1) {
    await b.pool.query('DELETE FROM graphile_worker._private_jobs');
    await w.after(2 * minute);
  }
  t.same((await w.acts()).map((act) => act.outcome), ['healed', 'healed', 'healed', 'told']);
  t.match(await databaseAccess(b.pool).transaction((session) => readRun(session, run.id)), { status: 'failed', code: 'run.orphaned' });
});
