import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'tap';
import { startEmbeddedPostgres } from '../../core/store/embedded-postgres.ts';
import { migrate, migrateQueue } from '../../core/store/migrate.ts';
import { createPool, withTransaction } from '../../core/store/pool.ts';
import { createQueue } from '../../core/queue/index.ts';
import { startBlackHole } from '../support/black-hole.ts';
import { until } from '../support/processes.ts';
import { bench, clock, collectingLog, next, timings } from './support.ts';

test('when the database ends all its connections, no job is lost, and none uses up its one attempt', async (t) => {
  const b = await bench(t);
  const queue = b.queue({
    write: (job) => withTransaction(b.pool, async (client) => {
      await job.fence(client);
      await client.query('insert into effects (job_id, attempt) values ($1, $2)', [job.jobId, job.attempt]);
    }),
  });
  await queue.start();
  const admin = createPool({ url: b.database.url, max: 1, applicationName: 'the killer' });
  t.teardown(() => admin.end());
  const ids = await queue.enqueueMany(b.pool, Array.from({ length: 400 }, (_, n) => ({ task: 'write', maxAttempts: 1, ...(n % 4 === 0 ? { queueName: 'items' } : {}) })));
  for (let round = 0; round < 3; round++) {
    await until('some have run', async () => (await b.jobs().catch(() => [])).length < 400 - round * 80);
    await admin.query("select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name <> 'the killer'");
  }
  await until('all have run', async () => (await b.jobs().catch(() => [1])).length === 0);
  const { rows } = await b.pool.query('select job_id, count(*)::int as n from effects group by 1');
  t.equal(rows.length, ids.length);
  // The commit of an effect may have landed though its answer didn't: a handler bears that by its guarded writes, not by the queue.
  t.ok(rows.filter((row) => row.n > 1).length <= 12);
  t.same(b.exhausted, []);
  t.equal(await b.locked(), 0);
});

test('a PostgreSQL that crashes and starts again, quickly or after the node has fenced itself, finds the node at work again', async (t) => {
  const dataDirectory = await mkdtemp(join(tmpdir(), 'tds-queue-'));
  let server = await startEmbeddedPostgres({ dataDirectory, durable: false });
  const log = collectingLog();
  const pool = createPool({ url: server.url, schema: 'tds', max: 2 });
  let ran = 0;
  const tasks = {
    count: async () => void ran++,
    waits: (job: { attempt: number; signal: AbortSignal }): Promise<void> => job.attempt === 1 && !fencedOnce
      ? new Promise((_resolve, reject) => job.signal.addEventListener('abort', () => reject(job.signal.reason as Error))) : Promise.resolve(),
  };
  let fencedOnce = false;
  const queue = createQueue({ url: server.url, version: '0', concurrency: 4, tasks, clock, log, timings, onExhausted: async () => {} });
  t.teardown(async () => {
    await queue.stop({ drainMs: 500 });
    await pool.end();
    await server.stop('immediate');
    for (const directory of [server.directory, dataDirectory]) await rm(directory, { recursive: true, force: true });
  });
  await migrate({ pool, directory: fileURLToPath(new URL('../../core/store/migrations', import.meta.url)) });
  await migrateQueue({ pool });
  await queue.start();
  const first = (await queue.nodes())[0]?.pools[0];
  const resumed = async (): Promise<number> => {
    const back = performance.now();
    const before = ran;
    await until('a job can be added', () => queue.enqueue(pool, { task: 'count' }).then(() => true, () => false));
    await until('it has run', () => ran > before);
    return performance.now() - back;
  };
  for (let round = 0; round < 3; round++) {
    await server.restart('immediate');
    t.comment(`work resumes ${Math.round(await resumed())} ms after the server is back`);
  }
  await until('the last of them is written off', async () => (await pool.query('select from graphile_worker._private_jobs')).rows.length === 0);
  const started = next(queue, 'job.started');
  const id = await queue.enqueue(pool, { task: 'waits', queueName: 'one' });
  await started;
  const fenced = next(queue, 'node.fenced');
  await server.stop('immediate');
  t.match(await fenced, { reason: 'the database gave no answer', jobs: 1 });
  fencedOnce = true;
  t.equal(queue.health().state, 'fenced');
  const joined = next(queue, 'node.joined');
  server = await startEmbeddedPostgres({ dataDirectory, durable: false, port: server.port });
  await joined;
  t.comment(`work resumes ${Math.round(await resumed())} ms after a long outage`);
  await until('the job that was running has run again', async () => (await pool.query('select from graphile_worker._private_jobs')).rows.length === 0);
  t.not((await queue.nodes())[0]?.pools[0], first, 'it came back under a new pool');
  const { rows } = await pool.query('select outcome, attempt from job_history where job_id = $1 order by ended_at', [id]);
  t.same(rows, [{ outcome: 'handed_back', attempt: 1 }, { outcome: 'done', attempt: 1 }], 'an outage uses no attempt');
});

test('the sweep frees what nobody stands behind', async (t) => {
  const b = await bench(t);
  const queue = b.queue({ known: async () => {} }, { concurrency: 1 });
  const ids = await queue.enqueueMany(b.pool, [
    { task: 'known', queueName: 'a' }, { task: 'known', queueName: 'b' }, { task: 'stuck', maxAttempts: 1 },
  ]);
  const old = "now() - interval '1 hour'";
  await b.pool.query(`update graphile_worker._private_jobs set locked_by = 'pool-nobody', locked_at = ${old}, attempts = 1`);
  await b.pool.query(`update graphile_worker._private_job_queues set locked_by = 'pool-nobody', locked_at = ${old}`);
  await b.pool.query(`insert into graphile_worker._private_job_queues (queue_name, locked_by, locked_at) values ('empty', 'pool-nobody', ${old})`);
  const died = next(queue, 'job.exhausted');
  await queue.start();
  await until('the known ones have run', async () => (await b.jobs()).length === 0);
  t.match(await died, { jobId: ids[2], code: 'queue.worker_lost' });
  t.match(b.exhausted, [{ job: { id: ids[2], attempts: 1, task: 'stuck' }, error: { code: 'queue.worker_lost', details: { reason: 'worker lost' } } }]);
  t.equal(await b.locked(), 0);
  // What a living pool holds and doesn't list.
  const pool = (await queue.nodes())[0]!.pools[0]!;
  const id = await queue.enqueue(b.pool, { task: 'known', runAt: new Date(Date.now() + 60_000) });
  await b.pool.query(`update graphile_worker._private_jobs set locked_by = $1, locked_at = ${old}, attempts = 1, run_at = now() where id = $2`, [pool, id]);
  await until('it has run', async () => (await b.jobs()).length === 0);
  t.same(await b.outcomes(id), ['lost', 'done']);
});

test('graphile-worker still ends jobs by the statements that the queue keeps back', async (t) => {
  const b = await bench(t);
  const queue = b.queue({ fails: async () => { throw new Error('once'); }, works: async () => {} }, { timings: { ...timings, retryMs: 60_000 } });
  // Fires for a statement that changes nothing, too.
  await b.pool.query(`create table statements (text text);
    create function note() returns trigger language plpgsql as $$ begin insert into tds.statements values (current_query()); return null; end $$;
    create trigger note after delete or update on graphile_worker._private_jobs for each statement execute function note()`);
  await queue.start();
  const ended = [next(queue, 'job.ended', (facts: { task: string }) => facts.task === 'fails'), next(queue, 'job.ended', (facts: { task: string }) => facts.task === 'works')];
  const failing = await queue.enqueue(b.pool, { task: 'fails' });
  await queue.enqueue(b.pool, { task: 'works' });
  t.match(await Promise.all(ended), [{ outcome: 'retried' }, { outcome: 'done' }]);
  t.match(await b.jobs(), [{ id: failing, attempts: 1, locked_by: null, last_error: 'once' }], 'a job that failed is still there');
  await queue.stop();
  const { rows } = await b.pool.query("select text from statements where text like '%delete from%' or text like '%json_array_elements%'");
  t.equal(rows.length, 1, "one statement removed the job that was done, and graphile-worker's own never came");
  t.match(rows[0].text, /job_history/);
});

test('a start waits for a database that is slow to answer', async (t) => {
  const b = await bench(t);
  const { hostname, port } = new URL(b.database.url);
  const proxy = await startBlackHole(t, { host: hostname, port: Number(port) });
  const queue = b.queue({ known: async () => {} }, { url: proxy.through(b.database.url) });
  proxy.freeze({ newOnes: true });
  const started = queue.start();
  await until('its first connections came too late', () => queue.log.lines.some((line) => line.includes('slow to answer')));
  proxy.thaw();
  await started;
  const ended = next(queue, 'job.ended');
  await queue.enqueue(b.pool, { task: 'known' });
  t.match(await ended, { outcome: 'done' });
});

test('partitions stand ready for the next days, and old ones go', async (t) => {
  const b = await bench(t);
  await b.pool.query("create table job_history_20200101 partition of job_history for values from ('2020-01-01 UTC') to ('2020-01-02 UTC')");
  await b.pool.query("insert into job_history (ended_at, job_id, task, payload, attempt, outcome) values ('2019-01-01', 1, 'x', '{}', 1, 'done')");
  const queue = b.queue({}, { concurrency: 0 });
  await queue.start();
  const { rows } = await b.pool.query("select relname from pg_inherits join pg_class on oid = inhrelid where inhparent = 'job_history'::regclass order by 1");
  t.equal(rows.length, 5, 'today, three more days and the default one');
  t.notOk(rows.some((row) => row.relname === 'job_history_20200101'));
  t.same((await b.pool.query('select from job_history')).rows, []);
});

test('after days off, what the first sweep writes down and what lies in the default partition do not keep the days from their partitions', async (t) => {
  const b = await bench(t);
  const day = (ahead: number): string => new Date(Date.now() + ahead * 86_400_000).toISOString().slice(0, 10);
  const note = "insert into job_history (ended_at, job_id, task, payload, attempt, outcome) values ($1, 0, 'x', '{}', 1, 'done')";
  // as the version before left it: a row of today without a partition, and something that stands in the way of tomorrow's
  for (const at of [`${day(0)} 00:00:00 UTC`, `${day(2)} 12:00:00 UTC`, '2019-01-01']) await b.pool.query(note, [at]);
  await b.pool.query(`create table job_history_${day(1).replaceAll('-', '')} (x int)`);
  const queue = b.queue({}, { concurrency: 0 });
  const id = await queue.enqueue(b.pool, { task: 'quick' });
  await b.pool.query(`update graphile_worker._private_jobs set locked_by = 'killed', locked_at = now() - interval '1 hour' where id = $1`, [id]);
  await queue.start();
  t.same(await b.outcomes(id), ['lost']);
  const where = async (): Promise<string[]> => (await b.pool.query<{ place: string }>('select distinct tableoid::regclass::text as place from job_history order by 1')).rows.map(({ place }) => place.replace(/^tds\./, ''));
  t.same(await where(), [0, 2].map((ahead) => `job_history_${day(ahead).replaceAll('-', '')}`), 'each row lies in its day, and what is too old has gone');
  const { rows } = await b.pool.query("select relname from pg_inherits join pg_class on oid = inhrelid where inhparent = 'job_history'::regclass order by 1");
  t.same(rows.map((row) => row.relname), [...[0, 2, 3].map((ahead) => `job_history_${day(ahead).replaceAll('-', '')}`), 'job_history_default']);
  t.match(queue.log.lines.filter((line) => /partition of the history/.test(line)), [/already exists/]);
});
