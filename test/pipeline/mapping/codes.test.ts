import { readdirSync, readFileSync } from 'node:fs';
import t from 'tap';
import { mappingCodes } from '../../../core/pipeline/mapping/index.ts';

const folder = new URL('../../../core/pipeline/mapping/', import.meta.url);

t.test('the table of codes and the code name the same ones', async (t) => {
  const used = new Set<string>();
  for (const file of readdirSync(folder)) {
    if (file === 'codes.ts') continue;
    for (const [code] of readFileSync(new URL(file, folder), 'utf8').matchAll(/(?<=')(?:map|check)\.[a-z_]+(?=')/gu)) used.add(code);
  }
  t.same([...used].sort(), Object.keys(mappingCodes).sort());
});

t.test('every code has a meaning and a cure', async (t) => {
  for (const [code, { meaning, cure }] of Object.entries(mappingCodes)) t.ok(meaning.length > 10 && cure.length > 10, code);
});
