import t from 'tap';
import { onExhausted } from '../../core/operations/exhausted.ts';
import { createQueue } from '../../core/queue/index.ts';
import { PermanentError, type Logger } from '../../core/sdk/index.ts';
import { readRun } from '../../core/store/runs.ts';
import { databaseAccess } from '../../core/store/session.ts';
import { deadLetterOperations } from '../../core/operations/dead-letters.ts';
import { resolveDeadJobs, runIdentity } from '../../core/store/dead-letter-jobs.ts';
import { testDatabase } from '../support/database.ts';
import { bench, type Bench } from './support.ts';

const silent: Logger = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };
const redact = (text: string): string => text.replaceAll('hunter22', '[secret]');

function fail({ corridor: { database }, enqueue }: Bench, job: { id: string; task: string; payload: Record<string, string> }, error = new PermanentError('shop.denied', 'the key hunter22 is refused', { cause: new Error('401', { cause: new TypeError('hunter22 has ended') }) })) {
  return database.transaction((session) => onExhausted({ enqueue, redact })({ queueName: null, jobKey: null, attempts: 2, maxAttempts: 25, createdAt: new Date(), ...job }, error, session as never));
}

t.test('a run that fails for good is a dead letter with the error, its causes and every attempt; secrets are taken out', async (t) => {
  const b = await bench(t);
  const run = await b.corridor.begin('full');
  await b.corridor.rows(`INSERT INTO job_history (ended_at, job_id, task, payload, run_id, attempt, outcome, error_code, error_message)
    SELECT now() - (3 - n) * interval '1 minute', 77, 'run', '{}', '${run}', n, CASE n WHEN 2 THEN 'failed' ELSE 'retried' END, 'shop.denied', 'refused ' || n FROM generate_series(1, 2) n`);
  await fail(b, { id: '77', task: 'run', payload: { runId: run } });
  t.match(await b.corridor.database.transaction((session) => readRun(session, run)), { status: 'failed', code: 'shop.denied' });
  const [letter] = await b.operations.deadLetters({ kind: 'job', status: 'open', limit: 9 });
  t.match(await b.operations.deadLetter(letter!.id), {
    kind: 'job', entity: 'things', key: null, runId: run, code: 'shop.denied', message: 'the key [secret] is refused', raw: null,
    problems: [{ causes: [{ message: '401' }, { name: 'TypeError', message: '[secret] has ended' }] }],
    job: { id: '77', task: 'run', run: { mode: 'full' } }, history: [{ jobId: '77', message: 'refused 1' }, { jobId: '77', message: 'refused 2', runId: run }],
  });

  const { runs, jobs } = await b.operations.retryDeadLetters({ filter: { kind: 'job' }, trigger: 'ann' });
  t.same([runs.length, jobs.length, b.jobs.length], [0, 1, 1]);
  const next = String(b.jobs[0]?.payload['runId']);
  t.match(await b.corridor.database.transaction((session) => readRun(session, next)), { mode: 'full', status: 'queued', trigger: 'ann' });
  t.match(await b.operations.deadLetter(letter!.id), { status: 'resolved', closedBy: 'ann', closedReason: `tried again as run ${next}` });
  await fail(b, { id: jobs[0]!.jobId, task: 'run', payload: { runId: next } });
  t.match(await b.operations.deadLetters({ limit: 9 }), [{ id: letter!.id, status: 'open', attempts: 4 }], 'the same letter, when that fails too');
  await b.corridor.database.transaction((session) => resolveDeadJobs(session, runIdentity('things', 'full'), 'run 9 succeeded'));
  t.match(await b.operations.deadLetter(letter!.id), { status: 'resolved', closedReason: 'run 9 succeeded' }, 'a later run that succeeds closes it');
});

t.test('failed jobs have the fingerprint of task and code, and go back to the queue as they were', async (t) => {
  const b = await bench(t);
  for (const [id, event] of [['1', 'a'], ['2', 'b'], ['3', 'a']]) await fail(b, { id: id as string, task: 'inbox', payload: { event: event as string } });
  await fail(b, { id: '4', task: 'inbox', payload: { event: 'a' } }, new PermanentError('shop.gone', 'gone'));
  t.same((await b.operations.deadLetterGroups({ status: 'open' })).map(({ code, count }) => [code, count]).sort(), [['shop.denied', 1], ['shop.gone', 1]], 'one letter for each aim; the last failure of it counts');
  t.match(await b.operations.tryDeadLetters({ filter: { kind: 'job' } }), { jobs: 2, tried: 0 });
  t.match(await b.operations.retryDeadLetters({ filter: { code: 'shop.denied' }, trigger: 'ann' }), { letters: 1, jobs: { length: 1 } });
  t.match(b.jobs, [{ task: 'inbox', payload: { event: 'b' }, maxAttempts: 25 }]);
});

t.test('the queue itself hands a job that failed for good to the dead letters', async (t) => {
  const { url, pool } = await testDatabase(t);
  const database = databaseAccess(pool);
  const clock = { now: () => new Date(), sleep: async () => undefined };
  const queue = createQueue({
    url, version: '1', concurrency: 1, clock, log: silent, timings: { beatMs: 100, sweepMs: 100, pollMs: 100, retryMs: 10 },
    tasks: { inbox: async () => { throw new Error('it broke', { cause: new Error('deep') }); } }, onExhausted: onExhausted({ redact, enqueue: async () => '' }),
  });
  t.teardown(() => queue.stop({ drainMs: 500 }));
  const told = new Promise<void>((resolve) => { queue.on('job.exhausted', () => resolve()); });
  await queue.start();
  await queue.enqueue(pool, { task: 'inbox', payload: { entity: 'things', event: '5' }, maxAttempts: 2 });
  await told;
  const operations = deadLetterOperations({ database, entities: new Map(), enqueue: async () => '' });
  const [letter] = await operations.deadLetters({ limit: 9 });
  t.match(letter && await operations.deadLetter(letter.id), { entity: 'things', code: 'Error', message: 'it broke', attempts: 2, history: { length: 2 }, problems: [{ causes: Array }] });
});
