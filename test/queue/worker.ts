/** A node of its own, for tests that kill it. Its one argument is JSON; it says what happens, a line each. */
import { flushCompileCache } from 'node:module';
import { createQueue, type JobContext } from '../../core/queue/index.ts';
import { createPool, withTransaction } from '../../core/store/pool.ts';
import { clock, collectingLog, timings, type WorkerOptions } from './support.ts';

const options = JSON.parse(process.argv[2] ?? '{}') as WorkerOptions & { url: string };
const nodeId = options.nodeId ?? `node-${process.pid}`;
const pool = createPool({ url: options.url, schema: 'tds' });
const say = (line: string): void => console.log(line);

async function effect(job: JobContext, note: string): Promise<void> {
  await withTransaction(pool, async (client) => {
    await job.fence(client);
    await client.query('insert into effects (job_id, attempt, node, note) values ($1, $2, $3, $4)', [job.jobId, job.attempt, nodeId, note]);
  });
}

const queue = createQueue({
  url: options.url, nodeId, version: '0.1.0', concurrency: options.concurrency ?? 4, clock, log: collectingLog(), timings: { ...timings, ...options.timings },
  async onExhausted(job, error, client) {
    await client.query('insert into effects (job_id, attempt, node, note) values ($1, $2, $3, $4)', [job.id, job.attempts, nodeId, `exhausted: ${error.code}`]);
  },
  tasks: {
    quick: (job) => effect(job, 'quick'),
    /** As long as a job of real life that is not long. */
    async steady(job) {
      await new Promise((resolve) => void setTimeout(resolve, 40));
      await effect(job, 'steady');
    },
    poison: async () => void process.kill(process.pid, 'SIGKILL'),
    /** Waits for the word `go`, on the first attempt only, whatever its signal says; then writes. */
    async stubborn(job) {
      say(`started ${job.jobId} ${job.attempt}`);
      if (job.attempt === 1) await new Promise<void>((resolve) => void process.stdin.once('data', () => resolve()));
      try {
        await effect(job, 'stubborn');
        say(`wrote ${job.jobId} ${job.attempt}`);
      } catch (error) {
        say(`refused ${job.jobId} ${(error as { code: string }).code}`);
        throw error;
      }
    },
    /** Waits for the word inside its transaction, on the first attempt. */
    async holding(job) {
      await withTransaction(pool, async (client) => {
        await job.fence(client);
        say(`holds ${job.jobId} ${job.attempt}`);
        if (job.attempt === 1) await new Promise<void>((resolve) => void process.stdin.once('data', () => resolve()));
        await client.query('insert into effects (job_id, attempt, node, note) values ($1, $2, $3, $4)', [job.jobId, job.attempt, nodeId, 'holding']);
      }).catch((error: unknown) => {
        say(`refused ${job.jobId} ${String(error)}`);
        throw error;
      });
    },
    /** Hangs on the first attempt. */
    async hanging(job) {
      say(`started ${job.jobId} ${job.attempt}`);
      if (job.attempt === 1) await new Promise(() => {});
      await effect(job, 'hanging');
    },
    /** Runs until it is told to stop. */
    async patient(job) {
      say(`started ${job.jobId} ${job.attempt}`);
      await new Promise((_resolve, reject) => void job.signal.addEventListener('abort', () => reject(job.signal.reason as Error)));
    },
  },
});
for (const event of ['node.fenced', 'node.joined', 'job.lost', 'node.died'] as const) queue.on(event, (facts) => say(`${event} ${JSON.stringify(facts)}`));
process.once('SIGTERM', () => {
  void queue.stop({ drainMs: 2_000 }).then(async () => {
    await pool.end();
    say('stopped');
    process.exit(0);
  });
});
await queue.start();
say('ready');
flushCompileCache(); // most of these processes come to no orderly end
