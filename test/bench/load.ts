/** First load and unchanged second sync against the floor and the rival, all of the same rows, by turns. */
import path from 'node:path';
import type { Bench } from './bench.ts';
import { sinceText } from './cpu.ts';
import { ask, withClient } from './database.ts';
import { prepareFloor, psqlVersion, runFloor } from './floor.ts';
import { startRuntime, startSandbox, type Sandbox, type SyncResult } from './processes.ts';
import { megabytes, percent, seconds, whole } from './report.ts';
import { runRival } from './rival.ts';

const wantedShare = 0.7;
const wantedUnchanged = 2;

interface Second { seconds: number; written: number; wal: number; peak: number }

/** Measures everything for a source of so many items. Each side's best round counts: what others do on the machine can only slow one down. */
export async function measureLoad(bench: Bench, items: number, rounds: number): Promise<void> {
  const { server, report } = bench;
  const sandbox = await startSandbox(items);
  try {
    // The rows of the floor are those that TDS itself makes; the sandbox is warm from then on.
    const seed = await server.create('seed');
    await loadOnce(bench, sandbox, seed);
    const floor = await prepareFloor(seed, path.join(bench.directory, `floor-${items}`));
    if (floor.rows !== items) throw new Error(`the first load brought ${floor.rows} of ${items} rows`);
    await withClient(seed, (client) => client.query('TRUNCATE tds.records, erp.products'));
    const usePsql = (await psqlVersion()) !== undefined;
    const best = { floor: Infinity, load: Infinity, rival: Infinity, second: Infinity };
    let worstSecond: Second = { seconds: 0, written: 0, wal: 0, peak: 0 };
    for (let round = 0; round < rounds; round += 1) {
      best.floor = Math.min(best.floor, await timed(bench, sandbox, 'floor', async () => runFloor(floor, await server.create('floor', 'seed'), usePsql)));
      await server.drop('floor');
      const url = await server.create('load');
      const { first, second } = await loadOnce(bench, sandbox, url, true);
      best.load = Math.min(best.load, first.seconds);
      best.second = Math.min(best.second, second.seconds);
      worstSecond = { ...second, written: Math.max(worstSecond.written, second.written), wal: Math.max(worstSecond.wal, second.wal) };
      await server.drop('load');
      best.rival = Math.min(best.rival, await timed(bench, sandbox, 'rival', async () => runRival(sandbox, await server.create('rival', 'seed'))));
      await server.drop('rival');
    }
    const rate = { floor: items / best.floor, load: items / best.load, rival: items / best.rival, second: items / best.second };
    const size = whole(items);
    report.add({ part: 'load', name: `floor, ${size} rows`, value: `${whole(rate.floor)} rows/s`, figures: { items, rowsPerSecond: rate.floor, by: usePsql ? 'psql' : 'pg-copy-streams' } });
    report.add({
      part: 'load', name: `first load, ${size} items`, value: `${whole(rate.load)} rows/s, ${percent(rate.load / rate.floor)} of the floor`, target: `≥ ${percent(wantedShare)}`, met: rate.load / rate.floor >= wantedShare,
      figures: { items, rowsPerSecond: rate.load, share: rate.load / rate.floor },
    });
    report.add({ part: 'load', name: `rival, one statement per page, ${size}`, value: `${whole(rate.rival)} rows/s, ${percent(rate.rival / rate.floor)} of the floor`, figures: { items, rowsPerSecond: rate.rival, share: rate.rival / rate.floor } });
    report.add({
      part: 'load', name: `unchanged second sync, ${size}`, value: `${whole(rate.second)} rows/s, ${(rate.second / rate.load).toFixed(1)} × the first`, target: `≥ ${wantedUnchanged} ×`, met: rate.second / rate.load >= wantedUnchanged,
      figures: { items, rowsPerSecond: rate.second, factor: rate.second / rate.load },
    });
    report.add({
      part: 'load', name: `  rows that it wrote, ${size}`, value: `${worstSecond.written}, with ${megabytes(worstSecond.wal)} of WAL`, target: '0', met: worstSecond.written === 0,
      figures: { items, written: worstSecond.written, walBytes: worstSecond.wal },
    });
  } finally {
    await sandbox.stop();
    await server.drop('seed');
  }
}

async function loadOnce(bench: Bench, sandbox: Sandbox, url: string, again = false): Promise<{ first: SyncResult; second: Second }> {
  const runtime = await startRuntime({ url, sandbox, directory: path.join(bench.directory, 'data') });
  try {
    const first = await timed(bench, sandbox, 'first load', () => runtime.sync('full'));
    if (!again) return { first, second: { seconds: 0, written: 0, wal: 0, peak: 0 } };
    const before = await ask<{ xid: string; lsn: string }>(url, `SELECT pg_current_xact_id()::xid::text AS xid, pg_current_wal_lsn()::text AS lsn`);
    const second = await timed(bench, sandbox, 'second sync', () => runtime.sync('full'));
    const after = await ask<{ written: string; wal: string }>(url, `
      SELECT (SELECT count(*) FROM tds.records WHERE age(xmin) < age($1::xid)) + (SELECT count(*) FROM erp.products WHERE age(xmin) < age($1::xid)) AS written,
             pg_wal_lsn_diff(pg_current_wal_lsn(), $2::pg_lsn) AS wal`, [before.xid, before.lsn]);
    return { first, second: { seconds: second.seconds, peak: second.peak, written: Number(after.written), wal: Number(after.wal) } };
  } finally {
    await runtime.stop();
  }
}

/** Runs a piece of work and tells what it cost each process. */
async function timed<T extends number | SyncResult>(bench: Bench, sandbox: Sandbox, name: string, work: () => Promise<T>): Promise<T> {
  const before = [bench.server.cpu(), sandbox.cpu()] as const;
  const result = await work();
  const [database, source] = [sinceText(before[0], bench.server.cpu()), sinceText(before[1], sandbox.cpu())];
  const [took, own] = typeof result === 'number' ? [result, ''] : [result.seconds, `, TDS ${result.cpu.toFixed(2)}`];
  bench.report.say(`${name.padEnd(12)} ${seconds(took)}; CPU seconds: PostgreSQL ${database}, sandbox ${source}${own}`);
  return result;
}
