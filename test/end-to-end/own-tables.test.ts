/** Tables that belong to the user (`manage: false`): held against the mapping, filled, and never changed in their make. */
import t from 'tap';
import { isRowsFault } from '../../core/pipeline/refusals.ts';
import { openShop, shopConnections, type Shop } from '../support/shop.ts';

const config = `${shopConnections}
entities:
  items:
    from: { connection: inventory, stream: items }
    to: { connection: erp, table: public.artikel, manage: false }
    key: item_id
    fields: { item_id: { from: item_id, type: bigint }, name: name, price: { from: rate, type: "numeric(18,4)" }, active: { expr: "status = 'active'", type: boolean } }
    deletes: { mode: keep }
  bills:
    from: { connection: books, stream: bills }
    to: { connection: erp, table: bills }
    key: bill_id
    fields: { bill_id: bill_id }
    children:
      lines: { from: line_items, table: public.zeilen, manage: false, key: line_item_id, fields: { line_item_id: line_item_id, name: name } }
`;
const world = { scale: 'small', items: 40, customers: 5, vendors: 3, daysOfOrders: 0, counts: { bills: 4, purchaseorders: 4 } } as const;
const fitting = 'CREATE TABLE public.artikel (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, item_id bigint NOT NULL UNIQUE, name text, price numeric(18,4), active boolean, note text DEFAULT \'mine\', CHECK (price IS NULL OR price >= 0))';
const lines = 'CREATE TABLE public.zeilen (bill_id text, line_item_id text, name text, PRIMARY KEY (bill_id, line_item_id))';

async function open(t: { teardown(action: () => unknown): unknown }, ...statements: string[]): Promise<Shop> {
  const shop = await openShop(t as never, { config, sandbox: world });
  for (const statement of statements) await shop.database.pool.query(statement);
  return shop;
}

async function findings(shop: Shop): Promise<{ probe: string; code: string | undefined; message: string; ok: boolean }[]> {
  const found = [];
  for await (const { probe, code, message, ok } of shop.runtime.operations.check(['erp'], AbortSignal.timeout(120_000))) if (/artikel|zeilen/.test(probe)) found.push({ probe, code, message, ok });
  return found;
}

const makeOf = (shop: Shop): Promise<unknown> => shop.rows(
  `SELECT attrelid::regclass::text AS t, attname, format_type(atttypid, atttypmod) AS type, attnotnull FROM pg_attribute WHERE attrelid IN ('public.artikel'::regclass, 'public.zeilen'::regclass) AND attnum > 0 AND NOT attisdropped
   UNION ALL SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid), true FROM pg_constraint WHERE conrelid IN ('public.artikel'::regclass, 'public.zeilen'::regclass)
   UNION ALL SELECT indrelid::regclass::text, indexrelid::regclass::text, pg_get_indexdef(indexrelid), true FROM pg_index WHERE indrelid IN ('public.artikel'::regclass, 'public.zeilen'::regclass)
   UNION ALL SELECT c.oid::regclass::text, obj_description(c.oid), '', true FROM pg_class c WHERE c.oid IN ('public.artikel'::regclass, 'public.zeilen'::regclass) ORDER BY 1, 2, 3`);

void t.test('a table that fits takes the rows, and nothing of its make changes', async (t) => {
  const shop = await open(t, fitting, lines, 'INSERT INTO public.artikel (item_id, name) OVERRIDING SYSTEM VALUE VALUES (1, \'of the user\')');
  const before = await makeOf(shop);
  t.same((await findings(shop)).map(({ probe, ok }) => `${probe} ${ok}`), ['table public.artikel true', 'table public.zeilen true']);
  const runs = await shop.sync('all');
  t.same(runs.map((run) => `${run.status} ${run.reason}`), ['succeeded null', 'succeeded null']);
  t.same(await makeOf(shop), before);
  const rows = await shop.rows('SELECT item_id, price, note FROM public.artikel ORDER BY item_id');
  t.same(rows.map((row) => row['item_id']), ['1', ...shop.sandbox.store.ids('items')], 'the row of the user is still there');
  t.ok(rows.every((row) => row['note'] === 'mine'), 'a column that is not mapped keeps to its default');
  t.ok((await shop.rows('SELECT 1 FROM public.zeilen')).length >= 4);
});

void t.test('a table that is missing, or does not fit, is told by name, and no row is written', async (t) => {
  const cases: [string, string[], { probe: string; code: string; message: RegExp }[]][] = [
    ['no table', [], [{ probe: 'table public.artikel', code: 'table.missing', message: /no table public\.artikel/ }]],
    ['a column is missing, another has a near name', ['CREATE TABLE public.artikel (item_id bigint PRIMARY KEY, nmae text, active boolean)'], [
      { probe: 'table public.artikel.name', code: 'table.column_missing', message: /no column "name".*"nmae"/ }, { probe: 'table public.artikel.price', code: 'table.column_missing', message: /no column "price"/ }]],
    ['a column has a type that takes no such value', ['CREATE TABLE public.artikel (item_id bigint PRIMARY KEY, name text, price date, active boolean)'], [{ probe: 'table public.artikel.price', code: 'table.column_type', message: /price is date, the mapping says numeric/ }]],
    ['nothing makes a row unique', ['CREATE TABLE public.artikel (item_id bigint, name text, price numeric(18,4), active boolean)'], [{ probe: 'table public.artikel', code: 'table.no_unique_key', message: /unique key.*"item_id".*ADD UNIQUE/ }]],
    ['a column must be filled and is not mapped', ['CREATE TABLE public.artikel (item_id bigint PRIMARY KEY, name text, price numeric(18,4), active boolean, owner text NOT NULL)'], [{ probe: 'table public.artikel.owner', code: 'table.column_not_filled', message: /owner is NOT NULL/ }]],
  ];
  const shop = await open(t, lines);
  for (const [name, statements, expected] of cases) {
    await t.test(name, async (t) => {
      await shop.database.pool.query('DROP TABLE IF EXISTS public.artikel');
      for (const statement of statements) await shop.database.pool.query(statement);
      t.match((await findings(shop)).filter(({ ok }) => !ok), expected);
      const before = shop.sandbox.calls.total;
      const [run] = await shop.sync(['items']);
      t.match(run, { status: 'failed', code: 'table.misfit', attempts: 1, read: 0 });
      for (const { message } of expected) t.match(run?.reason, message);
      t.equal(shop.sandbox.calls.total, before, 'and not one call was spent on it');
      if (statements.length > 0) t.same(await shop.rows('SELECT 1 FROM public.artikel'), []);
    });
  }

  await t.test('once it is mended the same process goes on with it', async (t) => {
    await shop.database.pool.query('DROP TABLE public.artikel');
    await shop.database.pool.query(fitting);
    const [run] = await shop.sync(['items']);
    t.match(run, { status: 'succeeded', new: 40 });
  });

  await t.test('a child table of the user counts as well', async (t) => {
    await shop.database.pool.query('ALTER TABLE public.zeilen DROP COLUMN name');
    const [run] = await shop.sync(['bills']);
    t.match(run, { status: 'failed', code: 'table.misfit', reason: /zeilen has no column "name"/ });
  });
});

void t.test('a row that a constraint of the user refuses goes aside with the reason; the others land', async (t) => {
  const shop = await open(t, fitting, lines);
  const [bad] = [...shop.sandbox.store.ids('items')].slice(20);
  shop.sandbox.store.edit('items', bad as string, { rate: -5 });
  const [run] = await shop.sync(['items']);
  t.match(run, { status: 'succeeded', new: 39, refused: 1 });
  t.match(await shop.runtime.operations.deadLetters({ entity: 'items', limit: 10 }), [{ key: bad, code: 'destination.refused.23514', message: /artikel_price_check/ }]);
  shop.sandbox.store.edit('items', bad as string, { rate: 5 });
  await shop.sync(['items'], 'incremental');
  t.same((await shop.rows('SELECT price FROM public.artikel WHERE item_id = $1', [bad])), [{ price: '5.0000' }], 'mended at the source, it lands by itself');
  t.same(await shop.runtime.operations.deadLetters({ entity: 'items', status: 'open', limit: 10 }), []);
});

void t.test('a row that a trigger or a row security policy of the user refuses goes aside alone; a missing grant is no row\'s fault', async (t) => {
  const shop = await open(t, fitting, lines, `CREATE FUNCTION public.no_tests() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF new.name LIKE 'test%' THEN RAISE EXCEPTION 'no test items here'; END IF;
    IF new.name LIKE 'secret%' THEN RAISE EXCEPTION 'not for this table' USING ERRCODE = 'ERP07'; END IF;
    RETURN new; END $$`, 'CREATE TRIGGER no_tests BEFORE INSERT OR UPDATE ON public.artikel FOR EACH ROW EXECUTE FUNCTION public.no_tests()');
  const [one, other, foreign] = [...shop.sandbox.store.ids('items')].slice(10) as [string, string, string];
  shop.sandbox.store.edit('items', one, { name: 'test item' });
  shop.sandbox.store.edit('items', other, { name: 'secret item' });
  t.match((await shop.sync(['items']))[0], { status: 'succeeded', new: 38, refused: 2 });
  const letters = await shop.runtime.operations.deadLetters({ entity: 'items', status: 'open', limit: 10 });
  t.match(letters.sort((a, b) => (a.code < b.code ? 1 : -1)), [{ key: one, code: 'destination.refused.P0001', message: /no test items here/ }, { key: other, code: 'destination.refused.ERP07', message: /not for this table/ }]);
  t.match(letters[0]?.problems, [{ suggestion: /trigger/ }]);

  // The same code says both; the table's owner is bound by neither until the table forces it, and a superuser never is.
  const me = 'tds_of_the_test';
  const refusal = async (...statements: string[]): Promise<unknown> => {
    const client = await shop.database.pool.connect();
    try {
      for (const statement of ['BEGIN', `CREATE ROLE ${me}`, ...statements, `SET LOCAL ROLE ${me}`]) await client.query(statement);
      return await client.query(`INSERT INTO public.artikel (item_id, name) VALUES (${foreign}, 'x')`).catch((error: unknown) => error);
    } finally {
      await client.query('ROLLBACK');
      client.release();
    }
  };
  const policy = await refusal('ALTER TABLE public.artikel ENABLE ROW LEVEL SECURITY', `GRANT INSERT ON public.artikel TO ${me}`, 'CREATE POLICY ours ON public.artikel FOR INSERT WITH CHECK (item_id = 0)');
  const grant = await refusal();
  t.match([policy, grant], [{ code: '42501' }, { code: '42501' }]);
  t.same([isRowsFault(policy), isRowsFault(grant)], [true, false]);
});
