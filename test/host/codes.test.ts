import { readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { hostCodes } from '../../core/host/index.ts';

t.test('every code of the host stands in its table, and no other', async (t) => {
  const folder = fileURLToPath(new URL('../../core/host', import.meta.url));
  const used = readdirSync(folder).filter((name) => name !== 'codes.ts').flatMap((name) => [...readFileSync(`${folder}/${name}`, 'utf8').matchAll(/'(host\.[a-z_]+)'/g)].map(([, code = '']) => code));
  t.same([...new Set(used)].sort(), Object.keys(hostCodes).sort());
});
