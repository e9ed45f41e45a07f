import { setTimeout as pause } from 'node:timers/promises';
import { openWorld, type ChaosNode, type World } from '../../support/chaos/world.ts';
import type { TestScope } from '../../support/database.ts';
import { spread, type Outcome, type ScenarioOptions } from './scenario.ts';

type Mode = 'full' | 'incremental' | 'replay';

/** `kill -9` of one of two nodes at a random moment of a sync or a replay, again and again; the killed one is replaced. */
export async function killAtRandom(scope: TestScope, { seed, rounds, timings, say }: ScenarioOptions): Promise<Outcome> {
  const world = await openWorld(scope, { seed, ...(timings ? { timings } : {}) });
  const { random } = world;
  let living: ChaosNode[] = [world.node(), world.node()];
  const recoveries: number[] = [];
  let hits = 0;
  /** How long the run before took from the question to the end, in ms: a moment within that is in the middle on any machine. */
  const took: Record<Mode, number> = { full: 200, incremental: 200, replay: 60 };
  await Promise.all(living.map((node) => node.ready()));
  await world.ask('full'); // the first load is killed in as well
  for (let round = 0; round < rounds; round++) {
    // a replay has something to do where the mapping is another one
    const mode: Mode = round === 0 ? 'full' : round % (rounds > 20 ? 5 : 10) === 4 ? 'replay' : random.pick(['full', 'incremental'] as const);
    if (mode === 'replay') living = await replaceAll(world, living);
    await Promise.any(living.map((node) => node.ready()));
    if (mode !== 'replay') await world.change();
    const { id } = await world.ask(mode);
    await pause(random.between(0, took[mode]));
    const running = await world.run(id);
    const victim = living.find((node) => node.nodeId === running.node) ?? random.pick(living);
    const wasAtWork = running.status === 'running' && victim.nodeId === running.node;
    victim.process.kill('SIGKILL');
    const killed = performance.now();
    living = [...living.filter((node) => node !== victim), world.node()];
    if (wasAtWork) {
      hits += 1;
      await world.until('the run goes on elsewhere', async () => {
        const now = await world.run(id);
        return now.endedAt !== null || now.attempts > running.attempts;
      });
      recoveries.push(performance.now() - killed);
    }
    await world.settled();
    const { attempts, queuedAt, endedAt } = await world.run(id);
    if (attempts === 1 && endedAt !== null) took[mode] = Math.max(20, endedAt.getTime() - queuedAt.getTime());
    const faults = await world.faults(mode === 'replay' ? 'incremental' : mode);
    if (mode === 'replay') faults.splice(0, faults.length, ...faults.filter((fault) => !fault.endsWith(' at the source')));
    if (faults.length > 0) return { figures: { rounds: round }, faults: faults.map((fault) => `seed ${seed}, round ${round}, ${mode}, run ${id}: ${fault}`) };
    if ((round + 1) % 10 === 0) say(`${round + 1} rounds: ${hits} in the middle of a run, running again after ${spread(recoveries)}`);
  }
  await world.ask('full');
  await world.settled();
  return {
    figures: { kills: rounds, 'in the middle of a run': hits, 'running again': spread(recoveries), 'audited effects': await world.effects(), 'lost or doubled': 0 },
    faults: (await world.faults('full')).map((fault) => `seed ${seed}, at the end: ${fault}`),
  };
}

/** Another mapping comes with other processes: two that run at once would each write their own. */
async function replaceAll(world: World, living: readonly ChaosNode[]): Promise<ChaosNode[]> {
  for (const node of living) node.process.kill('SIGKILL');
  await Promise.all(living.map((node) => node.ended));
  await world.remap(world.mapping + 1);
  return [world.node(), world.node()];
}
