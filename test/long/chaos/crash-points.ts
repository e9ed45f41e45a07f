import { crashPoints, type CrashPoint } from '../../../core/monitor/crash-points.ts';
import { openWorld, type ChaosNode } from '../../support/chaos/world.ts';
import type { TestScope } from '../../support/database.ts';
import type { Outcome, ScenarioOptions } from './scenario.ts';

/** Passed once per batch: there a process may die the second time too. */
const perBatch: readonly CrashPoint[] = ['before-write', 'after-raw', 'after-table', 'before-position', 'before-commit', 'after-commit'];

/** A process dies at each named point of the write path in turn; another one ends the run as if nothing had been. `rounds`: of all points. */
export async function dieAtEachPoint(scope: TestScope, { seed, rounds, timings, say }: ScenarioOptions): Promise<Outcome> {
  const world = await openWorld(scope, { seed, records: 120, pageMs: 1, ...(timings ? { timings } : {}) });
  const plan = Array.from({ length: rounds }, () => crashPoints).flat().map((point) => `${point}:${perBatch.includes(point) ? world.random.between(1, 2) : 1}`);
  const start = (wish: string | undefined): ChaosNode | undefined => (wish === undefined ? undefined : world.node({ nodeId: wish, waits: true, crashAt: wish }));
  const heir = world.node({ nodeId: 'heir' });
  let next = start(plan[0]);
  await heir.ready();
  let runs = 0;
  for (const [index, wish] of plan.entries()) {
    const victim = next as ChaosNode;
    next = start(plan[index + 1]);
    await victim.begin();
    // The heir stands still until the victim has taken the job and died of it; which of two takes a job would be chance.
    heir.process.kill('SIGSTOP');
    await world.change(90, 70); // more than one batch, whatever the mode
    const mode = index % 2 === 0 ? 'full' : 'incremental';
    await world.ask(mode);
    await world.until(`the process dies ${wish}`, () => victim.over);
    heir.process.kill('SIGCONT');
    runs += 1;
    await world.settled();
    const faults = await world.faults(mode);
    if (faults.length > 0) return { figures: { runs }, faults: faults.map((fault) => `seed ${seed}, ${wish}, ${mode}: ${fault}`) };
    const { signal } = await victim.ended;
    if (signal !== 'SIGKILL') return { figures: { runs }, faults: [`${wish}: ended by ${signal}: ${victim.output.slice(-800)}`] };
    say(`${wish}: as if nothing had been`);
  }
  if (heir.over) return { figures: {}, faults: [`the heir ended: ${heir.output.slice(-800)}`] };
  return { figures: { 'crash points': crashPoints.length, crashes: plan.length, runs, 'audited effects': await world.effects(), 'lost or doubled': 0 }, faults: [] };
}
