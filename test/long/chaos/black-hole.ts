import { setTimeout as pause } from 'node:timers/promises';
import { startBlackHole } from '../../support/black-hole.ts';
import { startLoad } from '../../support/chaos/load.ts';
import { openWorld } from '../../support/chaos/world.ts';
import { testDatabase, type TestScope } from '../../support/database.ts';
import { spread, type Outcome, type ScenarioOptions } from './scenario.ts';

/** Connections to the database fall silent under load: those there are (a firewall forgot them), or for a while the new ones too. */
export async function blackHole(scope: TestScope, { seed, rounds, timings, say }: ScenarioOptions): Promise<Outcome> {
  const database = await testDatabase(scope);
  const { hostname, port } = new URL(database.url);
  const proxy = await startBlackHole(scope, { host: hostname, port: Number(port) });
  const world = await openWorld(scope, { seed, database, ...(timings ? { timings } : {}) });
  const node = await world.node({ url: proxy.through(database.url) }).ready();
  const load = startLoad(world);
  await load.resumes(20_000);
  const times: Record<'forgotten' | 'cut off', number[]> = { 'forgotten': [], 'cut off': [] };
  for (let round = 0; round < rounds; round++) {
    await pause(world.random.between(0, 500));
    proxy.freeze({ newOnes: false });
    times.forgotten.push(await load.resumes(100_000));
    await pause(world.random.between(0, 500));
    proxy.freeze({ newOnes: true });
    await pause(world.random.between(1_000, timings ? 2_500 : 8_000));
    proxy.thaw();
    times['cut off'].push(await load.resumes(100_000));
    if (node.over) return { figures: { rounds: round }, faults: [`seed ${seed}, round ${round}: the process ended: ${node.output.slice(-2000)}`] };
    say(`${round + 1} times: work resumes ${spread(times.forgotten)} after connections were forgotten, ${spread(times['cut off'])} after the net is back`);
  }
  await load.end();
  const faults = (await world.faults('full')).map((fault) => `seed ${seed}: ${fault}`);
  const longest = Math.max(...times.forgotten, ...times['cut off']);
  if (longest > 15_000) faults.push(`seed ${seed}: work resumed after ${Math.round(longest)} ms; 15 s are allowed`);
  return { figures: { 'black holes': rounds * 2, 'process exits': 0, 'connections forgotten: work resumes': spread(times.forgotten), 'net back: work resumes': spread(times['cut off']) }, faults };
}
