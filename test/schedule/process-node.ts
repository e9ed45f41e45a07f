/**
 * A node of its own that is killed: the real scheduler, on a clock that its parent moves, and the real queue, which does the work. Its one
 * argument is JSON. Commands on standard input, each answered by its number: `1 begin`, `2 look 1774000000000`.
 */
import { flushCompileCache } from 'node:module';
import { createInterface } from 'node:readline';
import { Scheduler } from '../../core/schedule/scheduler.ts';
import { tickTask } from '../../core/schedule/tick-task.ts';
import { tickTaskName } from '../../core/schedule/start-work.ts';
import { runTaskName } from '../../core/operations/request-run.ts';
import { createQueue, sessionName, type JobContext, type TaskHandler } from '../../core/queue/index.ts';
import { createPool, withTransaction } from '../../core/store/pool.ts';
import { databaseAccess } from '../../core/store/session.ts';
import { clock as queueClock, collectingLog, timings } from '../queue/support.ts';
import { TestClock } from '../support/clock.ts';
import { definitions, type Given } from './support.ts';

const { url, name, plan, timezone } = JSON.parse(process.argv[2] ?? '{}') as { url: string; name: string; plan: Record<string, Given>; timezone?: string };
const clock = new TestClock();
const pool = createPool({ url, schema: 'tds', max: 6, applicationName: sessionName(name) });
const database = databaseAccess(pool);
const log = collectingLog();
const known = definitions(plan, timezone);
const tell = (): void => undefined;

/** In place of a sync: guarded as one is, and over at once. */
async function run(job: JobContext<{ runId: string }>): Promise<void> {
  await withTransaction(pool, async (client) => {
    await job.fence(client);
    await client.query(`UPDATE runs SET status = 'succeeded', started_at = $2, ended_at = $2 WHERE id = $1 AND ended_at IS NULL`, [job.payload.runId, clock.now()]);
  });
}

const tick = tickTask({ database, clock, log, nodeId: () => name, redact: (text) => text, tell, definition: (id) => known.get(id), work: async () => ({ status: 'succeeded', reason: null }) });
const queue = createQueue({
  url, nodeId: name, version: '0.1.0', concurrency: 2, clock: queueClock, log, timings, tasks: { [runTaskName]: run as TaskHandler, [tickTaskName]: tick as TaskHandler },
  onExhausted: async (job, error) => void console.error(`exhausted ${JSON.stringify(job)} ${error.message}`),
});
const scheduler = new Scheduler({
  database, clock, log, tell, nodeId: () => name, isAtWork: () => true, now: async () => clock.now(), cancelJob: (id) => queue.cancel(id),
  enqueue: (session, jobs) => queue.enqueueMany({ query: (text: string, values?: unknown[]) => session.query(text, values) } as never, jobs),
}, known);

async function obey(command: string, argument: string | undefined): Promise<string> {
  if (command === 'begin') return queue.start().then(() => 'begun');
  await clock.moveTo(new Date(Number(argument)));
  return String(await scheduler.look());
}

createInterface({ input: process.stdin }).on('line', (line) => {
  const [number, command = '', argument] = line.split(' ');
  void obey(command, argument).then((answer) => console.log(`${number} ${answer}`), (error: unknown) => {
    console.error(error);
    process.exit(1);
  });
});
flushCompileCache(); // most of these processes come to no orderly end
