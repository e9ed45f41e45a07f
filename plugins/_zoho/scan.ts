import { PermanentError, StreamUnavailableError, readPath, type Clock, type JsonValue, type Logger, type ReadMode, type ReadPage, type SourceRecord } from 'tds/sdk';
import { advance, nextAsk, type Asked } from './advance.ts';
import type { Query, ZohoApi } from './api.ts';
import { cursorOf, sinceOf, type Cursor } from './cursor.ts';
import { partOf, type Part } from './divide.ts';
import { listPage, type ListAnswer, type ListResource } from './list.ts';
import { changesPlan, fullPlan, planNamed, type Plan } from './plans.ts';
import { anchorFor, asJson, beginning, savedPosition, withoutKeyset, type Position, type RecordFields } from './position.ts';
import { note, outrun } from './notes.ts';
import { probeFilter } from './probe.ts';
import { instantOf } from './times.ts';
import type { TraitStore, Traits } from './traits.ts';
import { brokenPromise, keptPromises } from './verify.ts';

/** What a list is, for reading. */
export interface Readable {
  resource: ListResource;
  fields: RecordFields;
  /** What the catalogue says of the list. */
  traits: Traits;
  /** Records that belong to the stream; others of the list are passed over. */
  belongs?: (record: SourceRecord) => boolean;
  /** A user's own filter: what is not in the list may exist. */
  narrowed: boolean;
}

/** What reading needs. */
export interface ScanDeps {
  api: ZohoApi;
  traits: TraitStore;
  clock: Clock;
  log: Logger;
}

/** What is asked for. */
export interface ScanRequest {
  mode: ReadMode;
  cursor: JsonValue | undefined;
  position: JsonValue | undefined;
  /** Of a full read that was divided. */
  part?: JsonValue | undefined;
  signal: AbortSignal;
}

/**
 * Reads a list page by page, by the safest plan that the list obeys. Each page is checked: when a list does not do what
 * it was asked, that is noted for the future and the reading begins anew by another plan; what was delivered stays.
 */
export async function* scan(deps: ScanDeps, list: Readable, request: ScanRequest): AsyncGenerator<ReadPage> {
  const { resource } = list;
  const part = partOf(request.part);
  const cursor = request.mode === 'incremental' ? cursorOf(request.cursor) : undefined;
  if (resource.unpaged) return yield await readWhole(deps, list, request.signal);
  let position = savedPosition(request.position);
  for (;;) {
    const traits = await deps.traits.get(resource.path, list.traits);
    const plan = (position && planNamed(position.plan)) ?? (cursor ? changesPlan(traits) : fullPlan(traits));
    if (part && !plan.keyset) throw partLost(resource.path);
    position ??= beginning(plan, plan.filtered ? part?.from ?? cursor?.since : undefined, deps.clock.now().getTime());
    const broken = yield* follow(deps, list, request, { plan, traits, cursor, part, position });
    if (broken === undefined) return;
    deps.log.info(`/${resource.path} does not obey what it was asked (${broken.trait}); reading it another way`);
    await deps.traits.set(resource.path, broken.trait, false);
    if (part) throw partLost(resource.path);
    // Without the filter the order is the same: what was read need not be read again.
    position = plan.keyset && cursor === undefined && broken.trait === 'modifiedFilter' ? withoutKeyset(broken.position) : undefined;
  }
}

/** The list does not obey what its parts rest on, so that it can only be read in one piece. */
function partLost(path: string): PermanentError {
  return new PermanentError('zoho.part_lost', `/${path} turned out not to be sorted and filtered by its modified time, so it can't be read in parts.`);
}

async function readWhole(deps: ScanDeps, list: Readable, signal: AbortSignal): Promise<ReadPage> {
  const answer = await listPage(deps.api, list.resource, {}, signal);
  return { records: wanted(list, answer.records, undefined), asReceived: true, observedAt: answer.sentAt, position: { whole: true }, end: { complete: !list.narrowed } };
}

interface Course { plan: Plan; traits: Traits; cursor: Cursor | undefined; part: Part | undefined; position: Position }

interface Broken { trait: keyof Traits; position: Position }

/** Follows one plan to its end; returns the trait that the list turned out not to have, and where that was. */
async function* follow(deps: ScanDeps, list: Readable, request: ScanRequest, course: Course): AsyncGenerator<ReadPage, Broken | undefined> {
  const { plan, traits, cursor, part } = course;
  const { signal } = request;
  const anchor = anchorFor(plan, list.fields);
  let { position } = course;
  let fixedPage = false;
  let sole = position.calls === 0;
  const known = { ...traits };
  for (;;) {
    let asked = nextAsk(position, fixedPage);
    const answer = await ask(deps, list, plan, position, asked, signal);
    if ('refused' in answer) return { trait: answer.refused, position };
    const broken = brokenPromise(plan, position, answer, list.fields);
    if (broken) return { trait: broken, position };
    for (const trait of keptPromises(plan, position, answer, list.fields, known)) {
      if (known[trait] !== 'yes') await deps.traits.set(list.resource.path, trait, true);
      known[trait] = 'yes';
    }
    if (answer.perPage !== undefined && answer.perPage !== asked.ask.perPage && answer.more) {
      fixedPage = true;
      asked = { ask: { ...asked.ask, start: (asked.ask.page - 1) * answer.perPage }, joined: false, fixedPage };
    }
    const step = advance(plan, position, asked, answer, anchor);
    position = note(plan, step.position, answer, step.fresh ?? [], list.fields);
    if (step.fresh === undefined) continue;
    const past = plan.newestFirst && cursor !== undefined && reached(answer, cursor, list.fields);
    // a range ends by itself: the records that are written meanwhile lie beyond it
    const chased = !part?.until && outrun(position);
    const beyond = part ? step.fresh.findIndex((record) => isBeyond(record, part, list.fields)) : -1;
    if (beyond >= 0) step.fresh.length = beyond;
    const ended = step.ended || past || chased || beyond >= 0;
    if (part?.until && step.ended && answer.more && beyond < 0) throw partLost(list.resource.path);
    sole &&= ended;
    if (ended && !cursor && !sole && !part) await probeFilter(deps, list, known, position, signal);
    yield {
      records: wanted(list, step.fresh, cursor),
      asReceived: true,
      observedAt: answer.sentAt,
      position: asJson(position),
      ...(ended ? { end: endOf({ list, plan, position, cursor, part, sole, chased }) } : {}),
    };
    if (ended) return undefined;
  }
}

/** Asks for a page. A list that refuses an order or a filter by word is as good as one that ignores it. */
async function ask(deps: ScanDeps, list: Readable, plan: Plan, position: Position, asked: Asked, signal: AbortSignal): Promise<ListAnswer | { refused: keyof Traits }> {
  const { sort } = plan;
  const query: Query = {
    page: asked.ask.page,
    per_page: asked.ask.perPage,
    sort_column: sort?.column,
    sort_order: sort?.order,
    last_modified_time: plan.filtered ? (position.since ?? undefined) : undefined,
  };
  try {
    return await listPage(deps.api, list.resource, query, signal);
  } catch (error) {
    const refused = error instanceof PermanentError && error.code === 'zoho.refused';
    if (!refused || error instanceof StreamUnavailableError) throw error;
    if (query.last_modified_time !== undefined) return { refused: 'modifiedFilter' };
    if (sort) return { refused: sort.column === 'created_time' ? 'createdSort' : 'modifiedSort' };
    throw error;
  }
}

/** Whether a record belongs to the next part. */
function isBeyond(record: SourceRecord, { until }: Part, { modified }: RecordFields): boolean {
  return until !== null && (instantOf(readPath(record, modified ?? '')) ?? -Infinity) >= (instantOf(until) as number);
}

function reached(answer: ListAnswer, cursor: Cursor, fields: RecordFields): boolean {
  const last = answer.records.at(-1);
  const instant = last && instantOf(readPath(last, fields.modified ?? ''));
  return instant !== undefined && instant < (instantOf(cursor.since) ?? -Infinity);
}

function wanted(list: Readable, records: SourceRecord[], cursor: Cursor | undefined): SourceRecord[] {
  const since = cursor && instantOf(cursor.since);
  const { modified } = list.fields;
  if (!list.belongs && since === undefined) return records;
  return records.filter((record) => {
    if (list.belongs && !list.belongs(record)) return false;
    const instant = since === undefined || modified === undefined ? undefined : instantOf(readPath(record, modified));
    return instant === undefined || since === undefined || instant >= since;
  });
}

interface Finish { list: Readable; plan: Plan; position: Position; cursor: Cursor | undefined; part: Part | undefined; sole: boolean; chased: boolean }

function endOf({ list, plan, position, cursor, part, sole, chased }: Finish): NonNullable<ReadPage['end']> {
  const whole = !plan.newestFirst && !(plan.filtered && cursor !== undefined);
  const complete = whole && cursor === undefined && !list.narrowed && !position.gap && !chased && (plan.settled || sole);
  const next = list.fields.modified === undefined ? undefined : sinceOf(plan, position, sole, chased);
  const since = position.gap && cursor ? cursor.since : next ?? cursor?.since ?? part?.from ?? undefined;
  return { complete, ...(since === undefined ? {} : { cursor: { since } }) };
}
