import * as fc from 'fast-check';
import { t } from 'tap';
import { parseAnswer } from '../../core/connection/answer-json.ts';
import { parseJson } from '../../core/connection/json-lossless.ts';
import { bytesOf } from '../../core/connection/late-record.ts';
import { RetryLaterError, readPath, type JsonObject } from '../../core/sdk/index.ts';

const read = (text: string): JsonObject => parseAnswer(Buffer.from(text)) as JsonObject;
const rawOf = (record: unknown): string | undefined => bytesOf(record as object)?.toString();

/** What reading a text comes to: the value as text, or that it is none, which of a record may show only when it is looked at. */
function outcome(parse: () => unknown): string {
  try {
    return JSON.stringify(parse()) ?? 'undefined';
  } catch (error) {
    if (error instanceof SyntaxError || (error instanceof RetryLaterError && error.code === 'http.not_json')) return 'no JSON';
    throw error;
  }
}

const record = fc.tuple(fc.constantFrom('id', 'name', 'رقم'), fc.json({ maxDepth: 2 }), fc.dictionary(fc.string({ unit: 'grapheme' }), fc.jsonValue({ maxDepth: 2 })))
  .map(([first, value, rest]) => `{${JSON.stringify(first)}:${value}${Object.entries(rest).map(([name, each]) => `,${JSON.stringify(name)}:${JSON.stringify(each)}`).join('')}}`);
const page = fc.tuple(fc.constantFrom('', '"code":0,', '"items":[{"id":1}],', '"inner":{"items":[{"id":1},{"id":2}]},'), fc.array(record), fc.constantFrom('', ',"page_context":{"page":1,"custom":[{"id":1}]}', ',"items":[5e-324]'))
  .map(([head, records, tail]) => `{${head}"items":[${records.join(',')}]${tail}}`);

t.test('an answer is read as JSON reads it, whatever it is: whole, cut off, with a wrong sign, or no page at all', (t) => {
  fc.assert(fc.property(fc.oneof(page, fc.json()), fc.nat(), fc.constantFrom('', '}', '"', ',', '},{"id":', '\\'), fc.boolean(), (text, place, wrong, cut) => {
    const at = place % (text.length + 1);
    for (const each of [text, text.slice(0, at) + wrong + text.slice(cut ? text.length : at)]) {
      const [found, wanted] = [outcome(() => read(each)), outcome(() => parseJson(Buffer.from(each).toString()))]; // half a character becomes another one on its way to bytes
      if (found !== wanted) t.equal(found, wanted, each);
    }
  }), { numRuns: 1500 });
  t.end();
});

t.test('each record of a page has the very bytes that it came in', (t) => {
  const records = ['{"id":"1","rate":1.50,"10":"first","2":"second"}', '{"id":"2","name":"a \\"quoted\\" },{ text \\\\"}', '{"id":"3","unit":"قطعة","big":460000000012345678}', '{"id":"4","lines":[{"line":1},{"line":2}]}'];
  const { items } = read(`{"code":0,"items":[${records.join(',')}],"page_context":{"page":1}}`) as { items: JsonObject[] };
  t.strictSame(items.map(rawOf), records);
  t.equal(JSON.stringify(items[2]), records[2], 'no digit of a number is lost');
  t.equal(rawOf({ ...items[0] }), undefined, 'a record made out of another one has no bytes');
  t.end();
});

t.test('a record of a page is the object in its bytes, however it is asked', (t) => {
  const names = fc.constantFrom('id', 'time', 'a"b', 'رقم', '', '__proto__', 'constructor', '0', 'inner');
  const value = fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.string({ unit: 'grapheme' }), fc.integer(), fc.constantFrom({ id: 'not this one' }, [{ time: 1 }], Infinity, '2026-11-24T10:00:00+0300'));
  const member = fc.tuple(names, value, fc.constantFrom(':', ' : ', ':\n')).map(([name, each, sign]) => `${JSON.stringify(name)}${sign}${each === Infinity ? '460000000012345678' : JSON.stringify(each)}`);
  fc.assert(fc.property(fc.array(fc.array(member), { minLength: 1 }), fc.array(fc.tuple(fc.constantFrom('get', 'path', 'has', 'own', 'keys', 'spread', 'text'), names), { minLength: 1 }), (records, questions) => {
    const texts = records.map((members) => `{${['"first":1', ...members].join(',')}}`);
    const page = read(`{"items":[${texts.join(',')}]}`) as { items: JsonObject[] };
    texts.forEach((text, index) => {
      const [late, plain] = [page.items[index] as JsonObject, parseJson(text) as JsonObject];
      for (const [how, name] of questions) {
        const answer = (record: JsonObject): unknown => ({
          get: () => JSON.stringify(record[name]), path: () => JSON.stringify(readPath(record, name)), has: () => name in record, own: () => Object.hasOwn(record, name),
          keys: () => Object.keys(record).join('|'), spread: () => JSON.stringify({ ...record }), text: () => JSON.stringify(record),
        })[how]();
        if (answer(late) !== answer(plain)) t.strictSame(answer(late), answer(plain), `${how} ${name} of ${text}`);
      }
      if (rawOf(late) !== text) t.equal(rawOf(late), text);
    });
  }), { numRuns: 1000 });
  t.end();
});

t.test('a record that is changed has no bytes any more', (t) => {
  const { items } = read('{"items":[{"id":"1","rate":2},{"id":"2"},{"id":"3"}]}') as { items: [JsonObject, JsonObject, JsonObject] };
  items[0]['rate'] = 3;
  delete items[1]['id'];
  Object.defineProperty(items[2], 'more', { value: 1, enumerable: true });
  t.strictSame(items.map((item) => [JSON.stringify(item), rawOf(item)]), [['{"id":"1","rate":3}', undefined], ['{}', undefined], ['{"id":"3","more":1}', undefined]]);
  t.end();
});

t.test('a record that turns out to be no JSON is asked for again later', (t) => {
  const { damaged } = read('{"damaged":[{"id":"1","rate":1x},{"id":"2","rate":2}]}') as { damaged: [JsonObject, JsonObject] };
  t.equal(damaged[0]['id'], '1', 'what stands before the damage is read');
  t.throws(() => damaged[0]['rate'], { name: 'RetryLaterError', code: 'http.not_json' });
  t.equal(damaged[1]['rate'], 2);
  t.end();
});

t.test('where a guess at the records is wrong, all of them go without', (t) => {
  const pages = {
    'a list inside of a record begins as the records do': '{"items":[{"id":1,"parts":[{"id":2},{"id":3}]},{"id":4}]}',
    'records begin with different names': '{"items":[{"id":1},{"name":"x"},{"id":2}]}',
    'something else stands among the records': '{"items":[{"id":1},{"id":2},7]}',
    'there is white space': '{"items": [{"id": 1}, {"id": 2}]}',
    'the list lies deeper': '{"data":{"items":[{"id":1},{"id":2}]}}',
    'the name is there twice': '{"items":[{"id":1},{"id":2}],"items":[5e-324,5e-324]}',
    'the name is there twice, once in disguise': '{"items":[{"id":1}],"it\\u0065ms":[5e-324]}',
  };
  for (const [title, text] of Object.entries(pages)) {
    const value = read(text);
    t.equal(JSON.stringify(value), JSON.stringify(JSON.parse(text)), title);
    const items = (value['items'] ?? []) as unknown[];
    t.notOk(items.some((item) => typeof item === 'object' && rawOf(item) !== undefined), title);
  }
  t.end();
});

t.test('bytes that are no UTF-8, or very long, are not kept: PostgreSQL would refuse them', (t) => {
  const broken = parseAnswer(Buffer.concat([Buffer.from('{"items":[{"id":"'), Buffer.from([0xff]), Buffer.from('"}]}')])) as { items: JsonObject[] };
  t.strictSame(broken, { items: [{ id: '\uFFFD' }] });
  t.equal(rawOf(broken.items[0]), undefined);
  const long = read(`{"items":[{"id":"${'x'.repeat(40_000)}"},{"id":"y"}]}`) as { items: JsonObject[] };
  t.strictSame(long.items.map((item) => rawOf(item) !== undefined), [false, true]);
  t.end();
});
