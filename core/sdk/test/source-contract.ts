import { PermanentError } from '../errors.ts';
import type { Connector } from '../plugin.ts';
import type { ReadRequest, Source, StreamInfo } from '../source.ts';
import { collect, hasKey, keyOf, spread, survivesJson, type Collected } from './collect.ts';
import type { TestContext } from './context.ts';
import type { SourceCase, StreamCase, TestScope } from './options.ts';

/** Makes a connector for one test, with its context; the suite closes it and looks for secrets in what was shown. */
export type WithConnector = (use: (connector: Connector, context: TestContext) => Promise<void>) => Promise<void>;

type WithSource = (use: (source: Source, context: TestContext) => Promise<void>) => Promise<void>;

/** What every source must do. */
export async function testSource(t: TestScope, cases: SourceCase, withConnector: WithConnector): Promise<void> {
  const withSource: WithSource = (use) => withConnector(async ({ source }, context) => {
    if (!source) throw new Error('the connector has no source');
    await use(source, context);
  });
  await t.test('it names its streams, each with a key, without a call', (t) => withSource(async (source, { http }) => {
    const streams = source.streams();
    t.ok(streams.length > 0, 'there is a stream');
    t.equal(new Set(streams.map(({ name }) => name)).size, streams.length, 'no name stands twice');
    for (const info of streams) t.same(faultsOfInfo(info, source), [], `${info.name} is described in full`);
    t.same(http.calls, [], 'no call was made');
  }));
  await t.test('a stream that it does not have is a PermanentError, without a call', (t) => withSource(async (source, { http }) => {
    t.throws(() => source.describe('no_such_stream', {}), PermanentError, 'describe refuses it');
    await t.rejects(drain(source, request({ stream: 'no_such_stream' })), PermanentError, 'read refuses it');
    t.same(http.calls, [], 'no call was made');
  }));
  for (const stream of cases.streams) await t.test(`stream ${stream.stream}`, (t) => testStream(t, stream, withSource));
}

function faultsOfInfo(info: StreamInfo, source: Source): string[] {
  const faults: string[] = [];
  if (info.key.length === 0 || info.key.some((path) => path === '')) faults.push('no key');
  if (info.description === '') faults.push('no description');
  if (info.details === 'bulk' && !((info.detailBatch ?? 0) >= 1)) faults.push('details in bulk without detailBatch');
  if ((info.details !== 'none' || info.provesGone) && !source.readDetails) faults.push('details without readDetails');
  return faults;
}

async function testStream(t: TestScope, stream: StreamCase, withSource: WithSource): Promise<void> {
  const { stream: name, options = {} } = stream;
  const ask = (more: Partial<ReadRequest> = {}): ReadRequest => request({ stream: name, options, ...more });
  let full: Collected | undefined;
  await t.test('describe answers without a call and refuses bad options', (t) => withSource(async (source, { http }) => {
    t.equal(source.describe(name, options).name, name, 'it is the stream that was asked for');
    for (const bad of stream.badOptions ?? []) t.throws(() => source.describe(name, bad), PermanentError, `refuses ${JSON.stringify(bad)}`);
    t.same(http.calls, [], 'no call was made');
  }));
  await t.test('a full read brings every record with its key, and says how it ended', (t) => withSource(async (source) => {
    const info = source.describe(name, options);
    full = await collect(source, info, ask());
    t.ok(full.pages.length > 0, 'there is a page');
    t.same(full.records.filter((record) => !hasKey(info, record)).slice(0, 3), [], 'every record has its key');
    t.equal(new Set(full.keys).size, full.keys.length, 'no record comes twice from a source at rest');
    t.ok(full.pages.every(({ position }) => survivesJson(position)), 'every page has a position that survives JSON');
    t.ok(full.pages.every(({ observedAt }) => observedAt instanceof Date && !Number.isNaN(observedAt.getTime())), 'every page says when it was observed');
    t.same(full.pages.map(({ end }) => end !== undefined), full.pages.map((_, index, { length }) => index === length - 1), 'the last page, and no other, has the end');
    const cursor = full.pages.at(-1)?.end?.cursor;
    t.ok(cursor === undefined || survivesJson(cursor), 'a cursor survives JSON');
  }));
  await t.test('a read that goes on from any saved position brings the rest', (t) => withSource(async (source) => {
    const info = source.describe(name, options);
    const all = full ?? (await collect(source, info, ask()));
    const stops = all.pages.keys().toArray().slice(0, -1);
    for (const stop of spread(stops, stream.resumes ?? 8)) {
      const before = all.pages.slice(0, stop + 1).flatMap(({ records }) => records.map((record) => keyOf(info, record)));
      const rest = await collect(source, info, ask({ position: stored(all.pages[stop]?.position) }));
      const missing = new Set(all.keys).difference(new Set([...before, ...rest.keys]));
      t.same([...missing].slice(0, 5), [], `nothing is missing after page ${stop + 1}`);
      t.ok(rest.pages.at(-1)?.end, 'and it ends');
    }
  }));
  await t.test('an incremental read of an unchanged source brings next to nothing', (t) => withSource(async (source) => {
    const info = source.describe(name, options);
    const all = full ?? (await collect(source, info, ask()));
    const cursor = all.pages.at(-1)?.end?.cursor;
    if (info.incremental === 'none') return void t.pass('the stream has no incremental read');
    t.ok(cursor !== undefined, 'the full read ended with a cursor');
    const again = await collect(source, info, ask({ mode: 'incremental', cursor: stored(cursor) }));
    const allowed = stream.overlap ?? Math.max(5, Math.ceil(all.keys.length / 10));
    t.ok(again.keys.length <= allowed, `${again.keys.length} records, ${allowed} allowed`);
    t.equal(again.pages.at(-1)?.end?.complete ?? false, false, 'it does not claim to have seen everything');
    t.ok(again.pages.at(-1)?.end?.cursor !== undefined, 'it ends with a cursor');
  }));
  await testDivision(t, ask, withSource);
  if (stream.change) await testChange(t, stream, ask, withSource);
  await testAbort(t, ask, withSource);
  await testDetails(t, stream, ask, withSource);
}

/** Where a stream can be divided, its parts are the whole. */
async function testDivision(t: TestScope, ask: (more?: Partial<ReadRequest>) => ReadRequest, withSource: WithSource): Promise<void> {
  await t.test('the parts of a divided read bring what one read brings', (t) => withSource(async (source) => {
    const { stream, options, signal } = ask();
    const division = await source.divide?.({ stream, options, parts: 3, signal });
    if (!division) return void t.pass('the stream is not divided');
    const info = source.describe(stream, options);
    t.ok(division.parts.length >= 1 && division.parts.length <= 3, 'as many parts as were asked for at most');
    t.ok([...division.parts, division.last].every(survivesJson), 'every part survives JSON');
    const keys: string[] = [];
    for (const part of [...division.parts.toReversed(), division.last]) {
      const read = await collect(source, info, ask({ part: stored(part) }));
      t.ok(read.pages.at(-1)?.end, 'a part says how it ended');
      keys.push(...read.keys);
    }
    const whole = await collect(source, info, ask());
    t.same([...new Set(whole.keys).difference(new Set(keys))].slice(0, 5), [], 'nothing is missing, whatever the order');
  }));
}

async function testChange(t: TestScope, stream: StreamCase, ask: (more?: Partial<ReadRequest>) => ReadRequest, withSource: WithSource): Promise<void> {
  await t.test('an incremental read brings what changed', (t) => withSource(async (source, context) => {
    const info = source.describe(stream.stream, stream.options ?? {});
    const before = await collect(source, info, ask());
    const changed = (await stream.change?.(context)) ?? [];
    const cursor = before.pages.at(-1)?.end?.cursor;
    const after = await collect(source, info, ask({ mode: 'incremental', ...(cursor === undefined ? {} : { cursor: stored(cursor) }) }));
    t.same([...new Set(changed).difference(new Set(after.keys))], [], 'every changed record is there');
  }));
}

async function testAbort(t: TestScope, ask: (more?: Partial<ReadRequest>) => ReadRequest, withSource: WithSource): Promise<void> {
  await t.test('a read stops within a call when it is told to', (t) => withSource(async (source, { http }) => {
    await t.rejects(drain(source, ask({ signal: AbortSignal.abort(new Error('stop')) })), 'a read that is told to stop before it begins throws');
    t.same(http.calls, [], 'and makes no call');
    const stop = new AbortController();
    let callsAtStop = 0;
    let ended = false;
    try {
      for await (const page of source.read(ask({ signal: stop.signal }))) {
        if (!stop.signal.aborted) {
          stop.abort(new Error('stop'));
          callsAtStop = http.calls.length;
        }
        if (page.end) ended = true;
      }
    } catch {
      // Throwing is how a read that was told to stop ends.
    }
    t.ok(ended || http.calls.length <= callsAtStop + 1, `${http.calls.length - callsAtStop} calls after it was told to stop`);
  }));
}

async function testDetails(t: TestScope, stream: StreamCase, ask: (more?: Partial<ReadRequest>) => ReadRequest, withSource: WithSource): Promise<void> {
  const { stream: name, options = {} } = stream;
  await t.test('details answer for the keys that were asked for', (t) => withSource(async (source) => {
    const info = source.describe(name, options);
    if ((info.details === 'none' && !info.provesGone) || !source.readDetails) return void t.pass('the stream has no details');
    const { signal } = new AbortController();
    const { keys } = await firstPage(source, info, ask());
    const asked = keys.slice(0, info.details === 'bulk' ? (info.detailBatch ?? 1) : 1);
    const found = await source.readDetails({ stream: name, options, keys: asked, signal });
    t.same([...new Set(found.map(({ key }) => key)).difference(new Set(asked))], [], 'no other key is answered');
    t.ok(found.length > 0 || asked.length === 0, 'there is an answer');
    for (const result of found) {
      if ('record' in result && info.details !== 'none') t.equal(keyOf(info, result.record), result.key, 'the record is the one of its key');
      t.ok(result.observedAt instanceof Date, 'it says when it was observed');
    }
    if (!info.provesGone || stream.goneKey === undefined) return;
    const gone = await source.readDetails({ stream: name, options, keys: [stream.goneKey], signal });
    t.match(gone, [{ key: stream.goneKey, gone: true }], 'a key that is not there is proved gone');
  }));
}

async function firstPage(source: Source, info: StreamInfo, ask: ReadRequest): Promise<{ keys: string[] }> {
  for await (const page of source.read(ask)) return { keys: page.records.map((record) => keyOf(info, record)) };
  return { keys: [] };
}

async function drain(source: Source, ask: ReadRequest): Promise<void> {
  const pages = source.read(ask)[Symbol.asyncIterator]();
  while (!(await pages.next()).done);
}

function request(more: Partial<ReadRequest>): ReadRequest {
  return { stream: '', options: {}, mode: 'full', signal: new AbortController().signal, ...more };
}

/** As it comes back from the database. */
function stored<T>(value: T): NonNullable<T> {
  return JSON.parse(JSON.stringify(value)) as NonNullable<T>;
}
