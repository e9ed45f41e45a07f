import { setTimeout as pause } from 'node:timers/promises';
import { openWorld, type ChaosNode, type World } from '../../support/chaos/world.ts';
import type { TestScope } from '../../support/database.ts';
import { spread, type Outcome, type ScenarioOptions } from './scenario.ts';

/**
 * SIGSTOP of the node that has the job, at a random moment of its run, until others have taken it for dead, done its work and more; then
 * SIGCONT. It may be in the middle of a transaction when it stops: what that holds must not stop the others.
 */
export async function pausePastDeath(scope: TestScope, { seed, rounds, timings, say }: ScenarioOptions): Promise<Outcome> {
  // A watchdog that took a pause for a hang would kill the node when it goes on.
  const world = await openWorld(scope, { seed, pageMs: 10, policies: `{ watchdog: { after: ${timings?.deadMs ?? 5_000}ms } }`, ...(timings ? { timings } : {}) });
  const nodes = [world.node(), world.node()];
  await Promise.all(nodes.map((node) => node.ready()));
  const taken: number[] = [];
  const done: number[] = [];
  let backAgain = 0;
  let inTransaction = 0;
  for (let round = 0; round < rounds; round++) {
    await world.change(90, 70);
    const { id } = await world.ask('full');
    await world.until('it runs', async () => (await world.run(id)).status === 'running');
    const before = await world.run(id);
    const victim = nodes.find((node) => node.nodeId === before.node) as ChaosNode;
    const holds = round % 2 === 0 && await stopInTransaction(world, victim);
    if (!holds) {
      await pause(world.random.between(0, 150));
      victim.process.kill('SIGSTOP');
    }
    const stopped = performance.now();
    inTransaction += holds ? 1 : 0;
    const dead = async (): Promise<boolean> => (await world.pool.query('select from tds.nodes where node_id = $1', [victim.nodeId])).rows.length === 0;
    await world.until('the others take it for dead', dead);
    taken.push(performance.now() - stopped);
    await world.settled();
    done.push(performance.now() - stopped);
    // More than its own work is done meanwhile: what it still has in its hands is stale.
    await world.change();
    await world.ask('full');
    await world.settled();
    const effects = await world.effects();
    victim.process.kill('SIGCONT');
    await world.until('it is back', async () => !(await dead()));
    await world.until('it says that it is ready', async () => (await victim.health()).ready);
    const later = await world.effects() - effects;
    const faults = [...(later === 0 ? [] : [`${later} writes came after it went on`]), ...await world.faults('full')];
    if (faults.length > 0) return { figures: { rounds: round }, faults: faults.map((fault) => `seed ${seed}, round ${round}, run ${id}: ${fault}`) };
    if (victim.over) return { figures: { rounds: round }, faults: [`seed ${seed}, round ${round}: the paused node ended: ${victim.output.slice(-800)}`] };
    backAgain += 1;
    say(`${backAgain} paused past their death: work done by others after ${spread(done)}`);
  }
  return { figures: { pauses: rounds, 'in the middle of a transaction': inTransaction, 'taken for dead': spread(taken), 'work done by others': spread(done), 'stale writes': 0, 'stuck queues': 0 }, faults: [] };
}

/** Stops a node in the moment in which it holds the entity's write lock. @returns false where none of some tries met one */
async function stopInTransaction(world: World, victim: ChaosNode): Promise<boolean> {
  const holders = async (): Promise<number> => (await world.pool.query(
    `select from pg_locks l join pg_stat_activity a using (pid) where l.locktype = 'advisory' and l.granted and a.application_name like 'tds node%' and a.xact_start is not null
       and l.database = (select oid from pg_database where datname = current_database())`)).rows.length;
  for (const deadline = performance.now() + 2_000; performance.now() < deadline;) {
    if (await holders() === 0) continue;
    victim.process.kill('SIGSTOP');
    // What was on its way to the server has come to its end by then; a holder that is left waits for the paused process.
    await pause(100);
    if (await holders() > 0) return true;
    victim.process.kill('SIGCONT');
  }
  return false;
}
