/** Rows per second of the mapping alone, on one core. Run: `node test/bench/mapping.ts`. */
import { compileMapping, type MappingConfig } from '../../core/pipeline/mapping/index.ts';
import type { JsonObject } from '../../core/sdk/index.ts';

const page = 200;
const pages = 500;
const rounds = 5;

const plain: MappingConfig = {
  to: { table: 'products' },
  key: ['item_id'],
  fields: {
    item_id: {}, name: {}, sku: {}, status: {}, description: {}, unit: {},
    price: { from: 'rate', type: 'numeric(15,4)' },
    cost: { from: 'purchase_rate', type: 'numeric(15,4)' },
    stock: { from: 'stock_on_hand', type: 'integer' },
    taxable: { from: 'is_taxable', type: 'boolean' },
    created: { from: 'created_time', type: 'timestamptz' },
    modified: { from: 'last_modified_time', type: 'timestamptz' },
  },
};

const cases: [string, MappingConfig][] = [
  ['12 plain fields', plain],
  ['12 fields and a simple expr', { ...plain, fields: { ...plain.fields, active: { expr: "status = 'active'", type: 'boolean' } } }],
  ['12 fields and 3 checks', { ...plain, checks: [{ field: 'price', min: 0 }, { field: 'sku', pattern: '^[A-Z]{3}-\\d+$' }, { field: 'status', oneOf: ['active', 'inactive'] }] }],
  ['12 fields and an expr for JSONata itself', { ...plain, fields: { ...plain.fields, tags: { expr: "$join($split(name, ' '), '-')" } } }],
];

for (const [title, config] of cases) {
  const mapping = compileMapping(config);
  const sets = Array.from({ length: title.includes('itself') ? pages / 10 : pages }, (_, number) => makePage(number));
  let best = 0;
  for (let round = 0; round < rounds; round += 1) {
    const start = process.hrtime.bigint();
    let rows = 0;
    for (const set of sets) {
      const mapped = mapping.mapAll(set);
      rows += (Array.isArray(mapped) ? mapped : await mapped).length;
    }
    best = Math.max(best, rows / (Number(process.hrtime.bigint() - start) / 1e9));
  }
  console.log(`${title.padEnd(45)} ${Math.round(best).toLocaleString('en')} rows/s`);
}

function makePage(number: number): JsonObject[] {
  const text = JSON.stringify(Array.from({ length: page }, (_, index) => makeItem(number * page + index)));
  return JSON.parse(text) as JsonObject[];
}

function makeItem(n: number): JsonObject {
  const filler = Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`cf_field_${index}`, index % 3 === 0 ? '' : `value ${n} of ${index}`]));
  return {
    item_id: `460000000${String(n).padStart(9, '0')}`, name: `حذاء Running shoe ${n}`, sku: `SKU-${n}`, status: n % 7 === 0 ? 'inactive' : 'active',
    description: n % 2 === 0 ? '' : `A pair of shoes, number ${n}, with laces`, unit: 'pcs', rate: 10 + (n % 1000) / 100, purchase_rate: n % 5 === 0 ? '' : 7.5,
    stock_on_hand: n % 300, is_taxable: true, created_time: '2025-01-09T09:45:44-0400', last_modified_time: `2026-06-09T09:45:${String(n % 60).padStart(2, '0')}-0400`, ...filler,
  };
}
