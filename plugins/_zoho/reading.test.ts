import t, { type Test } from 'tap';
import type { JsonObject } from 'tds/sdk';
import plugin from '../zoho-inventory/plugin.ts';
import { startFake, type FakeZoho } from './fake-list.ts';
import { idsOf, readAll, rigOf, settingsFor, type ReadOptions, type Rig } from './testing.ts';

const custom: JsonObject = { path: 'things', recordKey: 'things', idField: 'thing_id', modified: 'last_modified_time', created: 'created_time' };

async function start(t: Test, count: number, spacing?: number): Promise<{ fake: FakeZoho; rig: Rig; read: (options?: ReadOptions) => ReturnType<typeof readAll> }> {
  const fake = await startFake(count, spacing);
  t.teardown(() => fake.close());
  const rig = rigOf(plugin, settingsFor(fake));
  return { fake, rig, read: (options = {}) => readAll(rig.source, 'custom', { options: custom, ...options }) };
}

/** Every way in which a list may be read. */
const lists: { title: string; obeys: FakeZoho['obeys']; certain: boolean }[] = [
  { title: 'that obeys everything', obeys: { filter: true, modifiedSort: true, createdSort: true }, certain: true },
  { title: 'that ignores the filter', obeys: { filter: false, modifiedSort: true, createdSort: true }, certain: true },
  { title: 'that sorts by modified time alone', obeys: { filter: false, modifiedSort: true, createdSort: false }, certain: true },
  { title: 'that filters and sorts by creation', obeys: { filter: true, modifiedSort: false, createdSort: true }, certain: true },
  { title: 'that filters and sorts by nothing', obeys: { filter: true, modifiedSort: false, createdSort: false }, certain: false },
  { title: 'that takes the filter for an exact time', obeys: { filter: 'equal', modifiedSort: false, createdSort: true }, certain: true },
  { title: 'that obeys nothing', obeys: { filter: false, modifiedSort: false, createdSort: false }, certain: false },
];

for (const { title, obeys, certain } of lists) {
  t.test(`a list ${title}`, async (t) => {
    t.test('is read whole, resumes from each position, and finds what changed', async (t) => {
      const { fake, read } = await start(t, 1013);
      fake.obeys = obeys;
      const full = await read();
      const all = fake.records.map((record) => record.id).sort();
      t.same(idsOf(full.records, 'thing_id'), all);
      t.equal(full.records.length, all.length, 'and nothing twice');
      t.equal(full.end?.complete, certain, 'it claims to be complete only when certain');
      for (const [number, page] of full.pages.slice(0, -1).entries()) {
        const rest = await read({ position: page.position });
        const seen = full.pages.slice(0, number + 1).flatMap((one) => one.records);
        t.same(idsOf([...seen, ...rest.records], 'thing_id'), all, `after page ${number + 1}`);
      }
      for (const id of ['7', '500', '1013']) fake.edit(id);
      fake.clock += 60;
      fake.calls.length = 0;
      const changes = await read({ mode: 'incremental', cursor: full.end?.cursor });
      t.same(new Set(['7', '500', '1013']).difference(new Set(idsOf(changes.records, 'thing_id'))).size, 0);
      if (obeys.filter === true || obeys.modifiedSort) t.equal(fake.calls.length, 1, 'with one call');
      t.equal(changes.end?.complete, false);
    });

    t.test('loses no record that was there all the time while others are edited, made and deleted', async (t) => {
      const { fake, read } = await start(t, 1500);
      fake.obeys = obeys;
      let turn = 1;
      const touched = new Set<string>();
      const random = (): number => (turn = (turn * 48271) % 2147483647) / 2147483647;
      fake.before = () => {
        for (let n = 0; n < 12; n++) {
          fake.clock += 1;
          const id = fake.records[Math.floor(random() * fake.records.length)]?.id ?? '';
          touched.add(id);
          if (n % 3 === 0) fake.remove(id);
          else fake.edit(id);
        }
        fake.clock += 1;
        fake.records.push({ id: String(10_000 + turn % 100_000), created: fake.clock, modified: fake.clock, name: `new ${turn}` });
      };
      const full = await read();
      const seen = new Set(idsOf(full.records, 'thing_id'));
      const stayed = Array.from({ length: 1500 }, (_, n) => String(n + 1)).filter((id) => !touched.has(id));
      t.same(stayed.filter((id) => !seen.has(id)), []);
      fake.before = () => undefined;
      fake.clock += 60;
      const after = await read({ mode: 'incremental', cursor: full.end?.cursor });
      const known = new Map([...full.records, ...after.records].map((record) => [record.thing_id, record.last_modified_time]));
      t.same(fake.records.filter((record) => !known.has(record.id)).map((record) => record.id), [], 'and the next incremental read brings the rest');
    });

    t.test('loses nothing when 700 records share one second', async (t) => {
      const { fake, read } = await start(t, 1000);
      fake.obeys = obeys;
      for (const record of fake.records.slice(100, 800)) record.created = record.modified = (fake.records[100] as { created: number }).created;
      const full = await read();
      t.equal(idsOf(full.records, 'thing_id').length, 1000);
      t.equal(full.end?.complete, certain);
    });
  });
}

t.test('a deletion among pages already read is noticed and nothing slips past', async (t) => {
  const { fake, read } = await start(t, 2000);
  fake.obeys = { filter: false, modifiedSort: false, createdSort: true };
  fake.before = (call) => { if (call === 5) for (const id of ['3', '4', '5']) fake.remove(id); };
  const full = await read();
  t.equal(fake.records.filter((record) => !idsOf(full.records, 'thing_id').includes(record.id)).length, 0);
  t.equal(full.end?.complete, true);
});

t.test('an incremental read with k changes costs at most 1 + ceil(k / 200) calls', async (t) => {
  for (const obeys of [{ filter: true, modifiedSort: true, createdSort: true }, { filter: true, modifiedSort: false, createdSort: true }, { filter: false, modifiedSort: true, createdSort: true }]) {
    const { fake, read } = await start(t, 3000);
    fake.obeys = obeys;
    let { end } = await read();
    for (const k of [0, 1, 199, 200, 201, 1000, 1999, 0]) {
      fake.clock += 120;
      for (let n = 1; n <= k; n++) fake.edit(String(n));
      fake.clock += 120;
      fake.calls.length = 0;
      const changes = await read({ mode: 'incremental', cursor: end?.cursor });
      ({ end } = changes);
      t.ok(fake.calls.length <= 1 + Math.ceil(k / 200), `${fake.calls.length} calls for ${k} changes`);
      t.ok(idsOf(changes.records, 'thing_id').length >= k);
    }
  }
});

t.test('without the source\'s clock, a change in the very second of the last read is found', async (t) => {
  const { fake, read } = await start(t, 450);
  fake.tellsTime = false;
  fake.edit('1');
  const first = await read();
  fake.edit('2');
  const second = await read({ mode: 'incremental', cursor: first.end?.cursor });
  t.ok(idsOf(second.records, 'thing_id').includes('2'));
});

t.test('a read ends although the source changes faster than it is read, and does not claim what it can not know', async (t) => {
  for (const { title, obeys } of lists) {
    const { fake, read } = await start(t, 600);
    fake.obeys = obeys;
    let next = 0;
    fake.before = () => {
      fake.clock += 120;
      for (let n = 0; n < 250; n++) fake.edit(String((next++ % 600) + 1));
    };
    const full = await read();
    t.ok(full.end && fake.calls.length < 150, `a list ${title}: ${fake.calls.length} calls`);
    if (obeys.modifiedSort && obeys.filter === true) t.equal(full.end?.complete, false);
  }
});

t.test('a custom stream says what is wrong with its record key', async (t) => {
  const { read } = await start(t, 5);
  await t.rejects(read({ options: { ...custom, recordKey: 'thingies' } }), { code: 'zoho.record_key_unknown', message: /it has: things/ });
});

t.test('records come as they were sent, with every digit and unknown fields', async (t) => {
  const { fake, read } = await start(t, 1);
  const [record] = fake.records;
  if (record) record.extra = { rate: (JSON as unknown as { rawJSON: (text: string) => string }).rawJSON('1234567890.123456789012'), strange: { deep: [1] }, empty: '' };
  const { records } = await read();
  t.match(JSON.stringify(records[0]), /"rate":1234567890\.123456789012,"strange":\{"deep":\[1\]\},"empty":""/);
});

t.test('a user\'s own filter is sent with each call, and such a stream never claims to be complete', async (t) => {
  const { fake, rig, read } = await start(t, 10);
  const { end } = await read({ options: { ...custom, query: { status: 'active' } } });
  t.ok(fake.calls.every((query) => query.get('status') === 'active' && query.get('organization_id') === '870000001'));
  t.equal(end?.complete, false);
  t.equal(rig.source.describe('custom', { ...custom, query: { status: 'active' } }).narrowed, true);
  t.equal(rig.source.describe('invoices', { query: { status: 'sent' } }).narrowed, true, 'as with a stream of the catalogue');
  t.same([rig.source.describe('custom', { ...custom, query: {} }).narrowed, rig.source.describe('customers', {}).narrowed], [undefined, undefined], 'without one it is the whole');
  t.equal((await read({ options: { ...custom, query: {} } })).end?.complete, true);
});
