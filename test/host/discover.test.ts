import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { discoverPlugins } from '../../core/host/index.ts';
import { PermanentError } from '../../core/sdk/index.ts';
import { createMemoryLog, createTestContext } from '../../core/sdk/test/index.ts';
import { discoverIn, pluginFolder, pluginSource } from './plugin-folder.ts';

t.test('one file dropped into a folder anywhere is a plugin', async (t) => {
  const { plugins, failures, directory } = await discoverIn(t, {
    'one-file.ts': `import type { Plugin } from 'tds/sdk';\n${pluginSource('one-file', { create: "(context: unknown): { check(): Promise<[]> } => ({ check: async () => [] })" })}`,
  });
  t.same(failures, []);
  t.match(plugins.get('one-file'), { id: 'one-file', file: join(directory, 'one-file.ts'), plugin: { version: '1.0.0' } });
});

t.test('folders and files in every form are found', async (t) => {
  const { plugins, failures } = await discoverIn(t, {
    'plain.js': pluginSource('plain'),
    'with-plugin-ts/plugin.ts': pluginSource('with-plugin-ts'),
    'with-plugin-js/plugin.js': pluginSource('with-plugin-js'),
    'with-index-ts/index.ts': pluginSource('with-index-ts'),
    'with-index-js/index.js': pluginSource('with-index-js'),
    'with-main/package.json': '{"type":"module","main":"lib/main.js"}', 'with-main/lib/main.js': pluginSource('with-main'),
    'with-exports/package.json': '{"type":"module","exports":{".":{"types":"./x.d.ts","import":"./dist/x.js"}}}', 'with-exports/dist/x.js': pluginSource('with-exports'),
    'with-neither/package.json': '{"type":"module"}', 'with-neither/plugin.ts': pluginSource('with-neither'),
    'common.js': "const { SDK_VERSION } = require('tds/sdk');\nmodule.exports = { id: 'common', version: '1', sdk: SDK_VERSION, kind: 'connector', description: '', configSchema: { type: 'object', additionalProperties: false }, create: () => ({ check: async () => [] }) };\n",
  });
  t.same(failures, []);
  t.same([...plugins.keys()].sort(), ['common', 'plain', 'with-exports', 'with-index-js', 'with-index-ts', 'with-main', 'with-neither', 'with-plugin-js', 'with-plugin-ts']);
});

t.test('what is no plugin is left alone', async (t) => {
  const { plugins, failures } = await discoverIn(t, {
    '_shared/helper.ts': 'throw new Error("must not be imported")', '_half-done.ts': 'throw new Error("must not be imported")', '.hidden/plugin.ts': 'throw 1',
    'good.test.ts': 'throw 1', 'types.d.ts': 'throw 1', 'README.md': '# x', 'package.json': '{}', 'node_modules/x/index.js': 'throw 1', 'good.ts': pluginSource('good'),
  });
  t.same([[...plugins.keys()], failures], [['good'], []]);
});

t.test('a plugin may bring packages of its own, and files beside it', async (t) => {
  const { plugins, failures } = await discoverIn(t, {
    'own/plugin.ts': `import { word } from 'its-own-package';\nimport { suffix } from './lib/suffix.ts';\n${pluginSource('own', { description: 'word + suffix' })}`,
    'own/lib/suffix.ts': "import { isRecord } from 'tds/sdk';\nexport const suffix: string = isRecord({}) ? '!' : '?';\n",
    'own/node_modules/its-own-package/package.json': '{"type":"module","exports":"./main.js"}', 'own/node_modules/its-own-package/main.js': "export const word = 'own';\n",
  });
  t.same(failures, []);
  t.equal(plugins.get('own')?.plugin.description, 'own!');
});

t.test('an error class of tds/sdk is the host\'s own, also where the plugin brings another copy of TDS', async (t) => {
  const { plugins } = await discoverIn(t, {
    'copy/plugin.ts': `import { PermanentError } from 'tds/sdk';\n${pluginSource('copy', { create: "() => { throw new PermanentError('copy.no', 'no'); }" })}`,
    'copy/node_modules/tds/package.json': '{"type":"module","exports":{"./sdk":"./sdk.js"}}', 'copy/node_modules/tds/sdk.js': 'export class PermanentError extends Error {}\n',
  });
  t.throws(() => plugins.get('copy')?.plugin.create(createTestContext()), PermanentError);
});

t.test('the test kit is there for plugins too', async (t) => {
  const { failures } = await discoverIn(t, { 'kit.ts': `import { testConnector } from 'tds/sdk/test';\n${pluginSource('kit', { description: 'typeof testConnector' })}` });
  t.same(failures, []);
});

t.test('directories are searched in order, and one that is not there is told', async (t) => {
  const first = await pluginFolder(t, { 'a.ts': pluginSource('a', { version: "'first'" }) });
  const second = await pluginFolder(t, { 'renamed.ts': pluginSource('a', { version: "'second'" }), 'b.ts': pluginSource('b') });
  const missing = join(second, 'not-there');
  const { plugins, failures } = await discoverPlugins({ directories: [first, missing, second, first], log: createMemoryLog([]) });
  t.same([...plugins.keys()], ['a', 'b']);
  t.equal(plugins.get('a')?.plugin.version, 'first', 'of two with one id the first one is used');
  t.match(failures, [
    { code: 'host.no_directory', name: missing },
    { code: 'host.duplicate_plugin', id: 'a', file: join(second, 'renamed.ts'), reason: new RegExp(join(first, 'a.ts')) },
  ]);
});

t.test('every plugin of this repository loads', async (t) => {
  const { plugins, failures } = await discoverPlugins({ directories: [fileURLToPath(new URL('../../plugins', import.meta.url))], log: createMemoryLog([]) });
  t.same(failures, []);
  t.ok(plugins.size > 0);
});
