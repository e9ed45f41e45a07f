import { openWorld } from '../../support/chaos/world.ts';
import type { TestScope } from '../../support/database.ts';
import { median, spread, type Outcome, type ScenarioOptions } from './scenario.ts';

/** Where the job is when its node is killed, and who takes it. A node of another machine can't be looked for by its process id. */
const places = [
  { name: 'another node, same machine', restarts: false, elsewhere: false }, { name: 'another node, another machine', restarts: false, elsewhere: true },
  { name: 'a restart, same machine', restarts: true, elsewhere: false }, { name: 'a restart, another machine', restarts: true, elsewhere: true },
] as const;

/** From the kill of the node that has a job to the same job running again, with the times that ship. `rounds`: of each place. */
export async function killToRunningAgain(scope: TestScope, { seed, rounds, timings, say }: ScenarioOptions): Promise<Outcome> {
  const faults: string[] = [];
  const all: number[] = [];
  const figures: Outcome['figures'] = {};
  const world = await openWorld(scope, { seed, records: 400, pageMs: 100, ...(timings ? { timings } : {}) });
  for (const { name, restarts, elsewhere } of places) {
    const times: number[] = [];
    const starts: number[] = [];
    let living = restarts ? [world.node()] : [world.node(), world.node()];
    for (let round = 0; round < rounds; round++) {
      await Promise.all(living.map((node) => node.ready()));
      await world.change();
      const { id } = await world.ask('full');
      await world.until('it runs', async () => (await world.run(id)).status === 'running');
      const before = await world.run(id);
      const victim = living.find((node) => node.nodeId === before.node);
      if (!victim) throw new Error(`${before.node} is not known`);
      if (elsewhere) await world.pool.query(`update tds.nodes set machine = 'elsewhere' where node_id = $1`, [victim.nodeId]);
      const killed = performance.now();
      victim.process.kill('SIGKILL');
      const next = world.node();
      living = [...living.filter((node) => node !== victim), next];
      let began = Number.POSITIVE_INFINITY;
      const ready = next.ready().then(() => void (began = performance.now()));
      ready.catch(() => {});
      await world.until('it runs again', async () => (await world.run(id)).attempts > before.attempts);
      times.push(performance.now() - killed);
      await ready;
      starts.push(began - killed);
      await world.settled();
      faults.push(...(await world.faults('full')).map((fault) => `seed ${seed}, ${name}, round ${round}: ${fault}`));
    }
    for (const node of living) node.process.kill('SIGKILL');
    await Promise.all(living.map((node) => node.ended));
    figures[name] = spread(times);
    if (restarts) figures[`${name}: of that, the start of the process`] = spread(starts);
    all.push(...times);
    say(`${name}: ${spread(times)}`);
  }
  figures['all'] = spread(all);
  if (median(all) > 8_000) faults.push(`half of them took more than ${Math.round(median(all))} ms; 8 s are allowed`);
  if (Math.max(...all) > 14_000) faults.push(`the longest took ${Math.round(Math.max(...all))} ms; 14 s are allowed`);
  return { figures, faults };
}
