/** A large list in parts that are read side by side: together they bring what one read would have brought, whatever happens meanwhile. */
import t, { type Test } from 'tap';
import type { Division, JsonObject, JsonValue } from 'tds/sdk';
import plugin from '../zoho-inventory/plugin.ts';
import { startFake, type FakeZoho } from './fake-list.ts';
import { idsOf, readAll, rigOf, settingsFor, type Read, type ReadOptions } from './testing.ts';

const options: JsonObject = { path: 'things', recordKey: 'things', idField: 'thing_id', modified: 'last_modified_time', created: 'created_time' };

interface Divided { fake: FakeZoho; divide: (parts: number) => Promise<Division | undefined>; read: (more?: ReadOptions) => Promise<Read> }

async function start(t: Test, count: number, spacing?: number): Promise<Divided> {
  const fake = await startFake(count, spacing);
  t.teardown(() => fake.close());
  const { source } = rigOf(plugin, settingsFor(fake));
  return {
    fake, read: (more = {}) => readAll(source, 'custom', { options, ...more }),
    divide: async (parts) => source.divide?.({ stream: 'custom', options, parts, signal: new AbortController().signal }),
  };
}

t.test('the parts and the last one are the whole list, each record in one of them, for few calls', async (t) => {
  const { fake, divide, read } = await start(t, 24_000);
  const division = await divide(4);
  t.equal(division?.parts.length, 4);
  t.ok(fake.calls.length <= 12, `${fake.calls.length} calls to divide 120 pages`);
  const parts: Read[] = [];
  for (const part of [...division?.parts ?? [], division?.last as JsonValue]) parts.push(await read({ part }));
  const records = parts.flatMap((part) => part.records);
  t.equal(records.length, 24_000, 'none twice');
  t.same(idsOf(records, 'thing_id'), fake.records.map(({ id }) => id).sort());
  t.same(parts.map(({ end }) => end?.complete), [true, true, true, true, true], 'each is certain of its own');
  const sizes = parts.slice(0, 4).map((part) => part.records.length);
  t.ok(Math.max(...sizes) < 2 * Math.min(...sizes), `of about one size: ${sizes.join(', ')}`);
  fake.edit('17');
  fake.clock += 60;
  const changes = await read({ mode: 'incremental', cursor: parts.at(-1)?.end?.cursor });
  t.ok(idsOf(changes.records, 'thing_id').includes('17'), 'the cursor of the last part goes on from there');
  t.ok(changes.records.length < 200, 'and not from the beginning');
});

t.test('a part resumes from each of its positions', async (t) => {
  const { divide, read } = await start(t, 12_000);
  const [part] = (await divide(2))?.parts ?? [];
  const whole = await read({ part });
  t.ok(whole.pages.length > 20);
  for (const at of [0, 1, Math.floor(whole.pages.length / 2), whole.pages.length - 2]) {
    const rest = await read({ part, position: whole.pages[at]?.position });
    t.same(idsOf([...whole.pages.slice(0, at + 1).flatMap((page) => page.records), ...rest.records], 'thing_id'), idsOf(whole.records, 'thing_id'), `after page ${at + 1}`);
  }
});

t.test('no record is lost that was there all the time while others are edited, made and deleted, in whatever order the parts are read', async (t) => {
  for (const order of [[0, 1, 2], [2, 1, 0], [1, 2, 0]]) {
    const { fake, divide, read } = await start(t, 18_000, 3);
    const division = await divide(3);
    let turn = 1;
    const random = (): number => (turn = (turn * 48271) % 2147483647) / 2147483647;
    const gone = new Set<string>();
    fake.before = () => {
      for (let n = 0; n < 6; n++) {
        fake.clock += 1;
        fake.edit(fake.records[Math.floor(random() * fake.records.length)]?.id ?? '');
      }
      const victim = fake.records[Math.floor(random() * fake.records.length)]?.id ?? '';
      gone.add(victim);
      fake.remove(victim);
      fake.records.push({ id: `new-${turn}`, created: fake.clock, modified: fake.clock, name: `new ${turn}` });
    };
    const stood = new Set(fake.records.map(({ id }) => id));
    const seen: Read[] = [];
    for (const at of order) seen.push(await read({ part: division?.parts[at] }));
    fake.before = () => undefined;
    const last = await read({ part: division?.last });
    const ids = new Set(idsOf([...seen.flatMap((one) => one.records), ...last.records], 'thing_id'));
    const lost = [...stood].filter((id) => !gone.has(id) && !ids.has(id));
    t.same(lost, [], `parts in the order ${order.join(', ')}`);
    t.same([...seen, last].map(({ end }) => end?.complete), [true, true, true, true]);
  }
});

t.test('what is small, or can\'t be divided soundly, is not', async (t) => {
  const small = await start(t, 9000);
  t.equal(await small.divide(8), undefined, 'less than two parts that are worth it');
  t.equal(small.fake.calls.length, 1, 'found out by one call');
  small.fake.instead = (path) => (path.includes('oauth') ? undefined : { status: 200, body: JSON.stringify({ code: 0, things: [{ thing_id: '1', name: 'one', last_modified_time: '2026-01-01T00:00:00+0300' }], page_context: { page: 1, per_page: 200, has_more_page: true } }) });
  t.equal(await small.divide(8), undefined, 'a list that knows no pages');
  for (const obeys of [{ filter: false, modifiedSort: true, createdSort: true }, { filter: 'equal', modifiedSort: true, createdSort: true }, { filter: true, modifiedSort: false, createdSort: true }] as const) {
    const { fake, divide } = await start(t, 12_000);
    fake.obeys = { ...obeys };
    t.equal(await divide(2), undefined, JSON.stringify(obeys));
  }
  const { fake, divide, read } = await start(t, 12_000);
  for (const record of fake.records) record.modified = 1_750_000_000;
  t.equal(await divide(4), undefined, 'all of one second');
  for (const record of fake.records.slice(0, 4000)) record.modified = 1_749_000_000 + Number(record.id);
  t.equal(await divide(2), undefined, 'a bound after which a whole page is of one second shows nothing of the filter');
  fake.calls.length = 0;
  await read();
  t.equal(fake.calls[0]?.get('sort_column'), 'last_modified_time', 'so that nothing is held against it');
  fake.instead = () => ({ status: 400, body: JSON.stringify({ code: 2, message: 'Invalid value passed for sort_column' }) });
  t.equal(await divide(4), undefined, 'an order that is refused');
});

t.test('a part is read to its end however fast the source seems to change: nobody would go on where it stopped', async (t) => {
  const { fake, divide, read } = await start(t, 12_000);
  const division = await divide(2);
  fake.clock -= 200_000; // what is read seems to be younger than the beginning of the reading
  const [one, two] = [await read({ part: division?.parts[0] }), await read({ part: division?.parts[1] })];
  const last = await read({ part: division?.last });
  t.equal(one.records.length + two.records.length + last.records.length, 12_000);
  t.same([one, two].map(({ end }) => end?.complete), [true, true]);
});

t.test('a part whose list turns out not to obey says so, so that the whole is read in one piece', async (t) => {
  const { fake, divide, read } = await start(t, 12_000);
  const division = await divide(2);
  fake.obeys = { filter: false, modifiedSort: true, createdSort: true };
  await t.rejects(read({ part: division?.parts[1] }), { code: 'zoho.part_lost' });
  t.equal(await divide(2), undefined, 'and it is not divided again');
  t.equal((await read()).records.length, 12_000);
});
