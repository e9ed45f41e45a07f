import t, { test } from 'tap';
import { until } from '../support/processes.ts';
import { bench, next, timings } from './support.ts';

t.jobs = 2; // they wait for deaths more than they work

/** Longer than any test: what is found within it was not found by silence. */
const anHour = { deadMs: 3_600_000 };
const elsewhere = (nodeId: string): string => `update nodes set machine = 'elsewhere' where node_id = '${nodeId}'`;

void test('a job whose node was killed runs again on another, and its named queue goes on', async (t) => {
  const b = await bench(t);
  const adder = b.queue({}, { concurrency: 0 });
  for (const [place, timings] of [['this machine', anHour], ['another machine', {}]] as const) {
    const [victim, heir] = await Promise.all([b.node({ nodeId: `victim on ${place}`, timings }), b.node({ nodeId: `heir on ${place}`, concurrency: 1, timings })]);
    // The heir is busy until the victim has taken the job.
    const id = await adder.enqueue(b.pool, { task: 'hanging', queueName: 'items' });
    const behind = await adder.enqueue(b.pool, { task: 'quick', queueName: 'items' });
    const started = await Promise.race([victim, heir].map((node) => node.said(new RegExp(`^started ${id} 1$`, 'm')).then(() => node)));
    const survivor = started === victim ? heir : victim;
    const nodeId = `${started === victim ? 'victim' : 'heir'} on ${place}`;
    if (place === 'another machine') await b.pool.query(elsewhere(nodeId));
    const killed = performance.now();
    started.process.kill('SIGKILL');
    await survivor.said(new RegExp(`^started ${id} 2$`, 'm'));
    t.comment(`a kill on ${place}: running again after ${Math.round(performance.now() - killed)} ms`);
    await until('both are done', async () => (await b.jobs()).length === 0);
    t.equal((await b.effects()).filter((each) => each.job_id === id || each.job_id === behind).length, 2);
    t.same((await b.outcomes(id)), ['lost', 'done']);
    survivor.process.kill('SIGKILL');
    await survivor.ended;
  }
  t.equal(await b.locked(), 0);
});

void test('a start takes over what a killed process of the same machine left, at once', async (t) => {
  const b = await bench(t);
  const adder = b.queue({}, { concurrency: 0 });
  const node = await b.node({ timings: anHour });
  const ids = await Promise.all([1, 2, 3].map(() => adder.enqueue(b.pool, { task: 'hanging', queueName: null })));
  for (const id of ids) await node.said(new RegExp(`^started ${id} 1$`, 'm'));
  node.process.kill('SIGKILL');
  await node.ended;
  const queue = b.queue({ hanging: async () => {} }, { timings: { ...timings, ...anHour } });
  await queue.start();
  await until('they have run', async () => (await b.jobs()).length === 0);
  t.match(await queue.nodes(), [{ nodeId: queue.nodeId }]);
});

void test('a node that was paused past its death writes nothing for jobs that were taken from it, and no queue stays locked', async (t) => {
  const b = await bench(t);
  const paused = await b.node({ nodeId: 'paused' });
  const adder = b.queue({}, { concurrency: 0 });
  const id = await adder.enqueue(b.pool, { task: 'stubborn', queueName: 'items' });
  await paused.said(new RegExp(`^started ${id} 1$`, 'm'));
  const other = await b.node({ nodeId: 'other' });
  paused.process.kill('SIGSTOP');
  await other.said(new RegExp(`^wrote ${id} 2$`, 'm'));
  paused.process.stdin?.write('go\n');
  paused.process.kill('SIGCONT');
  await paused.said(new RegExp(`^refused ${id} queue.job_lost$`, 'm'));
  await paused.said(/^node.joined [^]*^node.joined /m);
  t.same((await b.effects()).map(({ node, attempt, note }) => ({ node, attempt, note })), [{ node: 'other', attempt: 2, note: 'stubborn' }]);
  other.process.kill('SIGKILL');
  await adder.enqueue(b.pool, { task: 'quick', queueName: 'items' });
  await until('the paused node works again', async () => (await b.effects()).some((each) => each.node === 'paused' && each.note === 'quick'));
  await until('its end is written', async () => (await b.jobs()).length === 0);
  t.equal(await b.locked(), 0);
});

void test('a node that was paused inside a transaction does not hold its job for ever', async (t) => {
  const b = await bench(t);
  const paused = await b.node({ nodeId: 'paused', timings: { deadMs: 800 } });
  const adder = b.queue({}, { concurrency: 0 });
  const id = await adder.enqueue(b.pool, { task: 'holding', queueName: 'items' });
  await paused.said(new RegExp(`^holds ${id} 1$`, 'm'));
  const other = await b.node({ nodeId: 'other' });
  paused.process.kill('SIGSTOP');
  await other.said(new RegExp(`^holds ${id} 2$`, 'm'));
  paused.process.stdin?.write('go\n');
  paused.process.kill('SIGCONT');
  await paused.said(new RegExp(`^refused ${id} `, 'm'));
  await until('it is done', async () => (await b.jobs()).length === 0);
  t.same((await b.effects()).map(({ node, attempt }) => ({ node, attempt })), [{ node: 'other', attempt: 2 }]);
});

void test('a job that kills its process is told of after three tries, and the others run', async (t) => {
  const b = await bench(t);
  const adder = b.queue({}, { concurrency: 0 });
  const good = await adder.enqueueMany(b.pool, Array.from({ length: 50 }, () => ({ task: 'quick', queueName: null })));
  const poison = await adder.enqueue(b.pool, { task: 'poison', priority: -1 });
  let kills = 0;
  const done = new AbortController();
  const keepAlive = async (): Promise<void> => {
    const node = await b.node({ concurrency: 2 }).catch(() => undefined); // killed before it said that it was ready
    await node?.ended;
    if (done.signal.aborted) return;
    kills++;
    await keepAlive();
  };
  keepAlive().catch(() => {});
  await until('all has ended', async () => (await b.jobs()).length === 0).finally(() => done.abort());
  const effects = await b.effects();
  t.same(effects.filter((each) => each.job_id === poison).map((each) => each.note), ['exhausted: queue.worker_lost']);
  // One that is under suspicion may be handed back, unused, while another one proves its innocence.
  t.same((await b.outcomes(poison)).filter((outcome) => outcome !== 'handed_back'), ['lost', 'lost', 'lost', 'failed']);
  t.equal(new Set(effects.filter((each) => each.note === 'quick').map((each) => each.job_id)).size, good.length);
  t.equal(kills, 3);
});

void test('SIGTERM hands back what cannot be finished, with its attempt unused, and leaves no lock', async (t) => {
  const b = await bench(t);
  const node = await b.node();
  const adder = b.queue({}, { concurrency: 0 });
  const patient = await adder.enqueue(b.pool, { task: 'patient', queueName: 'one' });
  const hanging = await adder.enqueue(b.pool, { task: 'hanging', queueName: 'two' });
  for (const id of [patient, hanging]) await node.said(new RegExp(`^started ${id} 1$`, 'm'));
  node.process.kill('SIGTERM');
  t.match(await node.ended, { code: 0, signal: null }, 'a job that never ends keeps it from nothing');
  t.equal(await b.locked(), 0);
  t.match(await b.jobs(), [{ id: patient, attempts: 0 }, { id: hanging, attempts: 0 }]);
  t.same([await b.outcomes(patient), await b.outcomes(hanging)], [['handed_back'], ['handed_back']]);
  t.same(await adder.nodes(), []);
});

void test('a stop lets running jobs end, takes no new ones, may be called twice, and before the start', async (t) => {
  const b = await bench(t);
  const gate = Promise.withResolvers<void>();
  const queue = b.queue({ waits: () => gate.promise }, { concurrency: 1 });
  await queue.start();
  const started = next(queue, 'job.started');
  await queue.enqueue(b.pool, { task: 'waits' });
  const second = await queue.enqueue(b.pool, { task: 'waits' });
  await started;
  const stopping = [queue.stop(), queue.stop()];
  gate.resolve();
  await Promise.all(stopping);
  t.match(await b.jobs(), [{ id: second, attempts: 0 }]);
  t.equal(await b.locked(), 0);
  t.equal(queue.health().state, 'stopped');
  const never = b.queue({});
  await never.stop();
  await t.rejects(never.start(), { code: 'queue.state' });
});

void test('two nodes share the jobs, and each job runs once', async (t) => {
  const b = await bench(t);
  await Promise.all([b.node({ nodeId: 'a' }), b.node({ nodeId: 'b' })]);
  const adder = b.queue({}, { concurrency: 0 });
  await adder.enqueueMany(b.pool, Array.from({ length: 300 }, () => ({ task: 'quick' })));
  await until('all have run', async () => (await b.jobs()).length === 0);
  const effects = await b.effects();
  t.equal(effects.length, 300);
  t.equal(new Set(effects.map((each) => each.job_id)).size, 300);
  t.same([...new Set(effects.map((each) => each.node))].sort(), ['a', 'b']);
});
