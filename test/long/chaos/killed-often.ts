import { setTimeout as pause } from 'node:timers/promises';
import { openWorld } from '../../support/chaos/world.ts';
import type { TestScope } from '../../support/database.ts';
import type { Outcome, ScenarioOptions } from './scenario.ts';

/** One long read whose process is killed again and again, each time after it has got on a little: it ends as if nothing had been. `rounds`: kills. */
export async function killOften(scope: TestScope, { seed, rounds, timings, say }: ScenarioOptions): Promise<Outcome> {
  const world = await openWorld(scope, { seed, records: rounds * 60, pageMs: 10, ...(timings ? { timings } : {}) });
  let node = await world.node().ready();
  const { id } = await world.ask('full');
  for (let kill = 0; kill < rounds; kill++) {
    const next = world.node({ waits: true });
    const { pages } = await world.run(id);
    await world.until(`it gets on, after ${kill} kills`, async () => (await world.run(id)).pages > pages);
    await pause(world.random.between(0, 10));
    const { endedAt } = await world.run(id);
    if (endedAt) return { figures: { kills: kill }, faults: [`seed ${seed}: the read was over after ${kill} kills`] };
    node.process.kill('SIGKILL');
    node = await next.begin();
    if ((kill + 1) % 10 === 0) say(`${kill + 1} kills, ${(await world.run(id)).read} records`);
  }
  await world.settled();
  const { status, code, attempts } = await world.run(id);
  const faults = await world.faults('full');
  if (status !== 'succeeded') faults.push(`the run ${status}: ${code}`);
  return { figures: { 'kills of one run': rounds, attempts, 'records': world.truth.size, 'lost or doubled': faults.length }, faults: faults.map((fault) => `seed ${seed}: ${fault}`) };
}
