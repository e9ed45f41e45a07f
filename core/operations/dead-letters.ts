/** What people and programs ask about dead letters: see them, try them again, give them up. */
import { parseDuration } from '../../schemas/index.ts';
import type { Entity } from '../pipeline/entity.ts';
import { tryLetters, type DryRun } from '../pipeline/try-letters.ts';
import type { SqlSession } from '../sdk/index.ts';
import type { Database, Reading } from '../store/session.ts';
import type { Page } from '../store/cursor.ts';
import type { DeadJob } from '../store/dead-letter-jobs.ts';
import {
  groupDeadLetters, listDeadLetters, openLetterIds, readDeadLetter, spanLetters, type DeadLetter, type DeadLetterDetail, type DeadLetterGroup, type LetterFilter,
} from '../store/dead-letter-queries.ts';
import { closeDeadLetters, reopenDeadLetter } from '../store/dead-letters.ts';
import type { Run } from '../store/runs.ts';
import { OperationError } from './errors.ts';
import { holdEntities, requestRun, runTaskName, type Enqueue } from './request-run.ts';

/** Which letters an act is about. An empty filter means nothing: `all` says that all are meant. */
export interface LetterChoice { filter: LetterFilter; all?: boolean; /** So many at most, for a first try. */ most?: number }

/** What a retry has set going. */
export interface RetryAsked {
  /** Open letters that were chosen. */
  letters: number;
  /** One run for each entity with letters of records; how they end is in their counts: new and changed are mended, refused are still refused. */
  runs: { run: Run; created: boolean; letters: number }[];
  /** Jobs that are on the queue again. */
  jobs: { letter: string; jobId: string; /** The run that it does. */ runId: string | null }[];
  skipped: { entity: string | null; letters: number; reason: string }[];
}

/** A dry run over all chosen entities. */
export interface DryRunReport { entities: ({ entity: string } & DryRun)[]; tried: number; pass: number; jobs: number; skipped: RetryAsked['skipped'] }

export interface DeadLetterOperations {
  deadLetters(filter: LetterFilter & Page): Promise<DeadLetter[]>;
  /** One with its raw record or job, its problems and every attempt. @throws OperationError `operation.unknown_letter` */
  deadLetter(id: string): Promise<DeadLetterDetail>;
  /** The same faults, counted. */
  deadLetterGroups(filter: LetterFilter, limit?: number): Promise<DeadLetterGroup[]>;
  /** Asks for runs that map open letters again, and puts failed jobs back. @throws OperationError for a closed letter, an unknown one, no choice */
  retryDeadLetters(choice: LetterChoice & { trigger: string }): Promise<RetryAsked>;
  /** What a retry would come to: runs the mapping and the checks here and now, writes nothing. */
  tryDeadLetters(choice: LetterChoice): Promise<DryRunReport>;
  /** Gives letters up; they are kept, with who, when and why. Answers how many. */
  discardDeadLetters(choice: LetterChoice & { by: string; reason: string }): Promise<number>;
  /** Opens a closed letter again. @throws OperationError `operation.unknown_letter`, `operation.letter_open` */
  reopenDeadLetter(id: string): Promise<DeadLetterDetail>;
}

export interface DeadLetterDeps { entities: ReadonlyMap<string, Entity>; database: Database; enqueue: Enqueue }

/** What asks when nobody does. */
export const healingTrigger = 'healing';
const unknownEntity = 'the config has no enabled entity of that name';

export function deadLetterOperations(deps: DeadLetterDeps): DeadLetterOperations {
  const { database } = deps;
  return {
    deadLetters: (filter) => listDeadLetters(database.reads, filter),
    deadLetter: (id) => findLetter(database.reads, id),
    deadLetterGroups: (filter, limit = 100) => groupDeadLetters(database.reads, filter, limit),
    retryDeadLetters: (choice) => retry(deps, choice),
    tryDeadLetters: (choice) => dryRun(deps, choice),
    discardDeadLetters: ({ by, reason, ...choice }) => database.transaction(async (session) => {
      await demandChoice(session, choice);
      const ids = await openLetterIds(session, choice.filter);
      return closeDeadLetters(session, ids.slice(0, choice.most), { status: 'discarded', by, reason });
    }),
    reopenDeadLetter: (id) => database.transaction(async (session) => {
      const letter = await findLetter(session, id);
      if (!await reopenDeadLetter(session, id)) {
        throw new OperationError('operation.letter_open', letter.status === 'open' ? `the dead letter ${id} is open` : `another dead letter about the same is open, so ${id} stays ${letter.status}`);
      }
      return findLetter(session, id);
    }),
  };
}

async function retry(deps: DeadLetterDeps, { trigger, ...choice }: LetterChoice & { trigger: string }): Promise<RetryAsked> {
  return deps.database.transaction(async (session) => {
    await demandChoice(session, choice);
    const filter: LetterFilter = { ...choice.filter, status: 'open' };
    await holdEntities(session, (await spanLetters(session, filter)).flatMap(({ entity }) => entity ?? []));
    const asked: RetryAsked = { letters: 0, runs: [], jobs: [], skipped: [] };
    await putJobsBack(deps, session, { ...choice, filter }, trigger, asked);
    const spans = filter.kind === 'job' ? [] : await spanLetters(session, { ...filter, kind: 'record' });
    for (const { entity, count, newest } of spans) {
      asked.letters += count;
      if (entity === null || !deps.entities.has(entity)) asked.skipped.push({ entity, letters: count, reason: unknownEntity });
      else {
        const { status: _status, entity: _entity, ...rest } = filter;
        const letters = { ...rest, upTo: newest, ...(choice.most === undefined ? {} : { most: choice.most }) };
        asked.runs.push({ ...await requestRun(session, deps.enqueue, { entity, mode: 'retry', trigger, options: { letters } }), letters: Math.min(count, choice.most ?? count) });
      }
    }
    return asked;
  });
}

async function putJobsBack(deps: DeadLetterDeps, session: SqlSession, { filter, most }: LetterChoice, trigger: string, asked: RetryAsked): Promise<void> {
  if (filter.kind === 'record') return;
  for (const id of (await openLetterIds(session, { ...filter, kind: 'job' })).slice(0, most)) {
    const { job, entity } = await findLetter(session, id);
    if (!job) continue;
    asked.letters += 1;
    const added = await addAgain(deps, session, job, entity, trigger);
    if (!added) {
      asked.skipped.push({ entity, letters: 1, reason: unknownEntity });
      continue;
    }
    await closeDeadLetters(session, [id], { status: 'resolved', by: trigger, reason: added.words, retriedAs: added.jobId });
    asked.jobs.push({ letter: id, jobId: added.jobId, runId: added.runId });
  }
}

/** A failed run has ended, so its aim is asked for as a new one; any other job is added as it was. */
async function addAgain(deps: DeadLetterDeps, session: SqlSession, job: DeadJob, entity: string | null, trigger: string): Promise<{ jobId: string; runId: string | null; words: string } | undefined> {
  if (job.task === runTaskName) {
    if (!job.run || entity === null || !deps.entities.has(entity)) return undefined;
    const { allowDeletes, undivided: _undivided, ...options } = job.run.options;
    // What a person allowed once is not allowed again by healing.
    const { run } = await requestRun(session, deps.enqueue, { entity, mode: job.run.mode, trigger, options: trigger === healingTrigger || allowDeletes === undefined ? options : { ...options, allowDeletes } });
    return run.jobId === null ? undefined : { jobId: run.jobId, runId: run.id, words: `tried again as run ${run.id}` };
  }
  const { task, payload, queueName, maxAttempts } = job;
  const jobId = await deps.enqueue(session, { task, payload, queueName, priority: 0, maxAttempts });
  return { jobId, runId: null, words: `tried again as job ${jobId}` };
}

async function dryRun({ database, entities }: DeadLetterDeps, choice: LetterChoice): Promise<DryRunReport> {
  const spans = await database.transaction(async (session) => {
    await demandChoice(session, choice);
    return spanLetters(session, { ...choice.filter, status: 'open' });
  });
  const report: DryRunReport = { entities: [], tried: 0, pass: 0, jobs: 0, skipped: [] };
  for (const { kind, entity, count, newest } of spans) {
    const known = entity === null ? undefined : entities.get(entity);
    if (kind === 'job') report.jobs += count;
    else if (!known) report.skipped.push({ entity, letters: count, reason: unknownEntity });
    else {
      const result = await tryLetters(known, database, choice.filter, { upTo: newest, ...(choice.most === undefined ? {} : { most: choice.most }) });
      report.entities.push({ entity: known.id, ...result });
      report.tried += result.tried;
      report.pass += result.pass;
    }
  }
  return report;
}

async function findLetter(session: Reading, id: string): Promise<DeadLetterDetail> {
  const letter = await readDeadLetter(session, id);
  if (!letter) throw new OperationError('operation.unknown_letter', `there is no dead letter ${JSON.stringify(id)}`, { suggestion: 'See the list: tds dead-letters' });
  return letter;
}

/** Nothing is done about "everything" by an oversight, nor in silence about a letter that is named and closed. */
async function demandChoice(session: SqlSession, { filter, all }: LetterChoice): Promise<void> {
  const { ids, ...rest } = filter;
  if (!all && ids === undefined && Object.values(rest).every((value) => value === undefined)) {
    throw new OperationError('operation.no_choice', 'it is not said which dead letters are meant', { suggestion: 'Name one, give a filter, or say that all are meant.' });
  }
  for (const id of ids ?? []) {
    const letter = await findLetter(session, id);
    if (letter.status !== 'open') throw new OperationError('operation.letter_closed', `the dead letter ${id} is ${letter.status}: ${letter.closedReason ?? ''}`, { suggestion: 'Open it again first: tds dead-letters reopen.' });
  }
}

/** A time as people write it: `24h` ago, or a date. @throws OperationError `operation.bad_time` */
export function readSince(text: string, now: Date): Date {
  const ago = parseDuration(text);
  const time = ago === undefined ? new Date(text) : new Date(now.getTime() - ago);
  if (!(time.getTime() > 0 && time.getUTCFullYear() < 10_000) || (ago === undefined && !/^\d{4}-\d{2}-\d{2}/.test(text))) {
    throw new OperationError('operation.bad_time', `${JSON.stringify(text.slice(0, 40))} is no time`, { suggestion: 'Write a time such as 2026-01-31T08:00:00Z, or how long ago it was: 90m, 24h, 7d.' });
  }
  return time;
}

/** The ends of a span of time as people write them, those that are given. @throws OperationError `operation.bad_time` */
export function readSpan({ since, until }: { since?: string | undefined; until?: string | undefined }): { since?: Date; until?: Date } {
  const now = new Date();
  return { ...(since === undefined ? {} : { since: readSince(since, now) }), ...(until === undefined ? {} : { until: readSince(until, now) }) };
}
