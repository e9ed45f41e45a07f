/** One large list, shared by two nodes while the shop works on: each page is asked for once, and the table equals the source. */
import t from 'tap';
import { fileURLToPath } from 'node:url';
import { Child, until } from '../support/processes.ts';
import { openShop, shopConnections, type Shop } from '../support/shop.ts';
import { decimal, moment, text } from '../support/shop-truth.ts';

const script = fileURLToPath(new URL('../support/shop-node.ts', import.meta.url));
const items = 10_600;
const config = `${shopConnections}
policies: { sync: { concurrency: 1 } }
entities:
  products:
    from: { connection: inventory, stream: items }
    to: { connection: erp, table: products }
    key: item_id
    details: never
    fields: { item_id: item_id, name: name, rate: { from: rate, type: "numeric(18,4)" }, modified_at: { from: last_modified_time, type: timestamptz } }
`;

const openLarge = (t: Parameters<typeof openShop>[0]): Promise<Shop> => openShop(t, { config, role: 'client', sandbox: { scale: 'none', items, latency: 15 } });

async function startNodes(t: Parameters<typeof openShop>[0], shop: Shop, names: readonly string[]): Promise<Child[]> {
  const { PATH = '', HOME = '' } = process.env;
  const nodes = names.map((name) => new Child(t, process.execPath, [script, shop.file, name], { env: { PATH, HOME, ...shop.env } }));
  await Promise.all(nodes.map((node) => node.said(/^ready$/m)));
  return nodes;
}

const pagesOf = (shop: Shop): URLSearchParams[] => shop.sandbox.calls.entries.filter(({ path }) => path.endsWith('/items')).map(({ query }) => new URLSearchParams(query));

/** Ids of records whose row is not what the source has. */
async function differences(shop: Shop): Promise<string[]> {
  const rowOf = (record: Record<string, unknown>): string => JSON.stringify([text('name')(record), decimal('rate', 4)(record), moment('last_modified_time')(record)]);
  const wanted = new Map([...shop.sandbox.store.records('items')].map(({ record }) => [String(record['item_id']), rowOf(record)]));
  const rows = await shop.rows('SELECT item_id, name, rate, modified_at FROM erp.products WHERE deleted_at IS NULL');
  const found = new Map(rows.map(({ item_id: id, name, rate, modified_at: modified }) => [String(id), JSON.stringify([name, rate, modified])]));
  return [...new Set([...wanted.keys(), ...found.keys()])].filter((id) => wanted.get(id) !== found.get(id));
}

t.test('two nodes share the read of one list', async (t) => {
  const shop = await openLarge(t);
  await startNodes(t, shop, ['one', 'two']);
  const [run] = await shop.sync(['products']);
  t.match(run, { status: 'succeeded', new: items, read: items, partOf: null }, 'each record once');
  const parts = await shop.runtime.operations.runs({ partOf: run?.id ?? '', limit: 10, sort: 'oldest' });
  t.match(parts, [{ mode: 'part', status: 'succeeded', attempts: 1 }, { mode: 'part', status: 'succeeded', attempts: 1 }]);
  t.same(parts.map(({ node }) => node).sort(), ['one', 'two'], 'a part on each');
  t.ok(parts.every(({ read }) => read > items / 4), `halves: ${parts.map(({ read }) => read).join(' and ')}`);
  t.ok(pagesOf(shop).length <= items / 200 + 15, `${pagesOf(shop).length} calls for ${items / 200} pages`);
  t.same(await differences(shop), []);
  t.same(await shop.rows(`SELECT run_id FROM tds.job_history WHERE outcome = 'done' AND run_id IS NOT NULL GROUP BY run_id HAVING count(*) > 1`), [], 'nothing was ended twice');

  await t.test('and what changed and went meanwhile is found by it', async (t) => {
    const { store } = shop.sandbox;
    const ids = [...store.ids('items')];
    for (const id of ids.slice(100, 140)) store.edit('items', id);
    for (const id of ids.slice(200, 203)) store.delete('items', id);
    const [again] = await shop.sync(['products']);
    t.match(again, { status: 'succeeded', new: 0, changed: 40, deleted: 3 });
    t.equal((await shop.runtime.operations.runs({ partOf: again?.id ?? '', limit: 10 })).length, 2);
    t.same(await differences(shop), []);
    const [quick] = await shop.sync(['products'], 'incremental');
    t.match(quick, { status: 'succeeded', changed: 0, calls: 1 }, 'the next one goes on from where all of it ended');
  });
});

t.test('a node that is killed in the middle of its part leaves it to the other, while the shop works on', async (t) => {
  const shop = await openLarge(t);
  const [one] = await startNodes(t, shop, ['one', 'two']);
  const { store } = shop.sandbox;
  const ids = [...store.ids('items')];
  const asked = shop.sync(['products']);
  const partOfOne = async (): Promise<number> => Number((await shop.rows(`SELECT coalesce(max(read), 0) AS n FROM tds.runs WHERE part_of IS NOT NULL AND node = 'one' AND status = 'running'`))[0]?.['n']);
  await until('one is in the middle of its part', async () => {
    // edits move records from what is still to be read to the end of the list
    const id = ids[Math.floor(Math.random() * ids.length)];
    if (id !== undefined) store.edit('items', id);
    return await partOfOne() > 600;
  });
  one?.process.kill('SIGKILL');
  const [run] = await asked;
  t.match(run, { status: 'succeeded' });
  const parts = await shop.runtime.operations.runs({ partOf: run?.id ?? '', limit: 10 });
  t.same(parts.map(({ status, node }) => [status, node]), [['succeeded', 'two'], ['succeeded', 'two']]);
  t.ok(parts.some(({ attempts }) => attempts === 2), 'one of them was taken up');
  t.same(await differences(shop), []);
  t.same(await shop.rows('SELECT key FROM tds.records GROUP BY key HAVING count(*) > 1'), []);
  t.same(await shop.rows('SELECT run_id FROM tds.run_seen'), []);
});
