/** Holds the directions of DESIGN.md, "The house", so that the plan can't rot. Each fault is told as `file:line` with its rule. */
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { parseSource, readSourceFiles, type Import, type Literal, type SourceFile } from './support/source-files.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const plugins = readdirSync(`${root}/plugins`).filter((name) => !/^[_.]/.test(name)).map((name) => name.replace(/\.[jt]s$/, ''));
const present = new Set(readdirSync(root));
const files = readSourceFiles(root, ['core', 'plugins', 'schemas', 'sandbox', 'test', 'dashboard'].filter((folder) => present.has(folder)));
const isTest = (path: string): boolean => /(?:\.test|\/testing)\.ts$/.test(path);
const source = files.filter(({ path }) => !path.startsWith('test/') && !isTest(path));

/** From the outside in: a folder may import those that stand after it. Those of one line know nothing of one another. */
const layers: readonly (readonly string[])[] = [
  ['cli'], ['main'], ['api', 'schedule', 'webhook', 'healing', 'alerts', 'insight'], ['operations'], ['queue'], ['pipeline'], ['connection', 'host'], ['config', 'store', 'monitor'], ['sdk'],
];
/** Folders that may import less than their layer allows. */
const narrower: Readonly<Record<string, readonly string[]>> = { host: ['config', 'sdk'], store: ['sdk'], monitor: ['sdk'], config: [] };
/** Programs that only people start, and what they need beyond the rule of their folder. */
const programs: Readonly<Record<string, RegExp>> = { 'schemas/code-tables.ts': /^(?:core|plugins)\//, 'schemas/route-list.ts': /^core\/api\//, 'schemas/metric-list.ts': /^core\/(?:alerts|monitor)\//, 'schemas/stream-lists.ts': /^core\/(?:host|sdk|inert-context)/ };

/** The part of core that a file belongs to; files directly in core are `main`. */
function partOf(path: string): string | undefined {
  const [top, second, third] = path.split('/');
  if (top !== 'core') return undefined;
  return third === undefined ? 'main' : second;
}

function layerOf(part: string): number {
  return layers.findIndex((layer) => layer.includes(part));
}

interface Rule { title: string; from: (path: string) => boolean; fault: (found: Import, path: string) => string | undefined }

const rules: readonly Rule[] = [
  {
    title: 'schemas import nothing of ours',
    from: (path) => path.startsWith('schemas/'),
    fault: ({ text, target }, path) => (isOurs(text, target) && !target?.startsWith('schemas/') && !programs[path]?.test(target ?? '') ? 'schemas may import schemas alone' : undefined),
  },
  {
    title: 'the SDK imports nothing of ours, and no package at run time',
    from: (path) => path.startsWith('core/sdk/'),
    fault({ text, target }, path) {
      const isKit = path.startsWith('core/sdk/test/');
      if (target !== undefined) return target.startsWith('core/sdk/') && (isKit || !target.startsWith('core/sdk/test/')) ? undefined : 'core/sdk may import core/sdk alone, and not its test kit';
      return text.startsWith('node:') || (text === 'tap' && isKit) ? undefined : 'core/sdk may import no package';
    },
  },
  {
    title: 'a plugin imports tds/sdk, itself, and what plugins share in folders that begin with _',
    from: (path) => path.startsWith('plugins/'),
    fault({ text, target }, path) {
      if (target === undefined) return !/^tds(?:\/|$)/.test(text) || text === 'tds/sdk' ? undefined : 'a plugin may import tds/sdk alone (tds/sdk/test in its tests)';
      const own = path.split('/').slice(0, 2).join('/');
      return target.startsWith(`${own}/`) || target === path || target.startsWith('plugins/_') ? undefined : 'a plugin may import tds/sdk, itself and plugins/_* alone';
    },
  },
  {
    title: 'what plugins share knows no plugin',
    from: (path) => path.startsWith('plugins/_'),
    fault: ({ target }) => (target?.startsWith('plugins/') && !target.startsWith('plugins/_') ? 'plugins/_* may not import a plugin' : undefined),
  },
  {
    title: 'core imports no plugin, no test, and the sandbox only for the demo',
    from: (path) => path.startsWith('core/'),
    fault({ text, target }, path) {
      if (target?.startsWith('plugins/')) return 'core may not import a plugin';
      if (target?.startsWith('test/') || (target?.startsWith('core/sdk/test/') && !path.startsWith('core/sdk/test/'))) return 'what runs may not import tests';
      if (target?.startsWith('sandbox/') && !path.startsWith('core/cli/')) return 'only the demo of core/cli may import the sandbox';
      return /^tds(?:\/|$)/.test(text) ? 'core imports its own files by their path' : undefined;
    },
  },
  {
    title: 'inside core the arrows run one way',
    from: (path) => path.startsWith('core/'),
    fault({ target }, path) {
      const [from, to] = [partOf(path) ?? '', partOf(target ?? '')];
      if (to === undefined || to === from) return undefined;
      if (layerOf(from) === -1 || layerOf(to) === -1) return `core/${layerOf(from) === -1 ? from : to} has no place in the order; give it one in test/architecture.test.ts`;
      const allowed = narrower[from]?.includes(to) ?? layerOf(to) > layerOf(from);
      return allowed ? undefined : `${from} may not import ${to}; the order is ${layers.map((layer) => layer.join(', ')).join(' → ')}`;
    },
  },
  {
    title: 'routes and commands do their work by the operations alone, so that both say the same',
    from: (path) => /^core\/(?:api\/routes|cli\/commands)\//.test(path),
    fault: ({ target, typeOnly }) => (!typeOnly && ['store', 'queue', 'pipeline', 'connection', 'host', 'monitor', 'healing', 'schedule', 'webhook', 'alerts'].includes(partOf(target ?? '') ?? '') ? 'a route and a command ask operations alone' : undefined),
  },
  {
    title: 'the sandbox imports nothing of ours: it must not know what it is asked by',
    from: (path) => path.startsWith('sandbox/'),
    fault: ({ text, target }) => (isOurs(text, target) && !target?.startsWith('sandbox/') ? 'sandbox may import sandbox alone' : undefined),
  },
];

function isOurs(text: string, target: string | undefined): boolean {
  return target !== undefined || /^tds(?:\/|$)/.test(text);
}

const show = (path: string, { line, text }: Literal, fault: string): string => `${path}:${line} ${JSON.stringify(text)}: ${fault}`;

function faultsOf(rule: Rule, among: readonly SourceFile[]): string[] {
  return among.filter(({ path }) => rule.from(path)).flatMap(({ path, imports }) => imports.flatMap((found) => {
    const fault = rule.fault(found, path);
    return fault === undefined ? [] : [show(path, found, fault)];
  }));
}

for (const rule of rules) t.test(rule.title, async (t) => t.same(faultsOf(rule, source), []));

t.test('core names no plugin', async (t) => {
  // A word that plugins share says whom they speak to, and core must not know that either.
  const words = new Set(plugins.filter((name) => name.includes('-')).flatMap((name) => [name, name.split('-', 1)[0] as string]));
  const named = new RegExp(`\\b(?:${[...words].join('|')})`, 'i');
  const faults = source.filter(({ path }) => path.startsWith('core/') && !path.startsWith('core/cli/')).flatMap(({ path, literals }) => literals
    .filter(({ text }) => named.test(text) || (plugins.includes(text) && text !== 'webhook' && !path.startsWith('core/store/'))) // a webhook is a word of the core too
    .map((literal) => show(path, { ...literal, text: literal.text.slice(0, 60) }, 'core may not name a plugin or the service that it speaks to')));
  t.same(faults, []);
});

t.test('imports run in no circle', async (t) => t.same(circlesIn(files), []));

t.test('imports name their file with its ending, and it is there', async (t) => {
  const paths = new Set(files.map(({ path }) => path));
  const faults = files.flatMap(({ path, imports }) => imports.filter(({ target }) => target !== undefined && /\.[jt]s$/.test(target) && !paths.has(target)).map((found) => show(path, found, 'there is no such file')));
  const bare = files.flatMap(({ path, imports }) => imports.filter(({ target }) => target !== undefined && !/\.(?:[cm]?[jt]s|json)$/.test(target) && !target.includes('$')).map((found) => show(path, found, 'write the file with its ending')));
  t.same([...faults, ...bare], []);
});

t.test('the test sees imports of every form, and nothing in comments', async (t) => {
  const { imports, literals } = parseSource('core/queue/x.ts', [
    "import a from '../sdk/index.ts'; // import b from './comment.ts'", "/* import c from './comment.ts' */ import type { D } from \"../store/d.ts\";", "export * from './e.ts';",
    "const f = await import('../../plugins/f/plugin.ts');", "import './g.ts';", 'const r = /["\'`]/.test(x) / 2;', 'const h = `${a ? `${"inner"}` : { b: "}" }} import("x")`;', "import { i,\n  j } from 'node:path';",
  ].join('\n'));
  t.same(imports.map(({ line, target, text }) => `${line} ${target ?? text}`), ['1 core/sdk/index.ts', '2 core/store/d.ts', '3 core/queue/e.ts', '4 plugins/f/plugin.ts', '5 core/queue/g.ts', '9 node:path']);
  t.ok(literals.some(({ text }) => text === 'inner'));
});

t.test('the rules find what breaks them', async (t) => {
  for (const [path, specifier] of [
    ['schemas/x.ts', '../core/config/index.ts'], ['core/sdk/x.ts', '../store/pool.ts'], ['core/sdk/x.ts', 'pg'], ['core/sdk/x.ts', './test/index.ts'], ['plugins/a/plugin.ts', '../../core/sdk/index.ts'],
    ['plugins/a/plugin.ts', '../b/plugin.ts'], ['plugins/a/plugin.ts', 'tds/core/store/pool.ts'], ['plugins/a/plugin.ts', 'tds/sdk/test'], ['plugins/_a/x.ts', '../b/plugin.ts'], ['plugins/one.ts', './two.ts'],
    ['core/host/x.ts', '../../plugins/a/plugin.ts'], ['core/pipeline/x.ts', '../queue/x.ts'], ['core/store/x.ts', '../config/index.ts'], ['core/api/x.ts', '../webhook/x.ts'], ['core/queue/x.ts', '../main.ts'],
    ['core/queue/x.ts', '../novel/x.ts'], ['core/queue/x.ts', '../sdk/test/index.ts'], ['core/main.ts', '../sandbox/zoho/main.ts'], ['sandbox/x.ts', '../core/sdk/index.ts'], ['core/host/x.ts', '../store/pool.ts'],
    ['core/api/routes/x.ts', '../../store/runs.ts'], ['core/cli/commands/x.ts', '../../queue/index.ts'],
  ] as const) {
    const faults = rules.flatMap((rule) => faultsOf(rule, [parseSource(path, `import '${specifier}';`)]));
    t.ok(faults.length > 0, `${path} → ${specifier}`);
    t.match(faults[0], new RegExp(`^${path}:1 `));
  }
  const circle = [['a.ts', './b.ts'], ['b.ts', './c.ts'], ['c.ts', './b.ts']].map(([path, to]) => parseSource(`core/${path}`, `import '${to}';`));
  t.same(circlesIn(circle), ['core/b.ts → core/c.ts → core/b.ts']);
});

/** Each circle once, as the way around it. Imports of types alone are gone when the program runs, and count for the directions only. */
function circlesIn(among: readonly SourceFile[]): string[] {
  const targets = new Map(among.map(({ path, imports }) => [path, imports.flatMap(({ target, typeOnly }) => (typeOnly ? [] : (target ?? [])))]));
  const done = new Set<string>();
  const circles: string[] = [];
  const walk = (path: string, way: readonly string[]): void => {
    const begin = way.indexOf(path);
    if (begin !== -1) circles.push([...way.slice(begin), path].join(' → '));
    if (begin !== -1 || done.has(path)) return;
    for (const target of targets.get(path) ?? []) walk(target, [...way, path]);
    done.add(path);
  };
  for (const { path } of among) walk(path, []);
  return circles;
}
