import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startLoad } from '../../support/chaos/load.ts';
import { openWorld, type World } from '../../support/chaos/world.ts';
import type { TestScope } from '../../support/database.ts';
import { Child, until } from '../../support/processes.ts';
import { startTelling } from '../../support/webhooks/telling.ts';
import { freePort } from '../../support/webhooks/told.ts';
import { spread, type Outcome, type ScenarioOptions } from './scenario.ts';

const cli = fileURLToPath(new URL('../../../core/cli/main.ts', import.meta.url));
const root = fileURLToPath(new URL('../../..', import.meta.url));

/**
 * SIGTERM to a real `tds start` at a random moment of its work, with a read under way and signed messages coming in; another one is started
 * at the same address, and goes on. What the messages tell of is read by no run, so one that was answered 202 and lost would show in the table.
 */
export async function terminate(scope: TestScope, { seed, rounds, timings, say }: ScenarioOptions): Promise<Outcome> {
  const port = await freePort();
  const telling = await startTelling(scope, { seed, port });
  const world = await openWorld(scope, { seed, pageMs: 20, beside: telling.config, ...(timings ? { timings } : {}) });
  // Loaded while the one before still works.
  const start = (): Child => new Child(scope, process.execPath, [cli, 'start', '--json', '--config', world.file], { cwd: root, env: world.env({ TDS_PORT: String(port) }) });
  const load = startLoad(world);
  const exits: number[] = [];
  const faults: string[] = [];
  let [busy, left] = [0, 0];
  for (let round = 0; round < rounds && faults.length === 0; round++) {
    const taken = telling.taken();
    const node = start();
    await node.said(/"type":"started"/);
    await load.resumes();
    await until('it takes messages', () => telling.taken() > taken);
    await pause(world.random.between(0, 300));
    if ((await world.pool.query(`select from graphile_worker._private_jobs where locked_at is not null`)).rows.length > 0) busy += 1;
    const told = performance.now();
    node.process.kill('SIGTERM');
    const { code, signal } = await node.ended;
    exits.push(performance.now() - told);
    const fault = (what: string): void => void faults.push(`seed ${seed}, round ${round}: ${what}: ${node.output.slice(-1500)}`);
    if (code !== 0) fault(`it ended with code ${code}, signal ${signal}`);
    if (!timings && (exits.at(-1) ?? 0) > 10_000) fault(`it took ${Math.round(exits.at(-1) ?? 0)} ms to end`);
    const locked = await lockedRows(world);
    if (locked.length > 0) fault(`it left behind ${JSON.stringify(locked)}`);
    left += await waiting(world);
    if ((round + 1) % 10 === 0) say(`${round + 1} stops: ${spread(exits)}; ${telling.taken()} messages taken, ${left} left to the next process`);
  }
  const last = start();
  await last.said(/"type":"started"/);
  await telling.end();
  await until('every message was applied', async () => await waiting(world) === 0);
  await load.end();
  faults.push(...[...await world.faults('full'), ...await telling.faults(world.pool)].map((fault) => `seed ${seed}, at the end: ${fault}`));
  return {
    figures: { 'stops': rounds, 'in the middle of a run': busy, 'to the exit': spread(exits), 'code 0': exits.length, 'locked rows left': 0, 'messages answered 202': telling.taken(), 'of these left to the next process': left, 'of these lost': 0 },
    faults,
  };
}

async function lockedRows({ pool }: World): Promise<unknown[]> {
  return (await pool.query(`select 'job', id::text from graphile_worker._private_jobs where locked_at is not null union all select 'queue', queue_name from graphile_worker._private_job_queues where locked_at is not null
      union all select 'node', node_id from tds.nodes`)).rows;
}

async function waiting({ pool }: World): Promise<number> {
  return (await pool.query<{ n: number }>('select count(*)::int as n from tds.webhook_inbox where outcome is null')).rows[0]?.n ?? 0;
}
