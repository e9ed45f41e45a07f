/** A job that gets on with its work is not what kills its workers. */
import t from 'tap';
import { EnginePool } from '../../core/queue/engine-pool.ts';
import { fenceWith } from '../../core/queue/fence.ts';
import { HeldJob, type JobRow } from '../../core/queue/held.ts';
import { takeBack } from '../../core/queue/index.ts';
import { namesOf } from '../../core/queue/names.ts';
import { withTransaction } from '../../core/store/pool.ts';
import { until } from '../support/processes.ts';
import { bench, next, type Bench } from './support.ts';

const names = namesOf();

/** A job in its n-th attempt on a pool, having lost so many workers. */
async function held(b: Bench, attempt: number, losses: number): Promise<HeldJob> {
  const queue = b.queue({}, { concurrency: 0 });
  const id = await queue.enqueue(b.pool, { task: 'quick', queueName: null });
  const { rows } = await b.pool.query<JobRow>('update graphile_worker._private_jobs set locked_by = $2, locked_at = now(), attempts = $3 where id = $1 returning *', [id, 'pool', attempt]);
  if (losses > 0) await b.pool.query('insert into job_losses (job_id, losses, total, last_reason) values ($1, $2, $2, $3)', [id, losses, 'its node died']);
  return new HeldJob(rows[0] as JobRow, 'pool');
}

const lossesOf = async (b: Bench, job: HeldJob): Promise<number> => (await b.pool.query<{ losses: number }>('select losses from job_losses where job_id = $1', [job.id])).rows[0]?.losses ?? 0;

t.test('its losses are forgotten when it writes, once that has landed', async (t) => {
  const b = await bench(t);
  const job = await held(b, 3, 2);
  await withTransaction(b.pool, async (client) => {
    await fenceWith(client, names, job, 1000);
    throw new Error('undone');
  }).catch(() => undefined);
  t.equal(await lossesOf(b, job), 2, 'not by a transaction that is undone');
  const again = await held(b, 3, 2);
  await withTransaction(b.pool, (client) => fenceWith(client, names, again, 1000));
  t.equal(await lossesOf(b, again), 0);
  t.match((await b.pool.query('select total from job_losses where job_id = $1', [again.id])).rows, [{ total: 2 }], 'that there were any stays known');
  const small = await held(b, 3, 2);
  await withTransaction(b.pool, (client) => fenceWith(client, names, small, 1000, { progress: false }));
  t.equal(await lossesOf(b, small), 2, 'nor by what is no progress');
});

t.test('another job keeps its own', async (t) => {
  const b = await bench(t);
  const [one, other] = [await held(b, 2, 1), await held(b, 2, 2)];
  await withTransaction(b.pool, (client) => fenceWith(client, names, one, 1000));
  t.same([await lossesOf(b, one), await lossesOf(b, other)], [0, 2]);
});

t.test('a job that loses its worker for the 25th time, but has got on each time, goes on; without progress it is given up at the third', async (t) => {
  const b = await bench(t);
  const queue = b.queue({}, { concurrency: 0 });
  const lose = async (job: HeldJob, attempts: number): Promise<void> => {
    await b.pool.query(`update graphile_worker._private_jobs set locked_by = 'pool', locked_at = now() - interval '1 minute', attempts = $2 where id = $1`, [job.id, attempts]);
    await queue.sweep();
  };
  const job = await held(b, 25, 2);
  await withTransaction(b.pool, (client) => fenceWith(client, names, job, 1000));
  await lose(job, 25);
  t.match(await b.jobs(), [{ id: job.id, attempts: 1, locked_by: null }]);
  await lose(job, 2);
  t.match(await b.jobs(), [{ id: job.id, attempts: 2 }], 'what was lost without progress counts');
  await lose(job, 3);
  t.same(await b.jobs(), []);
  t.match(b.exhausted, [{ job: { id: job.id }, error: { code: 'queue.worker_lost' } }]);
});

t.test('a handler that goes on although its job was taken away keeps no worker: the node makes itself others', async (t) => {
  const b = await bench(t);
  const gate = Promise.withResolvers<void>();
  const queue = b.queue({ hangs: () => gate.promise, quick: async () => undefined }, { concurrency: 1 });
  await queue.start();
  const began = next(queue, 'job.started');
  const id = await queue.enqueue(b.pool, { task: 'hangs', maxAttempts: 1 });
  await began;
  await until('the beat lists the job', async () => (await queue.nodes())[0]?.inFlight.length === 1);
  const poolId = (await queue.nodes())[0]?.pools[0] ?? '';
  t.ok(await takeBack(b.pool, names, { id, poolId }, { code: 'run.stuck', reason: 'it hangs', exhaust: true }));
  const done = next(queue, 'job.ended', ({ task }: { task: string }) => task === 'quick');
  await queue.enqueue(b.pool, { task: 'quick' });
  t.match(await done, { outcome: 'done' });
  t.match(queue.log.lines.filter((line) => line.startsWith('error')), [/held by a handler.*hangs/]);
  await until('the pool that is held has gone', async () => (await queue.nodes())[0]?.pools.includes(poolId) === false);
  gate.resolve();
});

t.test('the connection of its LISTEN may be handed back twice, as graphile-worker does where it fails while it stops', async (t) => {
  const b = await bench(t);
  const engine = new EnginePool(b.pool, { found: () => undefined, missed: () => undefined });
  const release = await new Promise<() => void>((resolve, reject) => {
    engine.asPool().connect((error, _client, done) => {
      if (error) reject(error);
      else resolve(done);
    });
  });
  release();
  t.doesNotThrow(release, 'an error here would be of nobody, and end the process');
  t.match((await b.pool.query('select 1 as one')).rows, [{ one: 1 }]);
});
