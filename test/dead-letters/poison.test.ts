import t from 'tap';
import { onExhausted } from '../../core/operations/exhausted.ts';
import { runTask, type RunTaskDeps } from '../../core/operations/run-task.ts';
import { JobLostError, QueueError } from '../../core/queue/index.ts';
import { isRecord, type JsonObject, type Logger } from '../../core/sdk/index.ts';
import { noCounts, readRun, type Run } from '../../core/store/runs.ts';
import { bench, thing, type Bench } from './support.ts';

const silent: Logger = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };

/** Does a run's job as the queue does. A worker "dies" by never coming back from the mapping: nothing after it happens, as after a kill. */
function worker({ corridor, enqueue }: Bench, poison: ReadonlySet<string>) {
  const { database, entity, rows } = corridor;
  const { mapAll } = entity.mapping;
  let mapped: string[] = [];
  let die: () => void = () => undefined;
  (entity.mapping as { mapAll: typeof mapAll }).mapAll = (wanted) => {
    const records = [...wanted];
    mapped.push(...records.map((record) => String(record['id'])));
    if (!records.some((record) => isRecord(record) && poison.has(String(record['id'])))) return mapAll(records);
    die();
    return new Promise(() => undefined);
  };
  const deps: RunTaskDeps = {
    entities: new Map([['things', entity]]), database, log: silent, clock: { now: () => new Date(), sleep: async () => undefined }, nodeId: () => 'node', redact: (text) => text, readAhead: 2,
    stopping: () => false, sliceMs: 60_000, withUsage: (_, work) => work(() => ({ calls: 0, bytes: 0 })), waitsOn: () => undefined, requestRun: async () => undefined, mostParts: async () => 1, requestParts: async () => [], hurry: async () => undefined, wakeMessages: async () => undefined,
  };
  const handler = runTask(deps);
  const give = onExhausted({ enqueue, redact: (text) => text });
  return {
    run: async (id: string): Promise<Run> => (await database.transaction((session) => readRun(session, id))) as Run,
    mapped: () => mapped,
    /** One attempt. 'died' where its worker was lost, which the sweep has counted by then. */
    async attempt(runId: string, jobId: string, fence = async (): Promise<void> => undefined): Promise<'died' | 'done'> {
      mapped = [];
      const death = new Promise<'died'>((resolve) => { die = () => resolve('died'); });
      const end = await Promise.race([death, Promise.resolve(handler({ payload: { runId }, jobId, task: 'run', attempt: 1, maxAttempts: 25, signal: new AbortController().signal, log: silent, fence })).then(() => 'done' as const)]);
      if (end === 'died') await rows(`INSERT INTO job_losses AS l (job_id, losses, total, last_reason) VALUES (${jobId}, 1, 1, 'its node died') ON CONFLICT (job_id) DO UPDATE SET losses = l.losses + 1, total = l.total + 1`);
      return end;
    },
    /** What the queue does about a job that lost its worker three times. */
    exhaust: (runId: string, jobId: string) => database.transaction((session) => give(
      { id: jobId, task: 'run', payload: { runId }, queueName: 'entity:things', jobKey: null, attempts: 3, maxAttempts: 25, createdAt: new Date() },
      new QueueError('queue.worker_lost', 'The job lost its worker 3 times.'), session as never)),
  };
}

async function shop(t: Parameters<typeof bench>[0], count: number, batchSize = 10): Promise<Bench> {
  const b = await bench(t, { config: { batchSize } });
  for (let id = 1; id <= count; id += 1) b.source.put(thing(id) as unknown as JsonObject);
  return b;
}

t.test('a record that kills its process goes aside after three tries, and the others go on', async (t) => {
  const b = await shop(t, 60);
  const w = worker(b, new Set(['23']));
  const run = await b.corridor.begin('full');
  t.equal(await w.attempt(run, '1'), 'died', 'the first time it dies with a set of records');
  t.same((await w.run(run)).suspect, null, 'a run that has lost no worker notes nothing');
  t.equal(await w.attempt(run, '1'), 'died', 'the second time with the record alone');
  t.match((await w.run(run)).suspect, { at: ['23'], guilty: [] });
  t.equal(await w.attempt(run, '1'), 'died');
  await w.exhaust(run, '1');
  t.match(await w.run(run), { status: 'waiting', code: 'record.poison', suspect: { guilty: ['23'] } });
  t.match(b.jobs, [{ task: 'run', payload: { runId: run }, queueName: 'entity:things' }], 'the run goes on with a new job');
  t.equal(await w.attempt(run, '2'), 'done');
  t.notOk(w.mapped().includes('23'), 'it is not mapped any more');
  t.match(await w.run(run), { ...noCounts(), status: 'succeeded', read: Number, new: Number, unchanged: Number, refused: 1, pages: Number, deleted: 0 });
  t.equal((await b.corridor.rows('SELECT * FROM erp.things')).length, 59);
  t.match(await b.operations.deadLetters({ limit: 9 }), [{ key: '23', code: 'record.poison', status: 'open' }]);
  t.match(await b.operations.deadLetter('1'), { raw: /thing 23/ });

  t.match(await b.record('23'), { state: 'refused', row: null }, 'its story is told without mapping it');
  t.match(await b.operations.tryDeadLetters({ filter: {}, all: true }), { tried: 0 }, 'a try of all leaves it out');
  const again = await b.corridor.begin('full');
  t.equal(await w.attempt(again, '3'), 'done', 'the next sync does not touch it');
});

t.test('among many records the one that kills is found by steps, and the others go on', async (t) => {
  const b = await shop(t, 300, 100);
  b.source.pageSize = 100;
  const w = worker(b, new Set(['187']));
  const run = await b.corridor.begin('full');
  const noted: number[] = [];
  for (const death of [1, 2, 3]) {
    t.equal(await w.attempt(run, '1'), 'died', `try ${death}`);
    noted.push((await w.run(run)).suspect?.at.length ?? 0);
  }
  t.same(noted, [0, 25, 1], 'a set, a step, the record alone');
  await w.exhaust(run, '1');
  t.match(await w.run(run), { status: 'waiting', suspect: { guilty: ['187'] } }, 'in a step and then alone: that is no chance');
  t.equal(await w.attempt(run, '2'), 'done');
  t.match(await w.run(run), { status: 'succeeded', new: 299, refused: 1, suspect: { guilty: ['187'] } });
});

t.test('a record that was being worked on when a worker was killed by chance is not blamed', async (t) => {
  const b = await shop(t, 60);
  const poison = new Set(['23']);
  const w = worker(b, poison);
  const run = await b.corridor.begin('full');
  await w.attempt(run, '1');
  await w.attempt(run, '1');
  poison.clear();
  t.equal(await w.attempt(run, '1'), 'done');
  t.match(await w.run(run), { status: 'succeeded', refused: 0 });
  t.equal(await b.open(), 0);
  t.equal((await b.corridor.rows('SELECT * FROM erp.things')).length, 60);
});

t.test('two poisoned records are found one after the other', async (t) => {
  const b = await shop(t, 50);
  const w = worker(b, new Set(['17', '42']));
  const run = await b.corridor.begin('full');
  let job = 1;
  let ends = 0;
  for (let deaths = 0; ends === 0 && job < 9;) {
    if (await w.attempt(run, String(job)) === 'done') ends += 1;
    else if ((deaths += 1) === 3) {
      await w.exhaust(run, String(job));
      deaths = 0;
      job += 1;
    }
  }
  t.match(await w.run(run), { status: 'succeeded', refused: 2 });
  t.same((await b.operations.deadLetters({ code: 'record.poison', limit: 9 })).map(({ key }) => key).sort(), ['17', '42']);
  t.equal((await b.corridor.rows('SELECT * FROM erp.things')).length, 48);
});

t.test('a run that loses its workers without any progress, and to no record, fails and becomes a dead letter', async (t) => {
  const b = await shop(t, 5);
  const w = worker(b, new Set());
  const run = await b.corridor.begin('full');
  await w.exhaust(run, '1');
  t.match(await w.run(run), { status: 'failed', code: 'queue.worker_lost' });
  t.match(await b.operations.deadLetters({ kind: 'job', limit: 9 }), [{ entity: 'things', code: 'queue.worker_lost', runId: run }]);
});

t.test('a node that was cut off says nothing more about a run that its heir does', async (t) => {
  const b = await shop(t, 5);
  const w = worker(b, new Set());
  for (const broken of [false, true]) {
    const run = await b.corridor.begin('full');
    let asked = 0;
    const cutOff = async (): Promise<void> => {
      // the run has begun and is about to be written about: from here on another node has its job
      if ((asked += 1) > 2) throw new JobLostError('1', 'another has it');
    };
    if (broken) b.source.breakAt = b.source.pagesRead;
    await t.rejects(w.attempt(run, '1', cutOff), { code: 'queue.job_lost' });
    t.match(await w.run(run), { status: 'running', code: null, waitsOn: null, read: 0 }, broken ? 'neither that it failed' : 'nor that it got on');
    t.equal(await w.attempt(run, '1'), 'done');
    t.match(await w.run(run), { status: 'succeeded' });
  }
});
