import { spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { testDatabase } from '../../support/database.ts';
import { openShop, quickSample } from '../../support/shop.ts';
import { allDifferences } from '../../support/shop-truth.ts';

const entities = ['products', 'customers', 'invoices', 'taxes'];

/** Dumps a TDS that has synced with the real `pg_dump`, restores it with `pg_restore`, and lets it go on there. Answers what is wrong; undefined: it was not tried, and `say` has told why. */
export async function dumpAndGoOn(url: string, major: number, say: (line: string) => void): Promise<string[] | undefined> {
  const version = Number(/(\d+)/.exec(spawnSync('pg_dump', ['--version'], { encoding: 'utf8' }).stdout ?? '')?.[1] ?? 0);
  if (version < major) {
    say(`NOT RUN: pg_dump ${version === 0 ? 'is not here' : `${version} does not dump PostgreSQL ${major}`}`);
    return undefined;
  }
  const endings: (() => unknown)[] = [];
  const scope = { teardown: (action: () => unknown) => endings.push(action) };
  const folder = await mkdtemp(join(tmpdir(), 'tds-dump-'));
  scope.teardown(() => rm(folder, { recursive: true, force: true }));
  try {
    const shop = await openShop(scope, { database: await testDatabase(scope, { server: url }), config: await quickSample(), sandbox: { customers: 20, items: 150, daysOfOrders: 1 } });
    await shop.sync(entities);
    const file = join(folder, 'dump');
    const other = await testDatabase(scope, { migrated: false, server: url });
    for (const [program, args] of [['pg_dump', ['--format=custom', `--file=${file}`, `--dbname=${shop.database.url}`]], ['pg_restore', ['--exit-on-error', '--no-owner', `--dbname=${other.url}`, file]]] as const) {
      const { status, stderr } = spawnSync(program, args, { encoding: 'utf8' });
      if (status !== 0) return [`${program} ended with ${status}: ${stderr.slice(0, 500)}`];
    }
    for (const id of [...shop.sandbox.store.ids('contacts')].slice(0, 5)) shop.sandbox.store.edit('contacts', id);
    const next = await openShop(scope, { of: shop, database: other, config: await quickSample() });
    const runs = await next.sync(entities, 'incremental');
    const faults = [...runs.filter(({ status, mode }) => status !== 'succeeded' || mode !== 'incremental').map(({ entity, status, reason }) => `${entity} ${status}: ${reason}`), ...await allDifferences(next, [...entities, 'invoice_lines'])];
    if (faults.length === 0) say(`passed  a dump by pg_dump ${version} restores, and goes on where it was`);
    return faults;
  } finally {
    for (const ending of endings.toReversed()) await Promise.resolve(ending()).catch(() => undefined);
  }
}
