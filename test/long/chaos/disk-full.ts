import { execFile } from 'node:child_process';
import { mkdtemp, rm, statfs, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { startLoad } from '../../support/chaos/load.ts';
import { ownServer, type OwnServer } from '../../support/chaos/own-server.ts';
import { openWorld } from '../../support/chaos/world.ts';
import type { TestScope } from '../../support/database.ts';
import { until } from '../../support/processes.ts';
import { spread, type Outcome, type ScenarioOptions } from './scenario.ts';

const run = promisify(execFile);

/** A database that refuses writes: told to (`read only`), and with its disk really full where this process may mount one. */
export async function fillDisk(scope: TestScope, options: ScenarioOptions): Promise<Outcome> {
  const readOnly = await refuseWrites(scope, options, 'read only', await ownServer(scope), async (server) => {
    const set = async (value: string): Promise<void> => {
      await server.pool.query(`set default_transaction_read_only = off`);
      await server.pool.query(`alter system set default_transaction_read_only = ${value}`);
      await server.pool.query('select pg_reload_conf()');
    };
    await set('on');
    return () => set('off');
  });
  const place = await smallDisk(scope);
  if (place === undefined) return { ...readOnly, figures: { ...readOnly.figures, 'disk full': 'skipped: a small disk can be mounted by root on Linux alone' } };
  const full = await refuseWrites(scope, options, 'disk full', await ownServer(scope, join(place, 'postgres')), async () => {
    const ballast = join(place, 'ballast');
    const { bavail, bsize } = await statfs(place);
    await writeFile(ballast, Buffer.alloc(bavail * bsize)).catch(() => {});
    return () => rm(ballast);
  });
  return { figures: { ...readOnly.figures, ...full.figures }, faults: [...readOnly.faults, ...full.faults] };
}

async function refuseWrites(scope: TestScope, { seed, rounds, timings, say }: ScenarioOptions, name: string, server: OwnServer, refuse: (server: OwnServer) => Promise<() => Promise<void>>): Promise<Outcome> {
  const world = await openWorld(scope, { seed, database: server, ...(timings ? { timings } : {}) });
  const node = await world.node().ready();
  const load = startLoad(world);
  await load.resumes();
  const told: number[] = [];
  const resumed: number[] = [];
  const reasons = new Set<string>();
  for (let round = 0; round < rounds; round++) {
    const began = performance.now();
    const allow = await refuse(server);
    await until(`${name}: it says that it is not ready`, async () => {
      const health = await node.health();
      for (const reason of health.reasons) reasons.add(reason);
      return !health.ready;
    });
    told.push(performance.now() - began);
    await allow();
    resumed.push(await load.resumes());
    await until('it says that it is ready', async () => (await node.health()).ready);
    if (node.over) return { figures: {}, faults: [`${name}: the process ended: ${node.output.slice(-2000)}`] };
    say(`${name}: told after ${spread(told)}, work resumes ${spread(resumed)}`);
  }
  await load.end();
  return {
    figures: { [`${name}: process exits`]: 0, [`${name}: not ready is told`]: spread(told), [`${name}: work resumes`]: spread(resumed), [`${name}: what it says`]: [...reasons].join('; ') },
    faults: (await world.faults('full')).map((fault) => `seed ${seed}, ${name}: ${fault}`),
  };
}

/** A disk of 300 MB in memory; undefined where none can be mounted. */
async function smallDisk(scope: TestScope): Promise<string | undefined> {
  const place = await mkdtemp(join(tmpdir(), 'tds-chaos-disk-'));
  try {
    await run('mount', ['-t', 'tmpfs', '-o', 'size=300m,mode=0777', 'tmpfs', place]);
  } catch {
    await rm(place, { recursive: true });
    return undefined;
  }
  scope.teardown(async () => {
    await run('umount', ['-l', place]);
    await rm(place, { recursive: true, force: true });
  });
  return place;
}
