/** A full read in parts: each part is a run of its own, on whichever node is free, and the run that was asked for waits for them and reads what is left. */
import { isRecord, type JsonValue } from '../sdk/index.ts';
import type { OpenedEntity } from '../store/entities.ts';
import { hasManyRecords } from '../store/records.ts';
import { dividedReadBeside, partsOf, undivide } from '../store/run-parts.ts';
import { advanceRun } from '../store/runs.ts';
import { notRunning } from './apply.ts';
import { usageMeter, type RunContext, type RunOutcome } from './run-context.ts';

/** How one attempt reads. */
export interface Course {
  /** What the source is to read; absent: the whole stream. */
  part?: JsonValue;
  position: JsonValue | null;
  /** The run's position, by one of the source's. */
  save: (position: JsonValue) => JsonValue;
  /** Whether all that others read of the same whole was certainly delivered. */
  complete: boolean;
}

/** See {@link RunContext.dividesFrom}. */
const worthDividing = 5000;
/** How often a run looks after its parts; the last one to end wakes it besides. */
const lookEveryMs = 15_000;
/** Code of a part that was read, but may lack something. */
export const incompleteCode = 'part.incomplete';

/** A read that nobody shares. */
export function alone(position: JsonValue | null): Course {
  return { position, save: (at) => at, complete: true };
}

/** How a full read goes on from where it stands; an outcome where it is the turn of its parts, or of another full read that has parts. */
export async function courseOf(context: RunContext, state: Pick<OpenedEntity, 'lastFullAt'>, isFirst: boolean): Promise<Course | RunOutcome> {
  const { run, database, log } = context;
  const divided = dividedOf(run.position);
  if (!divided) {
    if (run.position !== null || !context.entity.source.divide) return alone(run.position);
    const other = await database.transaction((session) => dividedReadBeside(session, run));
    // it leaves a cursor; to read all of it beside its parts would cost all its calls again
    if (other !== undefined) return waits(context, `run ${other}, which reads all of it`);
    if (run.options.undivided || !(await divide(context, state, isFirst))) return alone(null);
    return waits(context, 'its parts');
  }
  const parts = await database.transaction((session) => partsOf(session, divided.parts));
  const ended = parts.filter(({ status }) => status === 'succeeded' || status === 'failed' || status === 'cancelled');
  const lost = ended.find(({ status }) => status !== 'succeeded');
  if (lost || parts.length < divided.parts.length) {
    log.warn('a part could not be read; the entity is read undivided', { part: lost?.id });
    await readUndivided(context);
    return alone(null);
  }
  if (ended.length < parts.length) return waits(context, `its parts: ${ended.length} of ${parts.length} have been read`);
  return { part: divided.last, position: divided.at ?? null, save: (at) => asJson({ ...divided, at }), complete: parts.every(({ code }) => code === null) };
}

/** From now on the run reads all by itself. */
export async function readUndivided({ run, database, fence }: RunContext): Promise<void> {
  await database.transaction(async (session) => {
    await fence(session);
    await undivide(session, run.id);
  });
}

/** Whether this is the position of a divided run, which no source knows. */
export function isDivided(position: JsonValue | null): boolean {
  return dividedOf(position) !== undefined;
}

/** Where a divided run stands: the runs of its parts, what is read after them, and how far that has come. */
interface Divided { parts: string[]; last: JsonValue; at?: JsonValue }

function dividedOf(position: JsonValue | null): Divided | undefined {
  const divided = isRecord(position) ? position['divided'] : undefined;
  return isRecord(divided) && Array.isArray(divided['parts']) && 'last' in divided ? divided as unknown as Divided : undefined;
}

function asJson(divided: Divided): JsonValue {
  return { divided } as unknown as JsonValue;
}

function waits({ clock }: RunContext, waitsOn: string): RunOutcome {
  return { more: { until: new Date(clock.now().getTime() + lookEveryMs), waitsOn } };
}

/** Divides the read, if the source can and it is worth while. True: its parts are on their way. */
async function divide(context: RunContext, { lastFullAt }: Pick<OpenedEntity, 'lastFullAt'>, isFirst: boolean): Promise<boolean> {
  const { entity, run, database, signal, log } = context;
  const { source, stream, options } = entity;
  const ask = source.divide?.bind(source);
  if (!ask) return false;
  const parts = await context.mostParts();
  if (parts < 2 || (lastFullAt !== null && !(await database.transaction((session) => hasManyRecords(session, entity.id, context.dividesFrom ?? worthDividing))))) return false;
  const division = await ask({ stream: stream.name, options, parts, signal });
  if (!division || division.parts.length < 2) return false;
  const counted = usageMeter(context)();
  await database.transaction(async (session) => {
    await context.fence(session);
    const ids = await context.requestParts(session, division.parts, isFirst);
    if (!await advanceRun(session, run, asJson({ parts: ids, last: division.last }), counted)) throw notRunning(run.id);
  });
  log.info('the read is divided', { parts: division.parts.length });
  return true;
}
