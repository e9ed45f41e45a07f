import { readFileSync, readdirSync } from 'node:fs';
import t from 'tap';
import { postgresCodes } from './codes.ts';

t.test('every code that is thrown or told stands in the table, and no other', async (t) => {
  const files = readdirSync(import.meta.dirname).filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts') && name !== 'codes.ts');
  const used = files.flatMap((name) => [...readFileSync(`${import.meta.dirname}/${name}`, 'utf8').matchAll(/'((?:postgres|table)\.[a-z_]+)'/g)].map(([, code = '']) => code));
  t.same([...new Set(used)].sort(), Object.keys(postgresCodes).sort());
});
