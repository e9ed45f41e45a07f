import * as fc from 'fast-check';
import t from 'tap';
import { compileCoercer } from '../../../core/pipeline/mapping/coerce.ts';
import { parseColumnType } from '../../../core/pipeline/mapping/column-type.ts';
import { Refusal } from '../../../core/pipeline/mapping/refusal.ts';

function cast(type: string, value: unknown): unknown {
  const cell = compileCoercer(parseColumnType(type))(value);
  return cell instanceof Refusal ? (cell.use === undefined ? cell.code : { warned: cell.code, use: cell.use }) : cell;
}
function raw(digits: string): unknown {
  return (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(digits);
}

t.test('text takes every value', async (t) => {
  t.equal(cast('text', 'حذاء'), 'حذاء');
  t.equal(cast('text', 12.5), '12.5');
  t.equal(cast('text', raw('12345678901234567890')), '12345678901234567890');
  t.equal(cast('text', false), 'false');
  t.equal(cast('text', { a: [1, raw('0.10000000000000000001')] }), '{"a":[1,0.10000000000000000001]}');
});

t.test('what PostgreSQL cannot store in text is mended, and told', async (t) => {
  t.same(cast('text', 'a\0b\0'), { warned: 'map.nul_character', use: 'ab' });
  t.same(cast('text', 'a\ud800b'), { warned: 'map.broken_text', use: 'a\ufffdb' });
  t.same(cast('varchar(2)', 'a\0b'), { warned: 'map.nul_character', use: 'ab' });
  t.equal(cast('varchar(2)', 'a\0bc'), 'map.too_long');
});

t.test('a sized text counts characters, not code units, and blanks at the end do not count', async (t) => {
  t.equal(cast('varchar(3)', 'abc'), 'abc');
  t.equal(cast('varchar(3)', 'abcd'), 'map.too_long');
  t.equal(cast('varchar(3)', '😀😀😀'), '😀😀😀');
  t.equal(cast('char(3)', '😀😀😀x'), 'map.too_long');
  t.equal(cast('varchar(3)', 'abc   '), 'abc   ');
  t.equal(cast('character varying(2)', 'abc'), 'map.too_long');
  t.equal(cast('char', 'ab'), 'map.too_long', 'char alone is char(1)');
});

t.test('booleans come in many forms', async (t) => {
  for (const value of [true, 1, '1', 'true', 'TRUE', ' yes ', 'on', 't', 'y']) t.equal(cast('boolean', value), true, String(value));
  for (const value of [false, 0, '0', 'false', 'No', 'off', 'f', 'n']) t.equal(cast('boolean', value), false, String(value));
  for (const value of ['active', 2, [], {}, '']) t.equal(cast('boolean', value), 'map.not_a_boolean', JSON.stringify(value));
});

t.test('a date must exist', async (t) => {
  t.equal(cast('date', '2024-02-29'), '2024-02-29');
  t.equal(cast('date', '2026-06-09T23:45:44-0400'), '2026-06-09', 'of a timestamp it is the day in the timestamp\'s own zone');
  for (const value of ['2023-02-29', '1900-02-29', '2026-13-01', '2026-00-10', '2026-04-31', '0000-01-01', '2026-1-1', '09/06/2026', 'infinity', '12345-01-01', 20_260_609, '2026-06-09x']) {
    t.equal(cast('date', value), 'map.not_a_date', String(value));
  }
});

t.test('a timestamptz needs its zone', async (t) => {
  for (const value of ['2026-06-09T09:45:44-0400', '2026-06-09T09:45:44Z', '2026-06-09 09:45:44.123456+05:30', '2026-06-09T09:45+03', '2026-06-09T24:00:00Z', '2026-06-09T23:59:60Z']) t.equal(cast('timestamptz', value), value);
  t.equal(cast('timestamptz', '2026-06-09T09:45:44'), 'map.no_offset');
  t.equal(cast('timestamptz', '2026-06-09'), 'map.no_offset');
  for (const value of ['2026-06-09T25:00:00Z', '2026-06-09T09:61:00Z', '2026-02-30T09:00:00Z', '2026-06-09T09:45:44-1600', '2026-06-09T09:45:44-0470', '2026-06-09T24:00:01Z', '2026-06-09T09:45:44Q', '2026-06-09T0x:45:44Z', '1717926344', 1_717_926_344, 'now']) {
    t.equal(cast('timestamptz', value), 'map.not_a_timestamp', String(value));
  }
});

t.test('the short way and the long way agree about every timestamp', async () => {
  const two = (max: number): fc.Arbitrary<string> => fc.integer({ min: 0, max }).map((n) => String(n).padStart(2, '0'));
  const moment = fc.tuple(fc.integer({ min: 0, max: 9999 }), two(13), two(32), two(25), two(61), two(61), fc.constantFrom('+', '-'), two(16), two(60));
  fc.assert(fc.property(moment, ([year, month, day, hour, minute, second, sign, zoneHour, zoneMinute]) => {
    const local = `${String(year).padStart(4, '0')}-${month}-${day}T${hour}:${minute}:${second}`;
    const common = cast('timestamptz', `${local}${sign}${zoneHour}${zoneMinute}`);
    const spaced = cast('timestamptz', ` ${local}${sign}${zoneHour}${zoneMinute}`);
    return common === spaced;
  }), { numRuns: 5000 });
});

t.test('a timestamp is the wall clock as written', async (t) => {
  t.equal(cast('timestamp', '2026-06-09T09:45:44-0400'), '2026-06-09T09:45:44');
  t.equal(cast('timestamp', '2026-06-09'), '2026-06-09');
  t.equal(cast('timestamp without time zone', '2026-06-09 09:45:44.5'), '2026-06-09 09:45:44.5');
});

t.test('a time of day', async (t) => {
  t.equal(cast('time', '09:45'), '09:45');
  t.equal(cast('time', '23:59:59.123'), '23:59:59.123');
  for (const value of ['24:00:01', '25:00', '9:45', '09:45pm', 945]) t.equal(cast('time', value), 'map.not_a_time', String(value));
});

t.test('a uuid has one form', async (t) => {
  for (const value of ['A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', 'a0eebc999c0b4ef8bb6d6bb9bd380a11', '{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}']) {
    t.equal(cast('uuid', value), 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11');
  }
  t.equal(cast('uuid', 'a0eebc99'), 'map.not_a_uuid');
});

t.test('json keeps numbers, and jsonb refuses what it cannot hold', async (t) => {
  t.equal(cast('jsonb', { a: raw('1.00000000000000000001'), b: 'x' }), '{"a":1.00000000000000000001,"b":"x"}');
  t.equal(cast('jsonb', 'text'), '"text"');
  t.equal(cast('json', ['a\0']), '["a\\u0000"]');
  t.equal(cast('jsonb', ['a\0']), 'map.nul_character');
  t.equal(cast('jsonb', ['a\ud800']), 'map.broken_text');
  t.equal(cast('jsonb', ['\\u0000', '\\\\u0000']), JSON.stringify(['\\u0000', '\\\\u0000']), 'a backslash and a letter are no NUL');
  t.equal(cast('jsonb', { a: [raw('1e-99999')] }), 'map.out_of_range');
  t.equal(cast('jsonb', { a: raw('1e-1000'), b: '1e99999' }), '{"a":1e-1000,"b":"1e99999"}');
  t.equal(cast('jsonb', ['\u0001']), '["\\u0001"]');
});

t.test('lists become array literals', async (t) => {
  t.equal(cast('text[]', ['a', 'b "c"', 'd\\e', '', null, 'NULL', '{x,y}']), '{"a","b \\"c\\"","d\\\\e","",NULL,"NULL","{x,y}"}');
  t.equal(cast('integer[]', [1, '2', '', null]), '{1,2,NULL,NULL}');
  t.equal(cast('boolean[]', [true, 'no']), '{true,false}');
  t.equal(cast('numeric(5,2)[]', ['1.5', 2000]), 'map.out_of_range');
  t.equal(cast('integer[]', ['x']), 'map.not_a_number');
  t.equal(cast('text[]', 'a'), 'map.not_a_list');
  t.same(cast('text[]', ['a\0']), { warned: 'map.nul_character', use: '{"a"}' });
  t.equal(cast('text[]', []), '{}');
});

t.test('types are read in all their names, and nonsense is refused', async (t) => {
  t.match(parseColumnType('NUMERIC ( 15 , 4 )'), { kind: 'numeric', size: 15, scale: 4, list: false });
  t.match(parseColumnType('timestamp with time zone'), { kind: 'timestamptz' });
  t.match(parseColumnType('timestamp(3) with time zone'), { kind: 'timestamptz' });
  t.match(parseColumnType('timestamp(3)'), { kind: 'timestamp' });
  t.match(parseColumnType('double precision'), { kind: 'double' });
  t.match(parseColumnType('integer[]'), { kind: 'integer', list: true });
  t.match(parseColumnType('erp.order_state'), { kind: 'other' });
  for (const type of ['', 'bytea', 'text; drop table x', 'numeric(1001)', 'integer(4)', 'varchar(0)', 'text[][]', 'text)', "text'"]) {
    t.throws(() => parseColumnType(type), { code: 'map.unknown_type' }, type);
  }
});

t.test('no value of any shape makes a coercer throw', async () => {
  const types = ['text', 'varchar(3)', 'smallint', 'bigint', 'numeric', 'numeric(5,2)', 'real', 'double precision', 'boolean', 'date', 'time', 'timestamp', 'timestamptz', 'uuid', 'json', 'jsonb', 'text[]', 'integer[]', 'citext'];
  fc.assert(fc.property(fc.constantFrom(...types), fc.jsonValue(), (type, value) => {
    if (value === null) return;
    const cell = compileCoercer(parseColumnType(type))(value);
    if (!(cell instanceof Refusal) && !['string', 'number', 'boolean'].includes(typeof cell)) throw new Error(`${type}: ${typeof cell}`);
  }), { numRuns: 3000 });
});
