import { crashPoints } from '../../../core/monitor/crash-points.ts';
import { openWorld } from '../../support/chaos/world.ts';
import type { TestScope } from '../../support/database.ts';
import { until } from '../../support/processes.ts';
import type { Outcome, ScenarioOptions } from './scenario.ts';

/** A process dies at each named point of the write path in turn, in a read; the next one ends the run as if nothing had been. `rounds`: of all points. */
export async function dieAtEachPoint(scope: TestScope, { seed, rounds, timings, say }: ScenarioOptions): Promise<Outcome> {
  const world = await openWorld(scope, { seed, records: 120, pageMs: 1, ...(timings ? { timings } : {}) });
  const faults: string[] = [];
  let crashes = 0;
  let next = world.node({ waits: true, crashAt: `${crashPoints[0]}:1` });
  for (let round = 0; round < rounds; round++) {
    for (const [index, point] of crashPoints.entries()) {
      const victim = next;
      const heir = world.node({ waits: true });
      const following = crashPoints[index + 1] ?? crashPoints[0];
      await victim.begin();
      if (crashes > 0) await world.change(90, 70); // more than one batch, whatever the mode
      const mode = world.random.pick(['full', 'incremental'] as const);
      const run = await world.ask(mode);
      await until(`the process dies ${point}`, async () => victim.over || (await world.run(run.id)).endedAt !== null);
      if (!victim.over) await Promise.race([victim.ended, world.settled(5_000)]);
      crashes += 1;
      next = world.node({ waits: true, crashAt: `${following}:${['before-write', 'after-raw', 'after-table', 'before-position', 'before-commit', 'after-commit'].includes(following) ? world.random.between(1, 2) : 1}` });
      await heir.begin();
      await world.settled();
      for (const fault of await world.faults()) faults.push(`seed ${seed}, round ${round}, ${point}, ${mode}, run ${run.id}: ${fault}`);
      heir.process.kill('SIGTERM');
      await heir.ended;
      const { signal } = victim.over ? await victim.ended : { signal: null };
      if (signal !== 'SIGKILL') faults.push(`${point}: ended by ${signal}`);
      say(`${point} (${mode}): ${faults.length === 0 ? 'as if nothing had been' : 'FAULTS'}`);
      if (faults.length > 0) return { figures: { crashes }, faults };
    }
  }
  next.process.kill('SIGKILL');
  return { figures: { 'crash points': crashPoints.length, crashes, 'audited effects': await world.effects() }, faults };
}
