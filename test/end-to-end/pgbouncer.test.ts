/** TDS behind a real PgBouncer in session mode. */
import t from 'tap';
import { testDatabase } from '../support/database.ts';
import { findPgbouncer, startPgbouncer } from '../support/pgbouncer.ts';
import { openShop, quickSample } from '../support/shop.ts';
import { allDifferences } from '../support/shop-truth.ts';

const program = findPgbouncer();
const entities = ['products', 'customers', 'invoices', 'taxes'];

if (program === undefined) {
  process.stderr.write('NOT RUN: test/end-to-end/pgbouncer.test.ts needs PgBouncer (apt-get install pgbouncer).\n');
  t.pass('no PgBouncer on this machine', { skip: 'NOT RUN: there is no PgBouncer here; apt-get install pgbouncer' });
} else {
  t.test('two nodes behind PgBouncer in session mode migrate, sync and stop as they do without it', async (t) => {
    const database = await testDatabase(t, { migrated: false });
    // Somebody whose name is not that of TDS's schema: PostgreSQL looks in a schema of the user's own name by itself, and would hide a lost setting.
    const [role, url] = [`${database.name}_user`, new URL(database.url)];
    await database.pool.query(`CREATE ROLE ${role} LOGIN PASSWORD 'of the test'`);
    await database.pool.query(`GRANT CREATE, TEMPORARY ON DATABASE ${database.name} TO ${role}`);
    t.teardown(async () => database.pool.query(`DROP OWNED BY ${role} CASCADE`).then(() => database.pool.query(`DROP ROLE ${role}`)).catch(() => undefined));
    [url.username, url.password] = [role, 'of the test'];
    const bouncer = await startPgbouncer(t, program, url.href);
    const shop = await openShop(t, { config: await quickSample(), database, env: { TDS_DATABASE_URL: bouncer.url }, sandbox: { customers: 20, items: 120, daysOfOrders: 1 } });
    const other = await shop.another({ nodeId: 'other' });
    const runs = await shop.sync(entities);
    t.same(runs.filter(({ status }) => status !== 'succeeded').map(({ entity, reason }) => `${entity}: ${reason}`), []);
    t.same(await allDifferences(shop, [...entities, 'invoice_lines']), []);
    t.same((await shop.rows(`SELECT tablename FROM pg_tables WHERE schemaname = 'public'`)), [], 'nothing landed in another schema');
    const pools = await bouncer.show('POOLS');
    const ours = pools.find((pool) => pool['database'] === database.name);
    t.equal(ours?.['pool_mode'], 'session');
    t.ok(Number(ours?.['sv_active']) > 5, `everything goes through it: ${String(ours?.['sv_active'])} sessions`);
    const { rows } = await database.pool.query<{ n: number }>(`SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'tds%' AND application_name <> 'tds test'`);
    t.ok((rows[0]?.n ?? 0) > 5, 'sessions keep their names, by which the sweep finds those of the dead');
    await other.stop({ drainMs: 500 });
    await shop.runtime.stop({ drainMs: 500 });
    t.same(await shop.rows('SELECT node_id FROM tds.nodes'), [], 'both have left');
  });
}
