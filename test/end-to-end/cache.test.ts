/** Several entities of one stream want the same details: they are asked for once, and every row is right all the same. */
import t from 'tap';
import { Redis } from 'ioredis';
import { startRedis } from '../support/redis.ts';
import { openShop, shopConnections, type Shop } from '../support/shop.ts';

type Scope = Parameters<typeof openShop>[0];

/** Five views of the contacts: all of them, customers, their addresses, their credit, vendors. Each needs what only the detail has. */
const view = (id: string, stream: string, field: string): string => `  ${id}:
    from: { connection: books, stream: ${stream} }
    to: { connection: erp, table: ${id} }
    key: contact_id
    fields: { contact_id: contact_id, name: contact_name, modified_at: { from: last_modified_time, type: timestamptz }, extra: ${field} }
`;
const entities = `entities:\n${view('contacts', 'contacts', 'notes')}${view('customers', 'customers', 'notes')}${view('addresses', 'customers', 'billing_address.city')}${view('credit', 'customers', 'credit_limit')}${view('vendors', 'vendors', 'notes')}`;
const world = { scale: 'small', customers: 40, vendors: 5, daysOfOrders: 1 } as const;

interface Views extends Shop { edited: string[] }

async function openViews(scope: Scope, enabled: boolean): Promise<Views> {
  const shop = await openShop(scope, { config: `${shopConnections.replace("    retry: &retry", `    cache: { enabled: ${enabled} }\n    retry: &retry`)}${entities}`, sandbox: world });
  return { ...shop, edited: [] };
}

const callsOf = (shop: Shop): number => shop.sandbox.calls.entries.filter(({ path }) => path.startsWith('/books')).length;

/** A full sync, then an hour in which a tenth of the contacts change, then an incremental one. Answers the calls of it all. */
async function detailHeavy(shop: Views): Promise<number> {
  await shop.sync('all');
  const ids = (await shop.rows('SELECT contact_id FROM erp.contacts ORDER BY 1')).map((row) => String(row['contact_id']));
  shop.edited.push(...ids.filter((_, index) => index % 10 === 0));
  for (const id of shop.edited) shop.sandbox.store.edit('contacts', id, { notes: `edited ${id}`, contact_name: `edited ${id}` });
  await shop.sync('all', 'incremental');
  return callsOf(shop);
}

void t.test('the detail-heavy scenario costs at least 60 % fewer calls with the cache, and ends with the same rows', async (t) => {
  const [plain, cached] = await Promise.all([openViews(t, false), openViews(t, true)]);
  const [without, withCache] = await Promise.all([detailHeavy(plain), detailHeavy(cached)]);
  const saved = 1 - withCache / without;
  t.comment(`detail-heavy scenario: ${without} calls without the cache, ${withCache} with it: ${(saved * 100).toFixed(1)} % fewer`);
  t.ok(saved >= 0.6, `${(saved * 100).toFixed(1)} % fewer calls`);
  for (const table of ['contacts', 'customers', 'addresses', 'credit', 'vendors']) {
    const rows = (shop: Shop): Promise<unknown> => shop.rows(`SELECT * FROM erp.${table} ORDER BY 1`);
    const [one, other] = [await rows(plain), await rows(cached)] as [Record<string, string>[], Record<string, string>[]];
    t.ok(one.length > 2);
    t.equal(other.length, one.length, table);
  }
  for (const [table, field] of [['contacts', 'extra'], ['customers', 'extra'], ['addresses', 'name'], ['credit', 'name'], ['vendors', 'extra']] as const) {
    const edited = await cached.rows(`SELECT contact_id, ${field} AS value FROM erp.${table} WHERE contact_id = ANY($1)`, [cached.edited]);
    t.ok(edited.length > 0, `${table} holds edited ones`);
    t.same(edited.filter(({ contact_id: id, value }) => value !== `edited ${id}`), [], `${table}: an edit within the time that a record is kept is not missed`);
  }
  const [status] = await cached.runtime.operations.connections();
  t.match(status?.remote['cache'], { hits: Number, misses: Number });
});

void t.test('with REDIS_URL details are kept in Redis, for all nodes; without its answer all goes on, and its password is in no log', async (t) => {
  const redis = await startRedis(t, 'planted-redis-password');
  if (!redis) return void t.comment('NOT RUN: there is no redis-server on this machine (Debian: apt-get install redis-server)');
  const config = `${shopConnections}entities:\n${view('customers', 'customers', 'notes')}${view('addresses', 'customers', 'billing_address.city')}`;
  const shop = await openShop(t, { config, sandbox: { scale: 'small', customers: 10, vendors: 1, daysOfOrders: 1 }, env: { REDIS_URL: redis.url }, level: 'debug' });
  await shop.sync(['customers']);
  const before = callsOf(shop);
  await shop.sync(['addresses']);
  const details = (await shop.rows('SELECT 1 FROM erp.addresses')).length;
  t.ok(details >= 10);
  t.ok(callsOf(shop) - before >= details, 'a list that was read later may tell of more, so nothing from before it is served');
  const client = new Redis(redis.url);
  client.on('error', () => {}); // it will be stopped
  t.teardown(() => client.disconnect());
  const names = await client.keys('tds:cache:*');
  t.equal(names.filter((name) => name.includes(':books:contacts/')).length, details);
  t.ok(await client.pttl(names[0] ?? '') > 0, 'it ends by itself');
  await redis.stop();
  t.same((await shop.sync(['customers'])).map(({ status }) => status), ['succeeded'], 'without it all goes on');
  t.notMatch(shop.lines.join(''), /planted-redis-password/);
});
