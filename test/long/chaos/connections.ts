import { setTimeout as pause } from 'node:timers/promises';
import { startLoad } from '../../support/chaos/load.ts';
import { openWorld } from '../../support/chaos/world.ts';
import { testDatabase, type TestScope } from '../../support/database.ts';
import { until } from '../../support/processes.ts';
import { spread, type Outcome, type ScenarioOptions } from './scenario.ts';

/** What a role has while others have used the connections up: none, or a single one for all that a process wants at once. */
const leftOver = [0, 1] as const;
const enough = 60;

/** All connections break, and the server has none left ("too many connections", 53300) for a while, under load. */
export async function useUpConnections(scope: TestScope, { seed, rounds, timings, say }: ScenarioOptions): Promise<Outcome> {
  const database = await testDatabase(scope);
  const role = `${database.name}_role`;
  const { pool } = database;
  // Limits hold for nobody who signs in as a superuser.
  const { rows: [owner] } = await pool.query<{ name: string }>('select current_user as name');
  await pool.query(`create role ${role} login password 'secret' connection limit ${enough} in role ${owner?.name}; alter role ${role} set role = ${owner?.name}`);
  scope.teardown(async () => void await pool.query(`drop role ${role}`));
  const url = new URL(database.url);
  [url.username, url.password] = [role, 'secret'];
  const world = await openWorld(scope, { seed, database, ...(timings ? { timings } : {}) });
  const node = await world.node({ url: url.href }).ready();
  const load = startLoad(world);
  await load.resumes();
  const told: number[] = [];
  const resumed: number[] = [];
  const reasons = new Set<string>();
  for (let round = 0; round < rounds; round++) {
    const began = performance.now();
    await pool.query(`alter role ${role} connection limit ${leftOver[round % 2]}`);
    await pool.query('select pg_terminate_backend(pid) from pg_stat_activity where usename = $1', [role]);
    const ask = async (): Promise<{ ready: boolean; reasons: string[] }> => {
      const health = await node.health();
      for (const reason of health.reasons) reasons.add(reason.replace(role, 'the role'));
      return health;
    };
    await until('it says that it is not ready', async () => !(await ask()).ready);
    told.push(performance.now() - began);
    if (leftOver[round % 2] === 0) await until('it says why', async () => (await ask()).reasons.some((reason) => reason.includes('no connection left')));
    await pause(world.random.between(0, (timings?.deadMs ?? 5_000) * 1.4));
    await pool.query(`alter role ${role} connection limit ${enough}`);
    resumed.push(await load.resumes());
    await until('it says that it is ready', async () => (await node.health()).ready);
    if (node.over) return { figures: { rounds: round }, faults: [`seed ${seed}, round ${round}: the process ended: ${node.output.slice(-2000)}`] };
    say(`${round + 1} times: work resumes ${spread(resumed)} after there are connections again`);
  }
  await load.end();
  node.process.kill('SIGTERM');
  await node.ended;
  const faults = (await world.faults('full')).map((fault) => `seed ${seed}: ${fault}`);
  if (!timings && Math.max(...resumed) > 15_000) faults.push(`seed ${seed}: work resumed after ${Math.round(Math.max(...resumed))} ms; 15 s are allowed`);
  return { figures: { 'times without connections': rounds, 'process exits': 0, 'not ready is told': spread(told), 'work resumes': spread(resumed), 'what it says': [...reasons].join('; ') }, faults };
}
