import * as fc from 'fast-check';
import { t } from 'tap';
import { bytesOf, parseAnswer } from '../../core/connection/answer-json.ts';
import { parseJson } from '../../core/connection/json-lossless.ts';
import type { JsonObject } from '../../core/sdk/index.ts';

const read = (text: string): JsonObject => parseAnswer(Buffer.from(text)) as JsonObject;
const rawOf = (record: unknown): string | undefined => bytesOf(record as object)?.toString();

/** What reading a text comes to: the value as text, or that it is none. */
function outcome(parse: () => unknown): string {
  try {
    return JSON.stringify(parse()) ?? 'undefined';
  } catch (error) {
    return (error as Error).name;
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
