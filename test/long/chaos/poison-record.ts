import { openWorld, type World } from '../../support/chaos/world.ts';
import type { TestScope } from '../../support/database.ts';
import { until, type Child } from '../../support/processes.ts';
import type { Outcome, ScenarioOptions } from './scenario.ts';

/** How much there is to be done beside the poison: in the long form 1,000 records, which the source takes some time to hand over. */
export interface Load { records: number; pageMs: number; ways: readonly ('kill' | 'hang')[] }

const long: Load = { records: 1_000, pageMs: 400, ways: ['kill', 'hang'] };
const tries = 3;
const afterMs = 1_000;
const restarted = /it is started again/g;

/** A record that kills or hangs the process that maps it, among good ones, on one `tds start` that nobody else starts again; and the same without it. */
export async function poisonRecord(scope: TestScope, { seed, say }: ScenarioOptions, load: Load = long): Promise<Outcome> {
  const faults: string[] = [];
  const figures: Outcome['figures'] = { 'good records': load.records };
  if (load !== long) {
    const ends = await Promise.all(load.ways.map((way) => work(scope, seed, load, way)));
    return { figures: { ...figures, seconds: ends.map(({ seconds }) => seconds.toFixed(1)).join(', ') }, faults: ends.flatMap((end) => end.faults) };
  }
  const alone = await work(scope, seed, load);
  faults.push(...alone.faults);
  figures['alone'] = `${alone.seconds.toFixed(1)} s`;
  for (const way of load.ways) {
    const beside = await work(scope, seed, load, way);
    const ratio = beside.seconds / alone.seconds;
    faults.push(...beside.faults.map((fault) => `${way}: ${fault}`));
    if (ratio > 2) faults.push(`seed ${seed}: beside one that means "${way}" the good ones took ${ratio.toFixed(2)} times as long; 2 are allowed`);
    figures[`beside one that means "${way}"`] = `${beside.seconds.toFixed(1)} s, ratio ${ratio.toFixed(2)}, ${beside.deaths} processes died`;
    say(`${way}: the good ones took ${beside.seconds.toFixed(1)} s beside it, ${alone.seconds.toFixed(1)} s alone`);
  }
  const job = await hangInRead(scope, seed);
  faults.push(...job.faults);
  figures['a run that hangs before any record'] = `${job.deaths} processes died, then it failed`;
  return { figures, faults };
}

/** No record is to blame where the source itself hangs: the run is given up, and the process goes on. */
async function hangInRead(scope: TestScope, seed: number): Promise<{ deaths: number; faults: string[] }> {
  const world = await openWorld(scope, { seed, records: 20, policies: `{ watchdog: { after: ${afterMs}ms } }` });
  await world.poison('t00010x', 'read');
  const node = world.start();
  await node.said(/"type":"started"/);
  const { id } = await world.ask('full');
  await world.settled();
  const faults: string[] = [];
  const { status, code } = await world.run(id);
  if (status !== 'failed' || code !== 'queue.worker_lost') faults.push(`the run that hangs ended as ${status}, ${code}`);
  const { rows } = await world.pool.query(`select from tds.dead_letters where kind = 'job' and status = 'open'`);
  if (rows.length !== 1) faults.push(`${rows.length} dead letters for a run that hangs`);
  world.bad.clear();
  await world.change();
  await world.ask('full');
  await world.settled();
  const deaths = node.output.match(restarted)?.length ?? 0;
  if (deaths !== tries) faults.push(`${deaths} processes died of a run that hangs`);
  const { rows: [left] } = await world.pool.query<{ n: number }>(`select count(*)::int as n from tds.dead_letters where status = 'open'`);
  if (left?.n !== 0) faults.push('its dead letter is open, though a later run has succeeded');
  return { deaths, faults };
}

async function work(scope: TestScope, seed: number, { records, pageMs }: Load, way?: 'kill' | 'hang'): Promise<{ seconds: number; deaths: number; faults: string[] }> {
  const world = await openWorld(scope, { seed, records, pageMs, policies: `{ watchdog: { after: ${afterMs}ms } }` });
  const id = `t${String(Math.round(records * 0.6)).padStart(5, '0')}x`;
  if (way) await world.poison(id, way);
  const node = world.start();
  await node.said(/"type":"started"/);
  const began = performance.now();
  const run = await world.ask('full');
  await until('the good ones are there', async () => (await world.pool.query('select from erp.things')).rows.length === records);
  const seconds = (performance.now() - began) / 1000;
  await world.settled();
  const faults = await endOf(world, run.id, node, way === undefined ? undefined : { id, way });
  const deaths = node.output.match(restarted)?.length ?? 0;
  if (deaths !== (way ? tries : 0)) faults.push(`${deaths} processes died: ${node.output.slice(-2000)}`);
  node.process.kill('SIGTERM');
  const { code } = await node.ended;
  if (code !== 0) faults.push(`it ended with ${code}: ${node.output.slice(-800)}`);
  return { seconds, deaths, faults };
}

async function endOf(world: World, runId: string, node: Child, poison: { id: string; way: 'kill' | 'hang' } | undefined): Promise<string[]> {
  const { rows } = await world.pool.query<{ key: string; code: string; status: string }>('select key, code, status from tds.dead_letters');
  const expected = poison ? [{ key: poison.id, code: 'record.poison', status: 'open' }] : [];
  const faults = (await world.faults('full')).filter((fault) => !fault.startsWith('dead letters'));
  if (JSON.stringify(rows) !== JSON.stringify(expected)) faults.push(`the dead letters are ${JSON.stringify(rows)}`);
  const hangs = node.output.match(/the event loop hangs[^\n]*|"jobs":\[\{"id":"\d+","task":"run","runId":"\d+"/g)?.filter((line) => line.includes(`"runId":"${runId}"`)).length ?? 0;
  if (hangs !== (poison?.way === 'hang' ? tries : 0)) faults.push(`the watchdog named the run ${hangs} times`);
  return faults;
}
