import { setTimeout as pause } from 'node:timers/promises';
import { startBlackHole } from '../../support/black-hole.ts';
import { startLoad } from '../../support/chaos/load.ts';
import { openWorld } from '../../support/chaos/world.ts';
import { testDatabase, type TestScope } from '../../support/database.ts';
import { spread, type Outcome, type ScenarioOptions } from './scenario.ts';

/** What the server is at when the connections fall silent; the session that it leaves behind holds the entity's write lock. */
const moments = { 'holding the lock': "'tds.write:'", 'in the middle of a COPY': 'COPY records', 'at the commit': 'COMMIT' } as const;

/**
 * Connections to the database fall silent under load: those there are (a firewall forgot them), at any moment and at the worst ones; for a
 * while the new ones too; and at last, at the worst moment, those of a node that never comes back, while another one lives.
 */
export async function blackHole(scope: TestScope, { seed, rounds, timings, say }: ScenarioOptions): Promise<Outcome> {
  const database = await testDatabase(scope);
  const { hostname, port } = new URL(database.url);
  const proxy = await startBlackHole(scope, { host: hostname, port: Number(port) });
  const world = await openWorld(scope, { seed, database, grows: true, ...(timings ? { timings } : {}) });
  const node = await world.node({ url: proxy.through(database.url) }).ready();
  const load = startLoad(world);
  await load.resumes();
  const times: Record<string, number[]> = {};
  const resumes = async (what: string): Promise<void> => void (times[what] ??= []).push(await load.resumes());
  for (let round = 0; round < rounds; round++) {
    await pause(world.random.between(0, 500));
    proxy.freeze({ newOnes: false });
    await resumes('at any moment');
    for (const [what, words] of Object.entries(moments)) {
      if (timings && what !== 'in the middle of a COPY') continue; // the short form knows the worst one alone
      await proxy.freezeAt(words);
      await resumes(what);
    }
    await pause(world.random.between(0, 500));
    proxy.freeze({ newOnes: true });
    await pause(world.random.between(1_000, timings ? 2_500 : 8_000));
    proxy.thaw();
    await resumes('the net is back');
    if (node.over) return { figures: { rounds: round }, faults: [`seed ${seed}, round ${round}: the process ended: ${node.output.slice(-2000)}`] };
    say(`${round + 1} times: work resumes ${spread(Object.values(times).flat())}`);
  }
  const other = world.node({ waits: true });
  await proxy.freezeAt(moments['in the middle of a COPY']);
  proxy.freeze({ newOnes: true });
  await other.begin(); // not before: it would have a share in the work
  await resumes('another node, the first one cut off for good');
  await load.end();
  const faults = (await world.faults('full')).map((fault) => `seed ${seed}: ${fault}`);
  if (node.over) faults.push(`the process ended: ${node.output.slice(-2000)}`);
  if (!timings) for (const [what, took] of Object.entries(times)) if (Math.max(...took) > 15_000) faults.push(`seed ${seed}, ${what}: work resumed after ${Math.round(Math.max(...took))} ms; 15 s are allowed`);
  return { figures: { 'process exits': 0, ...Object.fromEntries(Object.entries(times).map(([what, took]) => [`${what}: work resumes`, spread(took)])) }, faults };
}
