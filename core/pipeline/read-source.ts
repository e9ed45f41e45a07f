import { setImmediate } from 'node:timers/promises';
import { PermanentError, RetryLaterError, type ReadEnd, type ReadPage } from '../sdk/index.ts';
import { crashPoint } from '../monitor/crash-points.ts';
import { noteMapping, noteRead, openEntity, type OpenedEntity } from '../store/entities.ts';
import { dueDetails, hasOtherMapping, hasRecords } from '../store/records.ts';
import { removeUnseen } from './deletions.ts';
import { alone, courseOf, incompleteCode, isDivided, readUndivided, type Course } from './divided.ts';
import { sourceOf, type Entity } from './entity.ts';
import { receive } from './incoming.ts';
import { readAhead, type ReadAhead } from './read-ahead.ts';
import { tracedPages } from './traced-pages.ts';
import type { RunContext, RunOutcome } from './run-context.ts';
import { untilAborted } from './until-aborted.ts';
import { WriteBehind, type ReceivedPage } from './write-behind.ts';

/** A full or an incremental read: pages in, batches out, then what is gone, then the cursor. */
export async function readSource(given: RunContext): Promise<RunOutcome> {
  const { entity, database } = given;
  const { state, isFirst } = await database.transaction(async (session) => ({
    state: await openEntity(session, entity.id, sourceOf(entity), entity.mappingNumber), isFirst: !(await hasRecords(session, entity.id)),
  }));
  const context = state.sourceChanged ? anew(given) : given;
  const { run } = context;
  const cursor = run.mode === 'incremental' && entity.stream.incremental === 'changes' ? state.cursor : null;
  const isFull = cursor === null;
  // where another run has left a cursor meanwhile, nothing is left to be read in parts
  const course = isFull ? await courseOf(context, state, isFirst) : alone(isDivided(run.position) ? null : run.position);
  if (!('save' in course)) return course;
  const end = await writePages(context, { isFull, isFirst, course }, cursor).catch(async (error: unknown) => {
    if (course.part === undefined || !(error instanceof PermanentError)) throw error;
    context.log.warn('the last part could not be read; the entity is read undivided', { error });
    await readUndivided(context);
    return 'stopped' as const;
  });
  if (end === 'stopped') return { more: true };
  const outcome = isFull ? await removeUnseen(context, end.complete && course.complete) : {};
  await finish(context, { mixed: state.mixed || course.part !== undefined }, isFull, end);
  crashPoint('after-read-end');
  // known from what is stored, as another attempt may have found it out; since then no full read has ended
  return state.sourceChanged || (state.lastReadAt !== null && state.lastFullAt === null) ? withNewSource(outcome) : outcome;
}

/** After so many milliseconds a part gives way to others: parts could have every worker of every node, for hours. */
const partSliceMs = 300_000;

/** A part of a full read: pages in, batches out. What is gone, and where to go on next time, shows when all parts have ended. */
export async function readPart(context: RunContext): Promise<RunOutcome> {
  const { entity, run, database } = context;
  const { part } = run.options;
  const state = await database.transaction((session) => openEntity(session, entity.id, sourceOf(entity), entity.mappingNumber));
  if (part === undefined || state.sourceChanged) return {}; // the whole begins anew, and this part has been ended with it
  const sliceEnds = context.clock.now().getTime() + partSliceMs;
  const given: RunContext = { ...context, stopping: () => context.stopping() || context.clock.now().getTime() >= sliceEnds };
  const end = await writePages(given, { isFull: true, isFirst: part.isFirst, course: { ...alone(run.position), part: part.range } }, null);
  if (end === 'stopped') return { more: true };
  return end.complete || entity.stream.narrowed ? {} : { code: incompleteCode, reason: 'not every record of it was certainly delivered, so the whole read proves no deletion' };
}

/** Where the run stood was in another list. */
function anew(context: RunContext): RunContext {
  const { entity, run, log } = context;
  log.warn('the entity reads from another connection, stream, option or account than before; its cursor is forgotten and every record is read', { source: sourceOf(entity) });
  return { ...context, run: { ...run, position: null } };
}

function withNewSource({ code, reason }: RunOutcome): RunOutcome {
  const what = 'it reads from another connection, stream, option or account than before, so every record was read anew; rows that only the one before had are taken like any others that were not seen';
  return { code: code ?? 'source.changed', reason: reason === undefined ? what : `${reason}. And ${what}` };
}

async function finish({ entity, run, database, fence, requestRun, clock }: RunContext, state: Pick<OpenedEntity, 'mixed'>, isFull: boolean, end: ReadEnd): Promise<void> {
  await database.transaction(async (session) => {
    await fence(session);
    await noteRead(session, entity.id, { runId: run.id, full: isFull, startedAt: run.startedAt ?? clock.now(), cursor: end.cursor });
    if (state.mixed) {
      // a full read has written what it saw by the present mapping; of an incremental one it is known that others are still due
      if (!isFull || await hasOtherMapping(session, entity.id, entity.mappingNumber)) await requestRun(session, 'replay');
      else await noteMapping(session, entity.id, entity.mappingNumber);
    }
    if (entity.wantsDetails && (await dueDetails(session, entity.id, 1, [])).length > 0) await requestRun(session, 'details');
  });
}

interface About { isFull: boolean; isFirst: boolean; course: Course }

async function writePages(context: RunContext, about: About, cursor: OpenedEntity['cursor']): Promise<ReadEnd | 'stopped'> {
  const { entity, signal } = context;
  const { part, position, save } = about.course;
  const stop = new AbortController();
  const source = entity.source.read({
    stream: entity.stream.name, options: entity.options, mode: about.isFull ? 'full' : 'incremental', signal: AbortSignal.any([signal, stop.signal]),
    ...(position === null ? {} : { position }), ...(part === undefined ? {} : { part }), ...(cursor === null ? {} : { cursor }),
  });
  const pages = readAhead(received(entity, tracedPages(source), save), context.readAhead);
  try {
    return await pump(context, pages, about);
  } finally {
    stop.abort();
    // a source that hangs is left behind: the error that ended this is the one to tell
    await untilAborted(pages.close(), signal).catch(() => undefined);
  }
}

/**
 * Pages are made ready before they wait for their turn: what waits are their bytes. The question for the next page leaves
 * first: while the other side works on that, this one is looked at.
 */
async function* received(entity: Entity, pages: AsyncIterable<ReadPage>, save: Course['save']): AsyncGenerator<ReceivedPage> {
  const iterator = pages[Symbol.asyncIterator]();
  try {
    for (let step = await iterator.next(); !step.done;) {
      const { records, ...page } = step.value;
      const next = iterator.next();
      next.catch(() => undefined); // awaited below, after this page
      await setImmediate();
      yield { ...receive(entity, records, { form: 'list', observedAt: page.observedAt, proof: true, asReceived: page.asReceived }), page: { ...page, position: save(page.position) }, size: records.length };
      step = await next;
    }
  } finally {
    await iterator.return?.();
  }
}

/** Reading, mapping and writing go side by side. */
async function pump(context: RunContext, pages: ReadAhead<ReceivedPage>, about: { isFull: boolean; isFirst: boolean }): Promise<ReadEnd | 'stopped'> {
  const { entity, signal } = context;
  const writer = new WriteBehind(context, about);
  try {
    for (let next = await untilAborted(pages.next(), signal); next !== undefined; next = await untilAborted(pages.next(), signal)) {
      signal.throwIfAborted();
      const { end } = next.page;
      const stops = end !== undefined || context.stopping();
      await writer.add(next, !stops && pages.ready());
      if (!stops) continue;
      await writer.end();
      return end ?? 'stopped';
    }
    await writer.end();
  } finally {
    await writer.settled();
  }
  throw new RetryLaterError('source.read_broken_off', `the read of "${entity.stream.name}" stopped without an end`);
}
