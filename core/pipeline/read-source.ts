import { setImmediate } from 'node:timers/promises';
import { RetryLaterError, type ReadEnd, type ReadPage } from '../sdk/index.ts';
import { crashPoint } from '../monitor/crash-points.ts';
import { noteRead, openEntity, type OpenedEntity } from '../store/entities.ts';
import { dueDetails } from '../store/records.ts';
import { commitPrepared, prepare, type Batch } from './apply.ts';
import type { PreparedBatch } from './batch.ts';
import { applyCarefully } from './careful.ts';
import { removeUnseen } from './deletions.ts';
import { sourceOf, type Entity } from './entity.ts';
import { receive, type Received } from './incoming.ts';
import { readAhead, type ReadAhead } from './read-ahead.ts';
import { tracedPages } from './traced-pages.ts';
import { usageMeter, type RunContext, type RunOutcome } from './run-context.ts';

/** A full or an incremental read: pages in, batches out, then what is gone, then the cursor. */
export async function readSource(given: RunContext): Promise<RunOutcome> {
  const { entity, database } = given;
  const state = await database.transaction((session) => openEntity(session, entity.id, sourceOf(entity), entity.mappingNumber));
  const context = state.sourceChanged ? anew(given) : given;
  const { run } = context;
  const cursor = run.mode === 'incremental' && entity.stream.incremental === 'changes' ? state.cursor : null;
  const isFull = cursor === null;
  const end = await writePages(context, isFull, cursor);
  if (end === 'stopped') return { more: true };
  const outcome = isFull ? await removeUnseen(context, end.complete) : {};
  await finish(context, state, isFull, end);
  crashPoint('after-read-end');
  // known from what is stored, as another attempt may have found it out; since then no full read has ended
  return state.sourceChanged || (state.lastReadAt !== null && state.lastFullAt === null) ? withNewSource(outcome) : outcome;
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

async function finish({ entity, run, database, requestRun, clock }: RunContext, state: OpenedEntity, isFull: boolean, end: ReadEnd): Promise<void> {
  await database.transaction(async (session) => {
    await noteRead(session, entity.id, { runId: run.id, full: isFull, startedAt: run.startedAt ?? clock.now(), cursor: end.cursor });
    // a full read has written every record by the present mapping already; after an incremental one the others are still due
    if (state.mappingChanged && !isFull) await requestRun(session, 'replay');
    if (entity.wantsDetails && (await dueDetails(session, entity.id, 1, [])).length > 0) await requestRun(session, 'details');
  });
}

async function writePages(context: RunContext, isFull: boolean, cursor: OpenedEntity['cursor']): Promise<ReadEnd | 'stopped'> {
  const { entity, run, signal } = context;
  const stop = new AbortController();
  const source = entity.source.read({
    stream: entity.stream.name, options: entity.options, mode: isFull ? 'full' : 'incremental', signal: AbortSignal.any([signal, stop.signal]),
    ...(run.position === null ? {} : { position: run.position }), ...(cursor === null ? {} : { cursor }),
  });
  const pages = readAhead(received(entity, tracedPages(source)), context.readAhead);
  try {
    return await pump(context, pages, isFull);
  } finally {
    stop.abort();
    await pages.close();
  }
}

/**
 * Pages are made ready before they wait for their turn: what waits are their bytes. The question for the next page leaves
 * first: while the other side works on that, this one is looked at.
 */
async function* received(entity: Entity, pages: AsyncIterable<ReadPage>): AsyncGenerator<ReceivedPage> {
  const iterator = pages[Symbol.asyncIterator]();
  try {
    for (let step = await iterator.next(); !step.done;) {
      const { records, ...page } = step.value;
      const next = iterator.next();
      next.catch(() => undefined); // awaited below, after this page
      await setImmediate();
      yield { ...receive(entity, records, { form: 'list', observedAt: page.observedAt, proof: true, asReceived: page.asReceived }), page, size: records.length };
      step = await next;
    }
  } finally {
    await iterator.return?.();
  }
}

/**
 * Reading, preparing and writing go side by side: while one batch is being written the next one is decided and mapped.
 * A batch is full at `batchSize`; while the source is slower than the table, each page is written as it comes.
 */
async function pump(context: RunContext, pages: ReadAhead<ReceivedPage>, isFull: boolean): Promise<ReadEnd | 'stopped'> {
  const { entity, signal } = context;
  const since = usageMeter(context);
  let writing: Promise<void> = Promise.resolve();
  let idle = true;
  let collected: ReceivedPage[] = [];
  let size = 0;
  let end: ReadEnd | undefined;

  const write = async (batch: Batch, ready: PreparedBatch): Promise<void> => {
    const counts = await commitPrepared(context, { ...batch, counted: since() }, ready);
    idle = true;
    context.onProgress(counts);
  };
  const flush = async (): Promise<void> => {
    const batch = batchOf(context, collected, isFull);
    collected = [];
    size = 0;
    if (context.care) {
      context.onProgress(await applyCarefully(context, { ...batch, counted: since() }));
      return;
    }
    const prepared = prepare(context, batch);
    prepared.catch(() => undefined); // it is awaited below, after the batch before
    await writing;
    const ready = await prepared;
    idle = false;
    writing = write(batch, ready);
    writing.catch(() => undefined); // awaited by the next flush or at the end
  };

  try {
    for (let next = await pages.next(); next !== undefined; next = await pages.next()) {
      signal.throwIfAborted();
      collected.push(next);
      size += next.size;
      end = next.page.end;
      if (size >= entity.config.batchSize || end || (idle && !pages.ready()) || context.stopping()) await flush();
      if (end) break;
      if (context.stopping()) return 'stopped';
    }
  } finally {
    await writing;
  }
  if (!end) throw new RetryLaterError('source.read_broken_off', `the read of "${entity.stream.name}" stopped without an end`);
  return end;
}

interface ReceivedPage extends Received { page: Omit<ReadPage, 'records'>; size: number }

function batchOf({ entity, run, fence }: RunContext, pages: readonly ReceivedPage[], isFull: boolean): Batch {
  return {
    entity, fence, via: isFull ? 'full' : 'incremental',
    incoming: pages.flatMap((page) => page.records),
    withoutKey: pages.flatMap((page) => page.withoutKey),
    run: { id: run.id, position: pages.at(-1)?.page.position, pages: pages.length, noteSeen: isFull },
  };
}
