/** Jobs that failed for good are tried again by healing, as records are. */
import t from 'tap';
import { deadLetters } from '../../core/healing/dead-letters.ts';
import { onExhausted } from '../../core/operations/exhausted.ts';
import { healingTrigger } from '../../core/operations/dead-letters.ts';
import { QueueError } from '../../core/queue/index.ts';
import { PermanentError, type TdsError } from '../../core/sdk/index.ts';
import { endRun, readRun, type Run, type RunOptions } from '../../core/store/runs.ts';
import { bench, type Bench } from '../dead-letters/support.ts';
import type { TestScope } from '../support/database.ts';
import { hour, minute, ward, type Ward } from './support.ts';

interface Yard extends Ward {
  b: Bench; cause: string;
  /** Jobs that are on the queue. */
  waiting: Set<string>;
  /** A job fails for good. */
  fail(id: string, job: { task: string; payload: Record<string, string> }, error?: TdsError): Promise<void>;
  /** A run is asked for, and its job fails for good. */
  failRun(error?: TdsError, options?: RunOptions): Promise<void>;
  newest(): Promise<Run>;
  letters(status: string): Promise<number>;
}

async function yard(scope: TestScope): Promise<Yard> {
  const b = await bench(scope);
  const { corridor: { database, pool, rows } } = b;
  const yard: Yard = {
    ...ward(pool, [deadLetters({
      every: 10_000, cap: 10, tryFor: 24 * hour, firstPause: minute, canary: 5, causeOf: () => yard.cause, onQueue: async (ids) => new Set(ids.filter((id) => yard.waiting.has(id))),
      async retry({ kind, entity, fingerprint, most }) {
        const { jobs } = await b.operations.retryDeadLetters({ filter: { kind, fingerprint, ...(entity === '' ? {} : { entity }) }, trigger: healingTrigger, ...(most === undefined ? {} : { most }) });
        for (const { jobId } of jobs) yard.waiting.add(jobId);
        return { jobs };
      },
    })]),
    b, cause: 'config 1', waiting: new Set(),
    async fail(id, job, error = new PermanentError('shop.denied', 'the key is refused')) {
      yard.waiting.delete(id);
      await database.transaction((session) => onExhausted({ enqueue: b.enqueue, redact: (text) => text })({ id, queueName: null, jobKey: null, attempts: 2, maxAttempts: 25, createdAt: new Date(), ...job }, error, session as never));
    },
    failRun: async (error, options) => yard.fail('77', { task: 'run', payload: { runId: await b.corridor.begin('full', options) } }, error),
    newest: async () => await database.transaction(async (session) => readRun(session, String((await rows('SELECT max(id)::text AS id FROM runs'))[0]?.['id']))) as Run,
    letters: async (status) => Number((await rows(`SELECT count(*) AS n FROM dead_letters WHERE status = '${status}'`))[0]?.['n']),
  };
  return yard;
}

t.test('a failed run is asked for again with growing pauses until it succeeds; what a person allowed once is not allowed again', async (t) => {
  const y = await yard(t);
  await y.failRun(undefined, { allowDeletes: true });
  await y.after(0);
  t.same(await y.acts(), [], 'it has its first pause');
  await y.after(61_000);
  const first = await y.newest();
  t.match(first, { mode: 'full', trigger: 'healing', status: 'queued', options: { allowDeletes: undefined } });
  t.match(await y.acts(), [{ seen: '1 failed job of "things": the key is refused (shop.denied)', outcome: 'started', came: `tried as run ${first.id}` }]);
  await y.after(minute);
  t.equal((await y.acts()).length, 1, 'while it is under way no other is asked for');
  await y.fail(String(first.jobId), { task: 'run', payload: { runId: first.id } });
  await y.after(minute);
  t.match(await y.acts(), [{ outcome: 'failed', came: `0 of 1 passed (run ${first.id} failed: the key is refused), 1 are left` }]);
  await y.after(2 * minute);
  t.equal((await y.acts()).length, 1, 'the next pause is longer');
  await y.after(2 * minute);
  const second = await y.newest();
  t.not(second.id, first.id);
  await y.b.corridor.database.transaction((session) => endRun(session, second.id, { status: 'succeeded' }));
  await y.after(minute);
  t.match((await y.acts())[1], { outcome: 'healed', came: '1 of 1 passed, none is left' });
  t.same([await y.letters('open'), await y.letters('resolved')], [0, 1]);
  t.same(await y.b.corridor.rows('SELECT * FROM healing_faults'), []);
});

t.test('a change of the config or a plugin is tried at once', async (t) => {
  const y = await yard(t);
  await y.failRun();
  await y.after(0);
  y.cause = 'config 2';
  await y.after(10_000);
  t.match(await y.acts(), [{ done: 'try them again, as the config or a plugin has changed', outcome: 'started' }]);
});

t.test('what kills or hangs its process is not tried again as it is: a person is told at once, and a changed config is tried', async (t) => {
  const y = await yard(t);
  await y.failRun(new QueueError('queue.worker_lost', 'The job lost its worker 5 times.'));
  await y.after(0);
  t.match(await y.acts(), [{ outcome: 'told', done: /kills or hangs its process/ }]);
  await y.after(30 * hour);
  t.equal((await y.acts()).length, 1);
  y.cause = 'config 2';
  await y.after(minute);
  t.match((await y.acts())[1], { outcome: 'started' });
});

t.test('of many jobs with one fault a few go first, and the rest when these have passed', async (t) => {
  const y = await yard(t);
  for (let event = 1; event <= 8; event += 1) await y.fail(String(100 + event), { task: 'inbox', payload: { event: String(event) } });
  await y.after(0);
  await y.after(minute);
  t.match(await y.acts(), [{ seen: /^8 failed jobs: /, done: 'try 5 of them again, then the rest' }]);
  t.equal(y.b.jobs.length, 5);
  await y.after(minute);
  t.equal(y.b.jobs.length, 5, 'not before they have ended');
  y.waiting.clear();
  await y.after(minute);
  t.equal(y.b.jobs.length, 8);
  y.waiting.clear();
  await y.after(minute);
  t.same((await y.acts()).map(({ outcome }) => outcome), ['healed', 'healed']);
  t.equal(await y.letters('open'), 0);
});
