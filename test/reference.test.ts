/** Codes that are used and codes that are told of are the same, in all of the program; the pages that are made of them are current. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { codeTables } from '../schemas/code-tables.ts';
import { generatedFiles, staleFiles } from '../schemas/generate.ts';
import { streamLists } from '../schemas/stream-lists.ts';
import { readSourceFiles } from './support/source-files.ts';

const root = join(import.meta.dirname, '..');
const tableFiles = new Set(codeTables.map(({ file }) => file));
const declared = codeTables.flatMap(({ codes }) => Object.keys(codes));
const prefixes = new Set(declared.map((code) => code.split('.', 1)[0] as string));
/** Words with a dot that are no codes: names of files and of what the queue says of itself. */
const otherWords = new Set(['plugin.ts', 'plugin.js', 'postgres.exe', 'postgres.log', 'queue.freed']);
/** Events have names of the same form. */
for (const [, name = ''] of readFileSync(join(root, 'core/monitor/events.ts'), 'utf8').matchAll(/^ {2}'([a-z]+\.[a-z_]+)':/gm)) otherWords.add(name);
const isTest = (path: string): boolean => /(?:\.test|\/testing)\.ts$/.test(path) || path.startsWith('core/sdk/test/');
const sources = readSourceFiles(root, ['core', 'plugins']).filter(({ path }) => !isTest(path));

/** Every code that the program's text names outside of the tables, with the places. What an error of PostgreSQL appends is left out. */
function usedCodes(): Map<string, string[]> {
  const used = new Map<string, string[]>();
  for (const { path, literals } of sources) {
    for (const { text, line } of literals) {
      const code = /^([a-z]+\.[a-z]+(?:_[a-z]+)*)\.?$/.exec(text)?.[1];
      if (code === undefined || otherWords.has(code) || !prefixes.has(code.split('.', 1)[0] as string)) continue;
      if (tableFiles.has(path) && isDeclaration(path, line, code)) continue;
      used.set(code, [...(used.get(code) ?? []), `${path}:${line}`]);
    }
  }
  return used;
}

const lines = new Map<string, string[]>();
function isDeclaration(path: string, line: number, code: string): boolean {
  const text = lines.get(path) ?? readFileSync(join(root, path), 'utf8').split('\n');
  lines.set(path, text);
  return (text[line - 1] ?? '').trimStart().startsWith(`'${code}':`);
}

t.test('every code that is used stands in a table', async (t) => {
  const known = new Set(declared);
  t.same([...usedCodes()].filter(([code]) => !known.has(code)).map(([code, places]) => `${code} at ${places.join(', ')}`), []);
});

t.test('every code of a table is used', async (t) => {
  const used = usedCodes();
  // the launcher must run on an old Node, and tells its code within a longer text
  if (readFileSync(join(root, 'core/cli/tds.js'), 'utf8').includes('(cli.node_version)')) used.set('cli.node_version', ['core/cli/tds.js']);
  t.same(declared.filter((code) => !used.has(code)), []);
});

t.test('no error is thrown and no finding told with a code whose prefix no table knows', async (t) => {
  const faults = sources.flatMap(({ path }) => {
    const text = readFileSync(join(root, path), 'utf8').replaceAll(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '');
    const codes = [...text.matchAll(/(?:Error|Fault|refusal|fault)\(\s*'([a-z]+\.[a-z_]+)'|\bcode: '([a-z]+\.[a-z_]+)'/g)].map((found) => found[1] ?? found[2] ?? '');
    return codes.filter((code) => !prefixes.has(code.split('.', 1)[0] as string)).map((code) => `${path} ${code}`);
  });
  t.same(faults, []);
});

t.test('no code is declared twice', async (t) => t.same(declared.filter((code, index) => declared.indexOf(code) !== index), []));

t.test('every code says what it means and what to do, in sentences', async (t) => {
  for (const { codes } of codeTables) {
    for (const [code, { meaning, cure }] of Object.entries(codes)) {
      t.match(meaning, /^[`A-Z].*[.)]$/u, `${code}: meaning`);
      t.match(cure, /^[`A-Z].*[.`)]$/u, `${code}: cure`);
    }
  }
});

t.test('the page of errors has a row for every code', async (t) => {
  const page = (await generatedFiles())['docs/reference/errors.md'] ?? '';
  t.same(declared.filter((code) => !page.includes(`\n| \`${code}\` |`)), []);
});

t.test('the page of streams has a row for every stream of every connector', async (t) => {
  const page = (await generatedFiles())['docs/reference/streams.md'] ?? '';
  const lists = await streamLists();
  t.same(lists.map(({ plugin }) => plugin), ['zoho-books', 'zoho-inventory']);
  for (const { plugin, streams } of lists) {
    const part = page.slice(page.indexOf(`\n## ${plugin}\n`) + 1).split('\n## ', 1)[0] ?? '';
    t.same(streams.filter(({ name }) => !part.includes(`\n| \`${name}\` |`)).map(({ name }) => name), [], plugin);
  }
});

t.test('the generated files are current', async (t) => t.same(await staleFiles(), [], 'else: npm run generate'));
