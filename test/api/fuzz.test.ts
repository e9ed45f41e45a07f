/** Every route, asked by its own schema with what nobody means well by: no answer of 500, and the process lives. TDS_FUZZ_RUNS asks for more. */
import fc from 'fast-check';
import t from 'tap';
import { allRoutes } from '../../core/api/routes/index.ts';
import type { Route } from '../../core/api/route.ts';
import { fakeOperations } from './fake-operations.ts';
import { realOperations } from './real-operations.ts';
import { startApi } from './support.ts';
import { thing } from '../dead-letters/support.ts';

type Schema = { type?: string; enum?: readonly string[]; pattern?: string; items?: Schema; properties?: Record<string, Schema>; anyOf?: readonly Schema[]; const?: unknown };

const routes = allRoutes({ operations: fakeOperations(), version: '1', doors: undefined as never });
const runs = Number(process.env['TDS_FUZZ_RUNS'] ?? 12);

const words = ['upkeep', 'resting', '2h', 'things', 'source', 'erp', 'off', '1', '2', 'all', 'api', '24h', '7d'];
const hostileWords = [
  '', ' ', '\0', 'a\0b', '__proto__', 'constructor', 'toString', 'hasOwnProperty', '\ud800', '\u202e', "'; DROP TABLE runs; --", '"', '\\', '${7*7}', '%00', '%2e%2e%2f', '../../etc/passwd', '<script>', '1e999', '-1', '0x10', 'NaN', 'null',
  '9'.repeat(18), '9'.repeat(40), 'x'.repeat(5000), '🦊'.repeat(600), '-271821-04-20', '9999999d', '0001-01-01', '999999999w', '2026-13-45', 'Infinity',
];
const hostileText = fc.oneof(fc.constantFrom(...hostileWords), fc.string({ unit: 'binary', maxLength: 40 }));
const text = fc.oneof({ weight: 2, arbitrary: fc.constantFrom(...words) }, { weight: 3, arbitrary: hostileText });

function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < depth; level += 1) value = level % 2 === 0 ? [value] : { a: value };
  return value;
}

const hostileValue: fc.Arbitrary<unknown> = fc.oneof(hostileText, fc.constantFrom(null, true, 0, -1, 1.5, 1e308, -0, 2 ** 53, [], {}, [[]], nested(40), nested(2000)), fc.jsonValue({ maxDepth: 3 }), fc.constant(Array.from({ length: 1001 }, () => 'x')));

/** Mostly what the schema asks for, else anything. */
function valueOf(schema: Schema): fc.Arbitrary<unknown> {
  return fc.oneof({ weight: 8, arbitrary: fitting(schema) }, { weight: 1, arbitrary: hostileValue });
}

function fitting(schema: Schema): fc.Arbitrary<unknown> {
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema.enum) return fc.constantFrom(...schema.enum);
  if (schema.anyOf) return fc.oneof(...schema.anyOf.map(fitting));
  if (schema.type === 'boolean') return fc.boolean();
  if (schema.type === 'integer') return fc.oneof(fc.integer({ min: 1, max: 20 }), fc.maxSafeInteger());
  if (schema.type === 'array') return fc.array(valueOf(schema.items ?? {}), { maxLength: 4 });
  if (schema.type === 'string' && schema.pattern !== undefined) return fc.oneof(fc.constantFrom('1', '2', 'all', '9'.repeat(18), '1767603600000000-1', `${'9'.repeat(17)}-1-${'9'.repeat(18)}`), text);
  return text;
}

function members(schema: Schema): fc.Arbitrary<Record<string, unknown>> {
  const known = fc.record(Object.fromEntries(Object.entries(schema.properties ?? {}).map(([name, inner]) => [name, valueOf(inner)])), { requiredKeys: [] });
  const extra = fc.oneof({ weight: 6, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: fc.tuple(fc.oneof(fc.constant('__proto__'), hostileText), hostileValue) });
  return fc.tuple(known, extra).map(([object, more]) => Object.fromEntries([...Object.entries(object), ...(more ? [more] : [])]));
}

/** A question as it goes over the wire. */
function question(route: Route): fc.Arbitrary<{ path: string; body?: string; headers: Record<string, string> }> {
  const encode = (value: unknown): string => encodeURIComponent((typeof value === 'string' ? value : JSON.stringify(value) ?? '').toWellFormed()).slice(0, 6000);
  const names = route.path.split('/').filter((part) => part.startsWith(':'));
  const whole = fc.tuple(fc.tuple(...names.map(() => text)), members(route.query as Schema), fc.oneof({ weight: 6, arbitrary: members(route.body as Schema).map((body) => JSON.stringify(body)) }, fc.constantFrom('', '{', '[]', '"x"', 'null', '{"a":1e999}', '{"__proto__":{"all":true}}', `${'['.repeat(20_000)}${']'.repeat(20_000)}`)), fc.constantFrom('', 'k', ' ', 'x'.repeat(300)));
  return whole.map(([params, query, body, key]) => {
    const path = names.reduce((made, name, at) => made.replace(name, () => encode(params[at]) || '%20'), route.path);
    const search = Object.entries(query).map(([name, value]) => `${encode(name)}=${encode(value)}`).join('&').slice(0, 7000);
    return { path: search === '' ? path : `${path}?${search}`, headers: { Authorization: 'Bearer x', 'Content-Type': 'application/json', ...(key === '' ? {} : { 'Idempotency-Key': key }) }, ...(route.method === 'GET' ? {} : { body }) };
  });
}

t.test('no route answers 500 to whatever is asked of it', async (t) => {
  const { operations, bench } = await realOperations(t);
  for (const id of [1, 2, 3]) bench.source.put(thing(id, id > 2 ? { price: 'cheap' } : {}));
  await bench.corridor.run('full');
  // One who may do all, and whom no revocation by chance locks out.
  operations.access.identify = async () => ({ tokenId: '1', name: 'fuzz', scope: 'admin' });
  const { call, log } = await startApi(t, operations, { mostStreams: 0 });
  const answered = new Map<number, number>();
  for (const route of routes) {
    await fc.assert(fc.asyncProperty(question(route), async (asked) => {
      const { status, text: said } = await call({ method: route.method, ...asked });
      answered.set(status, (answered.get(status) ?? 0) + 1);
      if (status >= 500 && !said.includes('api.too_many_streams') && !said.includes('operation.preview')) throw new Error(`${route.method} ${asked.path.slice(0, 500)} ${asked.body?.slice(0, 500) ?? ''} → ${said} ${JSON.stringify(log.at(-1))}`);
    }), { numRuns: runs });
  }
  t.ok((answered.get(200) ?? 0) > routes.length, 'many questions were well formed');
  t.ok((answered.get(400) ?? 0) > routes.length, 'many were not');
  t.equal((await call('/healthz')).status, 200);
  t.equal(({} as Record<string, unknown>)['all'], undefined, 'no prototype was written to');
});
