import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startLoad } from '../../support/chaos/load.ts';
import { openWorld } from '../../support/chaos/world.ts';
import type { TestScope } from '../../support/database.ts';
import { Child } from '../../support/processes.ts';
import { spread, type Outcome, type ScenarioOptions } from './scenario.ts';

const cli = fileURLToPath(new URL('../../../core/cli/main.ts', import.meta.url));
const root = fileURLToPath(new URL('../../..', import.meta.url));

/** SIGTERM to a real `tds start` at a random moment of its work; another one is started, and goes on. */
export async function terminate(scope: TestScope, { seed, rounds, timings, say }: ScenarioOptions): Promise<Outcome> {
  const world = await openWorld(scope, { seed, pageMs: 20, ...(timings ? { timings } : {}) });
  // Loaded while the one before still works.
  const start = (): Child => new Child(scope, process.execPath, [cli, 'start', '--json', '--config', world.file], { cwd: root, env: world.env({ TDS_PORT: '0' }) });
  const load = startLoad(world);
  const exits: number[] = [];
  const faults: string[] = [];
  let busy = 0;
  for (let round = 0; round < rounds && faults.length === 0; round++) {
    const node = start();
    await node.said(/"type":"started"/);
    await load.resumes();
    await pause(world.random.between(0, 300));
    if ((await world.pool.query(`select from graphile_worker._private_jobs where locked_at is not null`)).rows.length > 0) busy += 1;
    const told = performance.now();
    node.process.kill('SIGTERM');
    const { code, signal } = await node.ended;
    exits.push(performance.now() - told);
    const fault = (what: string): void => void faults.push(`seed ${seed}, round ${round}: ${what}: ${node.output.slice(-1500)}`);
    if (code !== 0) fault(`it ended with code ${code}, signal ${signal}`);
    if (!timings && (exits.at(-1) ?? 0) > 10_000) fault(`it took ${Math.round(exits.at(-1) ?? 0)} ms to end`);
    const { rows } = await world.pool.query(`select 'job', id::text from graphile_worker._private_jobs where locked_at is not null union all select 'queue', queue_name from graphile_worker._private_job_queues where locked_at is not null
      union all select 'node', node_id from tds.nodes`);
    if (rows.length > 0) fault(`it left behind ${JSON.stringify(rows)}`);
    if ((round + 1) % 10 === 0) say(`${round + 1} stops: ${spread(exits)}`);
  }
  const last = world.node();
  await last.ready();
  await load.end();
  faults.push(...(await world.faults('full')).map((fault) => `seed ${seed}, at the end: ${fault}`));
  return { figures: { 'stops': rounds, 'in the middle of a run': busy, 'to the exit': spread(exits), 'code 0': exits.length, 'locked rows left': 0 }, faults };
}
