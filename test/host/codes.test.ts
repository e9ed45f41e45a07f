import { readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { hostCodes } from '../../core/host/index.ts';

t.test('every code of the host stands in its table, and no other', async (t) => {
  // what a connector is asked for at validation stands beside the host, directly in core
  const folders = ['../../core/host', '../../core'].map((folder) => fileURLToPath(new URL(folder, import.meta.url)));
  const files = folders.flatMap((folder) => readdirSync(folder).filter((name) => name.endsWith('.ts') && name !== 'codes.ts').map((name) => `${folder}/${name}`));
  const used = files.flatMap((file) => [...readFileSync(file, 'utf8').matchAll(/'(host\.[a-z_]+)'/g)].map(([, code = '']) => code));
  t.same([...new Set(used)].sort(), Object.keys(hostCodes).sort());
});
