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

/** Makes the server refuse writes; resolves with what makes it take them again. */
type Refuse = (server: OwnServer) => Promise<() => Promise<void>>;

/** A database that refuses writes: told to (`read only`), and with its disk really full where this process may mount one. `rounds`: of each. */
export async function fillDisk(scope: TestScope, { seed, rounds, timings, say }: ScenarioOptions): Promise<Outcome> {
  const place = await smallDisk(scope);
  const server = await ownServer(scope, place && join(place, 'postgres'));
  const world = await openWorld(scope, { seed, database: server, ...(timings ? { timings } : {}) });
  const node = await world.node().ready();
  const load = startLoad(world);
  await load.resumes();
  const figures: Outcome['figures'] = { 'process exits': 0 };
  const ways: [string, Refuse][] = [['read only', readOnly], ...(place ? [['disk full', (own) => fullDisk(own, place)] as [string, Refuse]] : [])];
  for (const [name, refuse] of ways) {
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
    Object.assign(figures, { [`${name}: not ready is told`]: spread(told), [`${name}: work resumes`]: spread(resumed), [`${name}: what it says`]: [...reasons].join('; ') });
  }
  if (!place) figures['disk full'] = 'skipped: a small disk can be mounted by root on Linux alone';
  await load.end();
  return { figures, faults: (await world.faults('full')).map((fault) => `seed ${seed}: ${fault}`) };
}

async function readOnly({ pool }: OwnServer): Promise<() => Promise<void>> {
  const set = async (value: string): Promise<void> => {
    await pool.query(`set default_transaction_read_only = off`);
    await pool.query(`alter system set default_transaction_read_only = ${value}`);
    await pool.query('select pg_reload_conf()');
  };
  await set('on');
  return () => set('off');
}

async function fullDisk({ pool }: OwnServer, place: string): Promise<() => Promise<void>> {
  const ballast = join(place, 'ballast');
  const { bavail, bsize } = await statfs(place);
  await writeFile(ballast, Buffer.alloc(bavail * bsize)).catch(() => {});
  // The log has some megabytes to go before it needs the disk: what the load would write in half a minute.
  for (let megabytes = 0; megabytes < 64; megabytes++) {
    const written = await pool.query(`select pg_logical_emit_message(true, 'ballast', repeat('x', 1000000))`).then(() => true, () => false);
    if (!written) break;
  }
  return () => rm(ballast);
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
