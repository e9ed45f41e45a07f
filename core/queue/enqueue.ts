/** Adding jobs, and what may stand in one. */
import type { Queryable } from '../store/pool.ts';
import { QueueError } from './errors.ts';
import type { Names } from './names.ts';
import type { JobSpec } from './types.ts';

const payloadLimit = 64 * 1024;
const tries = 8;

/** See `Queue.enqueue`. */
export async function enqueue(db: Queryable, names: Names, job: JobSpec): Promise<string> {
  const values = [job.task, payloadText(job), queueNameOf(job), job.runAt?.toISOString() ?? null, job.maxAttempts ?? null, job.jobKey ?? null,
    job.priority ?? null, job.jobKeyMode ?? 'replace'];
  // A keyed job that another transaction holds may come back as null (graphile-worker #580).
  for (let attempt = 0; attempt < tries; attempt++) {
    const { rows } = await db.query<{ id: string | null }>(
      `select id::text from ${names.addJob}(identifier => $1::text, payload => $2::json, queue_name => $3::text, run_at => $4::timestamptz,
         max_attempts => $5::int, job_key => $6::text, priority => $7::int, job_key_mode => $8::text)`, values);
    const id = rows[0]?.id;
    if (id !== undefined && id !== null) return id;
  }
  throw new QueueError('queue.add', `The job ${job.task} with the key "${job.jobKey}" could not be added: other transactions keep changing it.`,
    { suggestion: 'Try again.', details: { task: job.task } });
}

/** See `Queue.enqueueMany`. */
export async function enqueueMany(db: Queryable, names: Names, jobs: readonly JobSpec[]): Promise<string[]> {
  if (jobs.length === 0) return [];
  const odd = jobs.find((job) => job.jobKeyMode !== undefined && job.jobKeyMode !== 'replace');
  if (odd) throw new QueueError('queue.add', `jobKeyMode "${odd.jobKeyMode}" can't be used with many jobs at once.`, { suggestion: 'Add that job by itself.' });
  const rows = jobs.map((job) => ({
    identifier: job.task, payload: JSON.parse(payloadText(job)), queue_name: queueNameOf(job), run_at: job.runAt?.toISOString() ?? null,
    max_attempts: job.maxAttempts ?? null, job_key: job.jobKey ?? null, priority: job.priority ?? null,
  }));
  const { rows: added } = await db.query<Added>(
    `select id::text, task_id as task, payload::text from ${names.addJobs}(array(select json_populate_recordset(null::${names.jobSpec}, $1::json)))`, [JSON.stringify(rows)]);
  if (added.length !== jobs.length) {
    throw new QueueError('queue.add', `${jobs.length - added.length} of ${jobs.length} jobs could not be added: other transactions hold their keys.`,
      { suggestion: 'Roll back and try again.' });
  }
  return inOrder(jobs, added, await tasksOf(db, names, jobs));
}

interface Added { id: string; task: number; payload: string }

/** The numbers of the tasks where there are several. The statement that adds jobs does not see tasks that it makes itself. */
async function tasksOf(db: Queryable, names: Names, jobs: readonly JobSpec[]): Promise<ReadonlyMap<string, number>> {
  const tasks = [...new Set(jobs.map(({ task }) => task))];
  if (tasks.length === 1) return new Map();
  const { rows } = await db.query<{ id: number; identifier: string }>(`select id, identifier from ${names.tasks} where identifier = any ($1::text[])`, [tasks]);
  return new Map(rows.map(({ id, identifier }) => [identifier, id]));
}

/** The ids in the order of the jobs, which PostgreSQL does not keep. */
function inOrder(jobs: readonly JobSpec[], added: readonly Added[], tasks: ReadonlyMap<string, number>): string[] {
  const nameOf = (task: number | undefined, payload: unknown): string => `${tasks.size > 0 ? task : ''} ${JSON.stringify(payload)}`;
  const ids = Map.groupBy(added, ({ task, payload }) => nameOf(task, JSON.parse(payload)));
  return jobs.map((job) => ids.get(nameOf(tasks.get(job.task), JSON.parse(payloadText(job))))?.shift()?.id as string);
}

function queueNameOf(job: JobSpec): string | null {
  if (job.queueName !== undefined) return job.queueName;
  return job.jobKey === undefined ? null : `key:${job.jobKey}`;
}

function payloadText(job: JobSpec): string {
  const payload: unknown = job.payload ?? {};
  // graphile-worker joins arrays of one key, and gives them a meaning of their own.
  const refused = (why: string): QueueError => new QueueError('queue.payload', `The payload of ${job.task} ${why}.`,
    { suggestion: 'Put ids into the payload, and the data into a table.', details: { task: job.task } });
  if (typeof payload !== 'object' || payload === null || Array.isArray(payload)) throw refused('is not an object');
  const text = JSON.stringify(payload);
  if (Buffer.byteLength(text) > payloadLimit) throw refused(`has ${Buffer.byteLength(text)} bytes; ${payloadLimit} are allowed`);
  if (text.includes('\\u0000')) throw refused('holds a NUL character, which PostgreSQL cannot store');
  return text;
}
