/** What becomes of a job that the queue gives up. */
import { afterLoss } from '../pipeline/careful.ts';
import type { ExhaustedJob, OnExhausted } from '../queue/types.ts';
import type { Events } from '../monitor/events.ts';
import type { SqlSession, TdsError } from '../sdk/index.ts';
import { causesOf } from '../store/causes.ts';
import { jobIdentity, runIdentity, setJobAside } from '../store/dead-letter-jobs.ts';
import { endRun, noteRunJob, noteSuspect, readRun, type Run } from '../store/runs.ts';
import { holdSchedules, noteOutcomes } from '../store/schedules.ts';
import { endTick, readTick } from '../store/ticks.ts';
import { sessionOf } from '../store/session.ts';
import { partTaskName, runJob, runTaskName, type Enqueue } from './request-run.ts';
import { tellRunEnd } from './run-end.ts';

export interface ExhaustedDeps {
  enqueue: Enqueue;
  /** Puts a job that lost its workers into the hands of another one. False where it does not know such jobs. */
  handOver?: (session: SqlSession, job: ExhaustedJob) => Promise<boolean>;
  /** Takes secrets out of a text before it is stored. */
  redact: (text: string) => string;
  /** Told of runs that failed. */
  events?: Pick<Events, 'emit'>;
}

const mostNamed = 3;

/**
 * The job becomes a dead letter, in the transaction that removes it; its run has failed. A run that lost its workers to a
 * record that is known now, or that got on in between, has not failed: it goes on with a new job.
 */
export function onExhausted({ enqueue, redact, events, handOver }: ExhaustedDeps): OnExhausted {
  return async (job, error, client) => {
    const session = sessionOf(client);
    const { runId } = job.payload;
    const run = (job.task === runTaskName || job.task === partTaskName) && typeof runId === 'string' ? await readRun(session, runId) : undefined;
    if (run && run.endedAt !== null) return; // cancelled, or ended by another way: nothing is left to be done
    if (run && error.code === 'queue.worker_lost' && await goesOn(session, run, enqueue)) return;
    if (!run && error.code === 'queue.worker_lost' && await handOver?.(session, job)) return;
    const message = redact(error.message);
    if (run) await endRun(session, run.id, { status: 'failed', code: error.code, reason: error.suggestion ? `${message} ${redact(error.suggestion)}` : message });
    if (run && run.partOf !== null) return; // what it is a part of reads it by itself, and tells when it can't either
    await keep(session, job, run, error, redact);
    if (run) tellRunEnd(events, run, { state: 'failed', reason: message }, new Date());
    const { tickId } = job.payload;
    if (typeof tickId === 'string') await endLostTick(session, tickId, message, events);
  };
}

/** The work of a schedule that no attempt got through is a failure of the schedule. */
async function endLostTick(session: SqlSession, id: string, reason: string, events: ExhaustedDeps['events']): Promise<void> {
  const tick = await readTick(session, id);
  if (!tick) return;
  await holdSchedules(session, [tick.schedule], { wait: true });
  if (!(await endTick(session, id, { status: 'failed', reason, startedAt: null, at: null }))) return;
  await noteOutcomes(session, [{ schedule: tick.schedule, failures: 1, reset: false }]);
  events?.emit('schedule.ended', { schedule: tick.schedule, tick: id, state: 'failed', reason });
}

async function goesOn(session: SqlSession, run: Run, enqueue: Enqueue): Promise<boolean> {
  const suspect = afterLoss(run.suspect, true, run.pages);
  const found = suspect.guilty.length > (run.suspect?.guilty.length ?? 0);
  const moved = run.suspect !== null && run.pages > run.suspect.pages;
  // one more record is under suspicion; so many that none of them can be it end this
  const narrowed = (run.suspect?.at.length ?? 0) > 0 && Object.keys(suspect.named).length <= mostNamed;
  if (!found && !moved && !narrowed) return false;
  await noteSuspect(session, run.id, { ...suspect, pages: run.pages });
  const why = found ? `the record ${suspect.guilty.at(-1)} kills its process and is set aside` : 'it lost its workers, but got on in between, or comes closer to the record that is to blame';
  await endRun(session, run.id, { status: 'waiting', code: found ? 'record.poison' : 'queue.worker_lost', reason: why, waitsOn: why });
  await noteRunJob(session, run.id, await enqueue(session, runJob(run)));
  return true;
}

async function keep(session: SqlSession, job: ExhaustedJob, run: Run | undefined, error: TdsError, redact: (text: string) => string): Promise<void> {
  const { id, task, payload, queueName, jobKey, maxAttempts, attempts } = job;
  const causes = causesOf(error, redact);
  const entity = run?.entity ?? (typeof payload['entity'] === 'string' ? payload['entity'] : null);
  await setJobAside(session, {
    entity, runId: run?.id ?? null, identity: run ? runIdentity(run.entity, run.mode) : jobIdentity(job),
    job: { id, task, payload, queueName, jobKey, maxAttempts, attempts, ...(run ? { run: { mode: run.mode, options: run.options } } : {}) },
    problem: { code: error.code, message: redact(error.message), ...(error.suggestion ? { suggestion: redact(error.suggestion) } : {}), ...(causes.length > 0 ? { causes } : {}) },
  });
}
