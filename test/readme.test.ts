/** What the README and the decisions show is true: commands, routes, settings, links, and the plugin that they print. */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import t from 'tap';
import { parse } from 'yaml';
import { renderFinding } from '../core/config/index.ts';
import { discoverPlugins } from '../core/host/index.ts';
import { loadProject } from '../core/project.ts';
import { createMemoryLog, testConnector } from '../core/sdk/test/index.ts';
import { bookStreams } from '../plugins/zoho-books/streams.ts';
import { inventoryStreams } from '../plugins/zoho-inventory/streams.ts';
import { callCli } from './cli/support.ts';

const root = join(import.meta.dirname, '..');
const readme = readFileSync(join(root, 'README.md'), 'utf8');
const log = createMemoryLog([]);

/** The code blocks of a language. */
function blocks(language: string): string[] {
  return [...readme.matchAll(/^( *)```(\S*)\n([\s\S]*?)^ *```/gm)].filter(([, , name]) => name === language).map(([, indent = '', , text = '']) => text.replaceAll(new RegExp(`^${indent}`, 'gm'), ''));
}

async function help(...command: string[]): Promise<string> {
  return (await callCli([...command, '--help'])).out;
}

const commandsOf = (text: string): string[] => [...(text.split('\nCommands:\n')[1]?.split('\n\n')[0] ?? '').matchAll(/^ {2}([a-z-]+)/gm)].map(([, name = '']) => name);
const ownHelp = await help();
const commands = commandsOf(ownHelp);
const helps = new Map(await Promise.all(commands.map(async (name) => [name, await help(name)] as const)));

t.test('every command has its row in the table of commands', async (t) => {
  t.ok(commands.length > 8);
  t.same(commands.filter((name) => !readme.includes(`\n| \`tds ${name}`)), []);
});

t.test('every command and option that is shown exists', async (t) => {
  const pages = ['README.md', ...readdirSync(join(root, 'docs/decisions')).map((name) => `docs/decisions/${name}`), 'docs/reference/errors.md', 'docs/reference/config.md'];
  for (const page of pages) {
    const text = readFileSync(join(root, page), 'utf8');
    const code = [...text.matchAll(/```[\s\S]*?```|`[^`\n]+`/g)].map(([found]) => found).join('\n');
    for (const [shown, before = '', name = '', rest = ''] of code.matchAll(/\btds((?: --[a-z-]+)*) ([a-z][a-z-]+)\b([^`\n#|]*)/g)) {
      t.ok(commands.includes(name), `${page}: ${shown.trim()}`);
      const words = helps.get(name) ?? '';
      const inner = commandsOf(words);
      const next = /^ ([a-z]+)\b/.exec(rest)?.[1];
      if (inner.length > 0 && next !== undefined) t.ok(inner.includes(next), `${page}: ${shown.trim()}`);
      const about = inner.length > 0 && next !== undefined && inner.includes(next) ? words + await help(name, next) : words;
      for (const [option] of `${before}${rest}`.matchAll(/--[a-z][a-z-]+/g)) t.match(about, new RegExp(`${option}\\b`), `${page}: ${shown.trim()}`);
    }
  }
  const table = readme.slice(readme.indexOf('## Commands'), readme.indexOf('## API'));
  for (const [, name = '', cells = ''] of table.matchAll(/^\| `tds ([a-z-]+)[^`]*` \|(.*)\|$/gm)) {
    for (const [option] of cells.matchAll(/--[a-z][a-z-]+/g)) t.match(helps.get(name), new RegExp(`${option}\\b`), `tds ${name} ${option}`);
  }
});

t.test('every npm script that is shown exists', async (t) => {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: Record<string, string> };
  for (const [shown, name = ''] of readme.matchAll(/npm run ([a-z:]+)/g)) t.ok(name in scripts, shown);
  for (const name of ['start', 'test']) t.ok(readme.includes(`npm ${name}`) && name in scripts, name);
});

t.test('every environment variable of TDS that is shown is read somewhere', async (t) => {
  const text = ['core/main.ts', 'core/project.ts', 'core/api/index.ts', 'core/cli/program.ts', 'tds.config.yaml'].map((file) => readFileSync(join(root, file), 'utf8')).join('\n');
  for (const name of new Set([...readme.matchAll(/`((?:TDS|ZOHO)_[A-Z_]+)(?:=1)?`/g)].map((found) => found[1] ?? ''))) t.ok(text.includes(name), name);
});

t.test('every link and every file that is named leads somewhere', async (t) => {
  const pages = ['README.md', ...readdirSync(join(root, 'docs/decisions')).map((name) => `docs/decisions/${name}`)];
  for (const page of pages) {
    const text = readFileSync(join(root, page), 'utf8');
    const anchors = new Set([...text.matchAll(/^#+ (.+)$/gm)].map(([, title = '']) => title.toLowerCase().replaceAll(/[^\p{L}\p{N} -]/gu, '').replaceAll(' ', '-')));
    for (const [, target = ''] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^https?:/.test(target)) continue;
      if (target.startsWith('#')) t.ok(anchors.has(target.slice(1)), `${page}: ${target}`);
      else t.ok(existsSync(join(root, dirname(page), target)), `${page}: ${target}`);
    }
    for (const [, file = ''] of text.matchAll(/`((?:core|plugins|schemas|sandbox|test|docs)\/[a-z0-9/_.-]*[a-z0-9])`/g)) t.ok(existsSync(join(root, file)), `${page}: ${file}`);
  }
});

t.test('every decision stands in the list, in one page', async (t) => {
  const names = readdirSync(join(root, 'docs/decisions')).filter((name) => name !== 'README.md');
  const list = readFileSync(join(root, 'docs/decisions/README.md'), 'utf8');
  for (const name of names) {
    const text = readFileSync(join(root, 'docs/decisions', name), 'utf8');
    const title = text.split('\n', 1)[0]?.slice(2) ?? '';
    t.ok(list.includes(`- [${title}](${name})`), name);
    t.ok(title.startsWith(name.slice(0, 3)), `${name}: its number`);
    t.same([...text.matchAll(/^## (.+)$/gm)].map(([, part]) => part), ['Context', 'Decision', 'Consequences'], name);
    t.ok(text.split('\n').length <= 60, `${name}: one page`);
  }
});

t.test('the scopes are those that the sample config needs, and the look at the organization', async (t) => {
  const { entities } = parse(readFileSync(join(root, 'tds.config.yaml'), 'utf8')) as { entities: Record<string, { from: { connection: string; stream: string } }> };
  const apis = { books: { prefix: 'ZohoBooks', streams: bookStreams }, inventory: { prefix: 'ZohoInventory', streams: inventoryStreams } };
  const wanted = Object.entries(apis).flatMap(([id, { prefix, streams }]) => {
    const used = Object.values(entities).filter(({ from }) => from.connection === id).map(({ from }) => from.stream);
    return [`${prefix}.settings.READ`, ...used.map((name) => `${prefix}.${streams.find((stream) => stream.name === name)?.scope ?? name}.READ`)];
  });
  const shown = blocks('').flatMap((text) => text.match(/Zoho[A-Za-z]+\.[a-z]+\.READ/g) ?? []);
  t.same([...new Set(wanted)].toSorted(), shown.toSorted());
});

t.test('the plugin that is shown is found in a folder of one file, and does all that a connector must', async (t) => {
  const [source = ''] = blocks('ts');
  const folder = t.testdir({ 'rates.ts': source });
  const { plugins, failures } = await discoverPlugins({ directories: [folder], log });
  t.same(failures, []);
  const plugin = plugins.get('rates')?.plugin;
  if (!plugin) throw new Error('the README shows no plugin "rates"');
  const server = createServer((_request, response) => response.setHeader('content-type', 'application/json').end('{"rates":{"EUR":0.92,"IQD":1310,"USD":1}}'));
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  await testConnector(t, { plugin, settings: { url }, brokenSettings: { url: 'http://127.0.0.1:1/' }, source: { streams: [{ stream: 'rates', overlap: 3 }] } });
});

t.test('every piece of config that is shown is right, together with the sample', async (t) => {
  const pieces = blocks('yaml');
  t.ok(pieces.length >= 5);
  const folder = t.testdir();
  await mkdir(join(folder, 'my-plugins'));
  await writeFile(join(folder, 'my-plugins/rates.ts'), blocks('ts')[0] ?? '');
  await Promise.all(pieces.map((text, index) => writeFile(join(folder, `piece-${index}.yaml`), text)));
  await writeFile(join(folder, 'sample.yaml'), readFileSync(join(root, 'tds.config.yaml')));
  await writeFile(join(folder, 'tds.config.yaml'), `include: [sample.yaml, ${pieces.map((_, index) => `piece-${index}.yaml`).join(', ')}]\n`);
  const env = { ZOHO_ORGANIZATION_ID: '1', ZOHO_CLIENT_ID: 'a', ZOHO_CLIENT_SECRET: 'b', ZOHO_REFRESH_TOKEN: 'c' };
  const { findings, config } = await loadProject({ env, cwd: folder, log });
  t.same(findings.map(renderFinding), []);
  t.match(config?.entities['price_brackets']?.from, { stream: 'custom' });
  t.match(config?.schedules, { night: { mode: 'full' }, often: { entities: ['products', 'stock'] } });
  t.equal(config?.connections['exchange']?.plugin, 'rates');
});
