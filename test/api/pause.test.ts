import t from 'tap';
import { connectionOperations } from '../../core/operations/connections.ts';
import { runTask, type RunTaskDeps } from '../../core/operations/run-task.ts';
import { silentLogger } from '../../core/monitor/log.ts';
import { Postponement } from '../../core/queue/errors.ts';
import { readRun } from '../../core/store/runs.ts';
import { callCli } from '../cli/support.ts';
import { realOperations } from './real-operations.ts';
import { bench, thing } from '../dead-letters/support.ts';

t.test('runs of a connection that rests wait, those under way end their batch, and all go on afterwards', async (t) => {
  const b = await bench(t);
  const { corridor, source } = b;
  const { database, entity } = corridor;
  for (let id = 1; id <= 30; id += 1) source.put(thing(id));
  const work = { connector: {}, resetBreaker: () => undefined } as never;
  const operations = connectionOperations({ database, connections: new Map([['source', { ...(work as object), id: 'source' } as never], ['erp', { ...(work as object), id: 'erp' } as never]]) });
  const deps: RunTaskDeps = {
    database, entities: new Map([['things', entity]]), log: silentLogger, clock: { now: () => new Date(), sleep: async () => undefined }, nodeId: () => 'n', redact: (text) => text, readAhead: 1, stopping: () => false, sliceMs: 60_000,
    withUsage: (_run, use) => use(() => ({ calls: 0, bytes: 0 })), waitsOn: () => (onLook(), undefined), requestRun: async () => undefined, mostParts: async () => 1, requestParts: async () => [], hurry: async () => undefined, wakeMessages: async () => undefined,
  };
  let onLook = (): void => undefined;
  const seenTwice = (): Promise<void> => {
    const seen = Promise.withResolvers<void>();
    let left = 2;
    onLook = () => void ((left -= 1) === 0 && seen.resolve());
    return seen.promise;
  };
  const task = runTask(deps);
  const attempt = (runId: string) => task({ payload: { runId }, jobId: '1', signal: new AbortController().signal, attempt: 1, fence: async () => undefined } as never);
  const status = (id: string) => database.transaction((session) => readRun(session, id));

  for (const id of ['source', 'erp']) {
    await operations.pauseConnection(id, { by: 'ann', reason: 'month end' });
    const run = await corridor.begin('full');
    const outcome = await attempt(run);
    t.ok(outcome instanceof Postponement, 'no attempt is used up');
    t.match(await status(run), { status: 'waiting', attempts: 0, waitsOn: `ann, who paused the connection ${id}: month end` });
    t.equal(source.pagesRead, 0, 'the source was not asked');
    t.equal(await operations.resumeConnection(id), true);
    t.equal(await operations.resumeConnection(id), false);
    await corridor.rows(`UPDATE runs SET status = 'cancelled', ended_at = now() WHERE id = ${run}`);
  }
  t.throws(() => operations.streams('nope'), { code: 'operation.unknown_connection' });

  const run = await corridor.begin('full');
  const read = source.read.bind(source);
  source.read = async function* (request) {
    for await (const page of read(request)) {
      yield page;
      if (source.pagesRead === 2 && (await operations.pauses()).length === 0) {
        await operations.pauseConnection('source', { by: 'ann', reason: '' });
        await seenTwice(); // a look begins only after the one before has ended
      }
    }
  };
  t.ok(await attempt(run) instanceof Postponement);
  const paused = await status(run);
  t.match(paused, { status: 'waiting', endedAt: null });
  t.ok((paused?.read ?? 0) > 0 && (paused?.read ?? 30) < 30, 'what it had was saved, the rest was not read');
  await operations.resumeConnection('source');
  t.match(await attempt(run), { runId: run });
  t.match(await status(run), { status: 'succeeded', read: 30 });
});

t.test('tds connections shows which rest, and pauses and resumes', async (t) => {
  const { operations } = await realOperations(t);
  const tds = (...args: string[]) => callCli(['connections', ...args], { operations });
  t.match(await tds(), { exit: 0, out: /source +memory +source +at work/ });
  t.match(await tds('pause', 'source', '--reason', 'month end'), { exit: 0, out: /^source rests/ });
  t.match(await tds(), { out: /source .*rests since .*: month end\nerp .*at work/ });
  t.match(await tds('--json'), { json: [{ connections: [{ id: 'source', pause: { reason: 'month end' } }, { id: 'erp', pause: null }] }] });
  t.match(await tds('resume', 'source'), { exit: 0, out: /goes on/ });
  t.match(await tds('resume', 'source', '--json'), { exit: 0, json: [{ resumed: false }] });
  t.match(await tds('pause', 'nope'), { exit: 2, err: /operation\.unknown_connection/ });
  t.match(await operations.audit.list({ limit: 9 }), [{ action: 'tds connections pause', outcome: 'failed' }, { action: 'tds connections resume' }, { action: 'tds connections resume' }, { action: 'tds connections pause', target: { id: 'source', reason: 'month end' } }]);
});
