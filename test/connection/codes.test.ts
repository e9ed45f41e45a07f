import { readFileSync, readdirSync } from 'node:fs';
import { t } from 'tap';
import { connectionCodes } from '../../core/connection/codes.ts';

t.test('the table of codes and the code name the same ones', (t) => {
  const directory = new URL('../../core/connection/', import.meta.url);
  const source = readdirSync(directory).filter((name) => name !== 'codes.ts').map((name) => readFileSync(new URL(name, directory), 'utf8')).join('\n');
  const used = new Set([...source.matchAll(/'((?:http|connection|token|plugin)\.[a-z_]+)'/g)].map((match) => match[1]));
  t.strictSame([...used].sort(), Object.keys(connectionCodes).sort());
  t.end();
});
