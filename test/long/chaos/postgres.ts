import { setTimeout as pause } from 'node:timers/promises';
import { startLoad } from '../../support/chaos/load.ts';
import { ownServer } from '../../support/chaos/own-server.ts';
import { openWorld } from '../../support/chaos/world.ts';
import type { TestScope } from '../../support/database.ts';
import { until } from '../../support/processes.ts';
import { spread, type Outcome, type ScenarioOptions } from './scenario.ts';

/** PostgreSQL is stopped in immediate mode while a node works, and started again: at once, or after the node has said that it is not ready. */
export async function stopPostgres(scope: TestScope, { seed, rounds, timings, say }: ScenarioOptions): Promise<Outcome> {
  const server = await ownServer(scope);
  const world = await openWorld(scope, { seed, database: server, ...(timings ? { timings } : {}) });
  const node = await world.node().ready();
  const load = startLoad(world);
  await load.resumes();
  const told: number[] = [];
  const resumed: number[] = [];
  const reasons = new Set<string>();
  for (let round = 0; round < rounds; round++) {
    await pause(world.random.between(0, 300));
    await server.stop();
    const stopped = performance.now();
    if (round % 2 === 0) {
      await until('it says that it is not ready', async () => {
        const health = await node.health();
        for (const reason of health.reasons) reasons.add(reason);
        return !health.ready;
      });
      told.push(performance.now() - stopped);
      // Sometimes until the node has given up its jobs.
      await pause(world.random.between(0, round % 4 === 0 ? (timings?.deadMs ?? 5_000) * 1.4 : 300));
    }
    await server.start();
    resumed.push(await load.resumes());
    await until('it says that it is ready', async () => (await node.health()).ready);
    if (node.over) return { figures: { rounds: round }, faults: [`seed ${seed}, round ${round}: the process ended: ${node.output.slice(-2000)}`] };
    say(`${round + 1} stops: work resumes ${spread(resumed)} after the server is back`);
  }
  await load.end();
  const faults = (await world.faults('full')).map((fault) => `seed ${seed}: ${fault}`);
  if (!timings && Math.max(...resumed) > 5_000) faults.push(`seed ${seed}: work resumed after ${Math.round(Math.max(...resumed))} ms; 5 s are allowed`);
  return {
    figures: { stops: rounds, 'process exits': 0, 'not ready is told': spread(told), 'work resumes': spread(resumed), 'what it says': [...reasons].map((reason) => reason.replace(/:\d+/, '')).join('; ') }, faults,
  };
}
