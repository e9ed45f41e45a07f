import * as fc from 'fast-check';
import t from 'tap';
import { compileCoercer } from '../../../core/pipeline/mapping/coerce.ts';
import { parseColumnType } from '../../../core/pipeline/mapping/column-type.ts';
import { Refusal } from '../../../core/pipeline/mapping/refusal.ts';
import { testDatabase } from '../../support/database.ts';

const types = [
  'text', 'varchar(3)', 'char(2)', 'smallint', 'integer', 'bigint', 'numeric', 'numeric(5,2)', 'numeric(38,10)', 'real', 'double precision', 'boolean',
  'date', 'time', 'timestamp', 'timestamptz', 'uuid', 'json', 'jsonb', 'text[]', 'integer[]', 'numeric(5,2)[]', 'jsonb[]', 'date[]', 'boolean[]',
];
const digits = fc.stringMatching(/^[+-]?[0-9]{0,25}\.?[0-9]{0,20}([eE][+-]?[0-9]{1,3})?$/u);
const raw = digits.filter((text) => /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/u.test(text)).map((text) => (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(text));
const two = (max: number): fc.Arbitrary<string> => fc.integer({ min: 0, max }).map((n) => String(n).padStart(2, '0'));
const zone = fc.constantFrom('', 'Z', 'z', '-0400', '+05:30', '+03', '+1559', ' +0300', '-1600', '+0060');
const moment = fc.tuple(fc.integer({ min: 0, max: 9999 }), two(13), two(31), two(24), two(60), two(60), fc.constantFrom('', '.5', '.999999', '.123456789012'), zone)
  .map(([year, month, day, hour, minute, second, fraction, offset]) => `${String(year).padStart(4, '0')}-${month}-${day}T${hour}:${minute}:${second}${fraction}${offset}`);
const text = fc.oneof(fc.string({ unit: 'binary', maxLength: 6 }), fc.uuid(), fc.constantFrom('yes', 'NaN', 'infinity', 'a\0b', '\ud800', '{a,b}', 'null', '1e400', '1e-400', '-0'));
const single = fc.oneof(digits, raw, fc.integer(), fc.double(), fc.boolean(), text, moment, moment.map((value) => value.slice(0, 10)), moment.map((value) => value.slice(11)), fc.jsonValue());
const value = fc.oneof(single, fc.array(single, { maxLength: 4 }));

t.test('PostgreSQL accepts every cell that the mapping makes', async (t) => {
  const { pool } = await testDatabase(t, { migrated: false });
  for (const [index, type] of types.entries()) await pool.query(`CREATE TABLE public.t${index} (value ${type})`);
  let accepted = 0;
  await fc.assert(fc.asyncProperty(fc.nat(types.length - 1), value, async (index, given) => {
    const type = types[index] as string;
    if (given === null || given === '') return;
    const made = compileCoercer(parseColumnType(type))(given);
    const cell = made instanceof Refusal ? made.use : made;
    if (cell === undefined) return;
    accepted += 1;
    await pool.query(`INSERT INTO public.t${index} VALUES ($1)`, [String(cell)]);
  }), { numRuns: 6000 });
  t.ok(accepted > 1000, `${accepted} cells were written`);
});
