import { bench, type Bench } from '../../queue/support.ts';
import type { TestScope } from '../../support/database.ts';
import { until } from '../../support/processes.ts';
import type { Outcome, ScenarioOptions } from './scenario.ts';

/**
 * How many good jobs there are, and what shows that they are not held up. `ratio`: they take twice as long as without the poison at most.
 * `order`: the last try of the poison is withheld until they have ended, which they could not if they waited for it; a busy machine can't fail that.
 */
export interface Load { good: number; judged: 'ratio' | 'order' }

const long: Load = { good: 1_000, judged: 'ratio' };

/** A job that kills its process among good ones, on two nodes that are started again when they die; and the same without it. `rounds`: times, of which the median counts. */
export async function poison(scope: TestScope, { seed, rounds, say }: ScenarioOptions, load = long): Promise<Outcome> {
  const { good } = load;
  const faults: string[] = [];
  const ratios: number[] = [];
  const seconds: Record<'without' | 'with', number[]> = { without: [], with: [] };
  for (let round = 0; round < rounds; round++) {
    const without = await work(scope, load, false);
    const beside = await work(scope, load, true);
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
  if (load.judged === 'ratio' && ratio > 2) faults.push(`seed ${seed}: the good ones took ${ratio.toFixed(2)} times as long; 2 are allowed`);
  return { figures: { 'good jobs': good, 'tries of the poison': 3, 'alone': `${seconds.without.map((each) => each.toFixed(1)).join(', ')} s`, 'beside the poison': `${seconds.with.map((each) => each.toFixed(1)).join(', ')} s`, 'ratio': ratio.toFixed(2) }, faults };
}

async function work(scope: TestScope, { good, judged }: Load, isPoisoned: boolean): Promise<{ b: Bench; seconds: number; kills: number; done: number }> {
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
  const withheld = isPoisoned && judged === 'order';
  if (withheld) await withholdLastTry(b);
  const began = performance.now();
  await adder.enqueueMany(b.pool, Array.from({ length: good }, (_, n) => [{ task: 'steady' }, ...(isPoisoned && n === good / 10 ? [{ task: 'poison' }] : [])]).flat());
  await until('the good ones are done', async () => await done() === good);
  const seconds = (performance.now() - began) / 1000;
  if (withheld) {
    await until('the poison has one try left', async () => (await b.jobs()).some(({ run_at }) => Number(run_at) === Number.POSITIVE_INFINITY));
    await b.pool.query(`drop trigger withhold on graphile_worker._private_jobs; update graphile_worker._private_jobs set run_at = now() where run_at = 'infinity'`);
  }
  await until('nothing is left', async () => (await b.jobs()).length === 0);
  over.abort();
  enough.resolve();
  await Promise.all(slots);
  return { b, seconds, kills, done: await done() };
}

/** The poison, freed after its second death, comes up again when the test says so. */
async function withholdLastTry({ pool }: Bench): Promise<void> {
  await pool.query(`create function withhold() returns trigger language plpgsql as $$ begin
      if (select identifier from graphile_worker._private_tasks where id = new.task_id) = 'poison' then new.run_at := 'infinity'; end if;
      return new;
    end $$;
    create trigger withhold before update on graphile_worker._private_jobs for each row when (old.locked_at is not null and new.locked_at is null and new.attempts = 2) execute function withhold()`);
}
