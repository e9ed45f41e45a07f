import { join } from 'node:path';
import t from 'tap';
import { renderFailure, type PluginFailure } from '../../core/host/index.ts';
import { discoverIn, pluginSource } from './plugin-folder.ts';

interface BrokenCase { title: string; files: Record<string, string>; expected: Partial<Record<keyof PluginFailure, unknown>> }

const cases: readonly BrokenCase[] = [
  { title: 'throws at import', files: { 'bad.ts': "const a = 1;\n\nthrow new Error('out of order');\n" }, expected: { code: 'host.import_failed', name: 'bad.ts', reason: /out of order/, line: 3 } },
  { title: 'throws in a file that it imports', files: { 'bad/plugin.ts': "import './lib.ts';\n", 'bad/lib.ts': "\nnull!.x;\nexport {};\n" }, expected: { code: 'host.import_failed', name: 'bad', file: /lib\.ts$/, line: 2 } },
  { title: 'throws what is no error', files: { 'bad.js': "throw 'words';\n" }, expected: { code: 'host.import_failed', reason: /words/ } },
  { title: 'has a syntax error in TypeScript', files: { 'bad.ts': 'export default {\n  id: ;\n};\n' }, expected: { code: 'host.syntax', line: 2 } },
  { title: 'has a syntax error in JavaScript', files: { 'bad.js': 'export default {\n  id: 1,\n  b: ;\n};\n' }, expected: { code: 'host.syntax', line: 3 } },
  { title: 'uses an enum', files: { 'bad.ts': 'export {};\nenum Color { Red }\n' }, expected: { code: 'host.syntax', reason: /enum/, line: 2 } },
  { title: 'imports a package that is not there', files: { 'bad.ts': "import x from 'no-such-package';\nexport default x;\n" }, expected: { code: 'host.missing_dependency', reason: "Cannot find package 'no-such-package'", suggestion: /npm install/ } },
  { title: 'imports a file that is not there', files: { 'bad/plugin.ts': "import x from './no-such-file.ts';\nexport default x;\n" }, expected: { code: 'host.missing_dependency', file: /plugin\.ts$/ } },
  { title: 'imports what the SDK does not have', files: { 'bad.ts': "import { nothing } from 'tds/sdk';\nexport default nothing;\n" }, expected: { code: 'host.syntax', reason: /tds\/sdk.*nothing/, line: 1 } },
  { title: 'never ends loading', files: { 'bad.ts': 'await new Promise(() => {});\nexport default {};\n' }, expected: { code: 'host.import_timeout', reason: /0\.2 s/ } },
  { title: 'is a folder without an entry', files: { 'bad/notes.txt': '' }, expected: { code: 'host.no_entry', name: 'bad' } },
  { title: 'is a package whose entry is missing', files: { 'bad/package.json': '{"main":"gone.js"}' }, expected: { code: 'host.missing_dependency', name: 'bad' } },
  { title: 'exports nothing', files: { 'bad.ts': 'export const id = 1;\n' }, expected: { code: 'host.no_default_export' } },
  { title: 'exports a function', files: { 'bad.ts': 'export default () => 1;\n' }, expected: { code: 'host.no_default_export', reason: /function/ } },
  { title: 'has no SDK version', files: { 'bad.ts': pluginSource('bad', { sdk: '' }) }, expected: { code: 'host.bad_plugin', id: 'bad', reason: /sdk/ } },
  { title: 'was written for a newer SDK', files: { 'bad.ts': pluginSource('bad', { sdk: '99' }) }, expected: { code: 'host.sdk_version', reason: /99.*SDK 1/ } },
  { title: 'has an id that is no word', files: { 'bad.ts': pluginSource('Bad Id') }, expected: { code: 'host.bad_plugin', reason: /Bad Id/ } },
  { title: 'has no version', files: { 'bad.ts': pluginSource('bad', { version: '' }) }, expected: { code: 'host.bad_plugin', reason: /version/ } },
  { title: 'is of an unknown kind', files: { 'bad.ts': pluginSource('bad', { kind: "'teleporter' as 'connector'" }) }, expected: { code: 'host.bad_plugin', reason: /teleporter.*connector/ } },
  { title: 'has no create', files: { 'bad.ts': pluginSource('bad', { create: '' }) }, expected: { code: 'host.bad_plugin', reason: /create/ } },
  { title: 'has defaults of a wrong kind', files: { 'bad.ts': pluginSource('bad', { defaults: "{ limits: { perMinute: '100' } } as never" }) }, expected: { code: 'host.bad_plugin', reason: /perMinute/ } },
  { title: 'has no schema', files: { 'bad.ts': pluginSource('bad', { configSchema: '' }) }, expected: { code: 'host.bad_schema' } },
  { title: 'has a schema that is none', files: { 'bad.ts': pluginSource('bad', { configSchema: "{ type: 'object', additionalProperties: false, properties: { a: { type: 'strin' } } }" }) }, expected: { code: 'host.bad_schema' } },
  { title: 'has a schema that lets mistyped settings pass', files: { 'bad.ts': pluginSource('bad', { configSchema: "{ type: 'object' }" }) }, expected: { code: 'host.bad_schema', reason: /additionalProperties/ } },
];

for (const { title, files, expected } of cases) {
  t.test(`a plugin that ${title} is told, and the others load`, async (t) => {
    const { plugins, failures, directory, lines } = await discoverIn(t, { 'good.ts': pluginSource('good'), ...files }, 200);
    t.same([...plugins.keys()], ['good']);
    t.equal(failures.length, 1);
    t.match(failures[0], { suggestion: /./, ...expected });
    const [failure] = failures;
    if (!failure) return;
    t.ok(failure.file.startsWith(join(directory, 'bad')), 'the place is told');
    t.ok(!failure.reason.includes('\n'), 'in one line');
    t.match(renderFailure(failure), new RegExp(`^${directory}(?=.*[Bb]ad).* plugin .* was not loaded: .*\\(${failure.code}\\)$`));
    t.match(lines.filter(({ level }) => level === 'warn'), [{ fields: { code: failure.code } }], 'and logged once');
  });
}
