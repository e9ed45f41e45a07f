import { bench, type Bench } from '../../queue/support.ts';
import type { TestScope } from '../../support/database.ts';
import { until } from '../../support/processes.ts';
import type { Outcome, ScenarioOptions } from './scenario.ts';

const good = 1_000;

/** A job that kills its process among 1,000 good ones, on two nodes that are started again when they die; and the same without it. `rounds`: times, of which the median counts. */
export async function poison(scope: TestScope, { seed, rounds, say }: ScenarioOptions): Promise<Outcome> {
  const faults: string[] = [];
  const ratios: number[] = [];
  const seconds: Record<'without' | 'with', number[]> = { without: [], with: [] };
  for (let round = 0; round < rounds; round++) {
    const without = await work(scope, false);
    const beside = await work(scope, true);
    const { rows } = await beside.b.pool.query<{ note: string; n: number }>(`select note, count(*)::int as n from effects where note like 'exhausted%' group by 1`);
    if (JSON.stringify(rows) !== JSON.stringify([{ note: 'exhausted: queue.worker_lost', n: 1 }])) faults.push(`the poison ended as ${JSON.stringify(rows)}`);
    const { rows: outcomes } = await beside.b.pool.query<{ outcome: string }>(`select outcome from tds.job_history where task = 'poison' order by ended_at`);
    // One that is under suspicion may be handed back, unused, while another one proves its innocence.
    if (outcomes.map((row) => row.outcome).filter((outcome) => outcome !== 'handed_back').join() !== 'lost,lost,lost,failed') faults.push(`its attempts were ${outcomes.map((row) => row.outcome).join()}`);
    if (beside.kills !== 3) faults.push(`${beside.kills} processes died of it`);
    for (const each of [without, beside]) {
      if (each.done !== good) faults.push(`${good - each.done} good jobs were lost`);
    }
    seconds.without.push(without.seconds);
    seconds.with.push(beside.seconds);
    ratios.push(beside.seconds / without.seconds);
    say(`${good} good jobs: ${without.seconds.toFixed(1)} s alone, ${beside.seconds.toFixed(1)} s beside the poison`);
  }
  const ratio = [...ratios].sort((a, b) => a - b)[Math.floor(ratios.length / 2)] as number;
  if (ratio > 2) faults.push(`seed ${seed}: the good ones took ${ratio.toFixed(2)} times as long; 2 are allowed`);
  return { figures: { 'good jobs': good, 'tries of the poison': 3, 'alone': `${seconds.without.map((each) => each.toFixed(1)).join(', ')} s`, 'beside the poison': `${seconds.with.map((each) => each.toFixed(1)).join(', ')} s`, 'ratio': ratio.toFixed(2) }, faults };
}

async function work(scope: TestScope, isPoisoned: boolean): Promise<{ b: Bench; seconds: number; kills: number; done: number }> {
  const b = await bench(scope);
  const adder = b.queue({}, { concurrency: 0 });
  const over = new AbortController();
  let kills = 0;
  const slots: Promise<void>[] = [];
  // As a service manager would: at once.
  const keepAlive = async (): Promise<void> => {
    while (!over.signal.aborted) {
      const node = await b.node().catch(() => undefined); // killed before it said that it was ready
      await Promise.race([node?.ended, enough.promise]);
      if (over.signal.aborted) node?.process.kill('SIGKILL');
      else kills += 1;
    }
  };
  const enough = Promise.withResolvers<void>();
  // An effect may come twice where a process dies between it and the end of its job: these handlers are not guarded.
  const done = async (): Promise<number> => (await b.pool.query<{ n: number }>(`select count(distinct job_id)::int as n from effects where note = 'steady'`)).rows[0]?.n ?? 0;
  slots.push(keepAlive(), keepAlive());
  await until('both nodes are there', async () => (await b.pool.query('select from nodes')).rows.length === 2);
  const began = performance.now();
  await adder.enqueueMany(b.pool, Array.from({ length: good }, (_, n) => [{ task: 'steady' }, ...(isPoisoned && n === 100 ? [{ task: 'poison' }] : [])]).flat());
  await until('the good ones are done', async () => await done() === good);
  const seconds = (performance.now() - began) / 1000;
  await until('nothing is left', async () => (await b.jobs()).length === 0);
  over.abort();
  enough.resolve();
  await Promise.all(slots);
  return { b, seconds, kills, done: await done() };
}
