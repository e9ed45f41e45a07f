import { setTimeout as pause } from 'node:timers/promises';
import { createPool } from '../../../core/store/pool.ts';
import { startBlackHole } from '../../support/black-hole.ts';
import { startLoad } from '../../support/chaos/load.ts';
import { ownServer } from '../../support/chaos/own-server.ts';
import { standbyOf } from '../../support/chaos/standby.ts';
import { openWorld } from '../../support/chaos/world.ts';
import type { TestScope } from '../../support/database.ts';
import { until } from '../../support/processes.ts';
import { spread, type Outcome, type ScenarioOptions } from './scenario.ts';

/**
 * The database fails over to a standby while a node works, behind an address that moves with it. First the address leads to the standby by
 * mistake while that only follows, and back again; then the primary dies, the address moves, and after a while the standby is promoted.
 * `rounds`: times, each with servers of its own.
 */
export async function failOver(scope: TestScope, { seed, rounds, timings, say }: ScenarioOptions): Promise<Outcome> {
  const told: Record<'read only' | 'gone', number[]> = { 'read only': [], 'gone': [] };
  const resumed: Record<'mistake mended' | 'promoted', number[]> = { 'mistake mended': [], 'promoted': [] };
  const reasons = new Set<string>();
  const faults: string[] = [];
  for (let round = 0; round < rounds; round++) {
    const primary = await ownServer(scope);
    const standby = await standbyOf(scope, primary);
    const proxy = await startBlackHole(scope, { host: '127.0.0.1', port: primary.port });
    const url = proxy.through(primary.url);
    const pool = createPool({ url, schema: 'tds', max: 5, connectTimeout: 3_000, applicationName: 'tds test' });
    scope.teardown(() => pool.end());
    const world = await openWorld(scope, { seed: seed + round, database: { url, pool }, ...(timings ? { timings } : {}) });
    const node = await world.node().ready();
    const load = startLoad(world);
    await load.resumes();
    const leadTo = (port: number): void => {
      proxy.lead({ host: '127.0.0.1', port });
      proxy.cut();
    };
    const isReady = async (): Promise<boolean> => {
      const health = await node.health();
      for (const reason of health.reasons) reasons.add(reason.replace(/:\d+/, ''));
      return health.ready;
    };
    const timed = async (times: number[], what: string, isSo: () => Promise<boolean>): Promise<void> => {
      const began = performance.now();
      await until(what, isSo);
      times.push(performance.now() - began);
    };
    await pause(world.random.between(0, 300));
    leadTo(standby.port);
    await timed(told['read only'], 'it says that it is not ready', async () => !await isReady());
    await pause(world.random.between(0, (timings?.deadMs ?? 5_000) * 1.2));
    await isReady();
    proxy.lead({ host: '127.0.0.1', port: primary.port }); // the connections to the standby stay, and answer
    resumed['mistake mended'].push(await load.resumes());
    await until('it says that it is ready', isReady);

    await pause(world.random.between(0, 300));
    await primary.stop();
    await timed(told.gone, 'it says that it is not ready', async () => !await isReady());
    leadTo(standby.port);
    await pause(world.random.between(200, (timings?.deadMs ?? 5_000) * 1.2));
    await isReady();
    await standby.promote();
    resumed.promoted.push(await load.resumes());
    await until('it says that it is ready', isReady);
    await load.end();
    if (node.over) faults.push(`seed ${seed}, round ${round}: the process ended: ${node.output.slice(-2000)}`);
    faults.push(...(await world.faults('full')).map((fault) => `seed ${seed}, round ${round}: ${fault}`));
    say(`${round + 1} times: work resumes ${spread(resumed.promoted)} after the standby was promoted, ${spread(resumed['mistake mended'])} after a mistake`);
  }
  const longest = Math.max(...Object.values(resumed).flat());
  if (!timings && longest > 15_000) faults.push(`seed ${seed}: work resumed after ${Math.round(longest)} ms; 15 s are allowed`);
  return {
    figures: {
      'fail-overs': rounds, 'process exits': 0, 'read only: not ready is told': spread(told['read only']), 'gone: not ready is told': spread(told.gone),
      'back at the primary: work resumes': spread(resumed['mistake mended']), 'promoted: work resumes': spread(resumed.promoted), 'what it says': [...reasons].join('; '),
    }, faults,
  };
}
