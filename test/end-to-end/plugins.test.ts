/** A plugin is a file that is dropped into a folder: no edit to the core, no build; a broken one takes nothing down. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { loadProject, projectRoot } from '../../core/main.ts';
import { silentLogger } from '../../core/monitor/log.ts';
import { openShop, shopConnections } from '../support/shop.ts';

/** A source of numbers, as a user would write it: two pages, the second after the first's position. */
const source = (id: string, count: number): string => `
import { definePlugin, SDK_VERSION, type ReadPage, type ReadRequest, type StreamInfo } from 'tds/sdk';

const numbers: StreamInfo = { name: 'numbers', description: 'numbers', key: ['n'], incremental: 'none', details: 'none', provesGone: false };

export default definePlugin<{ from: number }>({
  id: '${id}', version: '1.2.3', sdk: SDK_VERSION, kind: 'connector', description: 'Counts.',
  configSchema: { type: 'object', additionalProperties: false, properties: { from: { type: 'integer', default: 1 } } },
  create: ({ settings, log }) => ({
    check: async () => [{ probe: 'counting', ok: true, message: 'it can count' }],
    source: {
      streams: () => [numbers],
      describe: () => numbers,
      async *read({ position }: ReadRequest): AsyncGenerator<ReadPage> {
        log.info('counting');
        const done = typeof position === 'number' ? position : 0;
        for (let page = done; page < 2; page++) {
          const records = Array.from({ length: ${count} }, (_, n) => ({ n: settings.from + page * ${count} + n, word: 'number ' + n }));
          yield { records, observedAt: new Date(), position: page + 1, ...(page === 1 ? { end: { complete: true } } : {}) };
        }
      },
    },
  }),
});
`;

const entity = (connection: string): string => `
  from_${connection}:
    from: { connection: ${connection}, stream: numbers }
    to: { connection: erp, table: ${connection} }
    key: n
    fields: { n: { from: n, type: bigint }, word: word }
`;

async function elsewhere(t: { teardown(action: () => unknown): unknown }, files: Record<string, string>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tds-plugins-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  return folder;
}

const config = (folder: string, more: string, entities: string): string => `plugins: [./my-plugins, ${folder}]\n${shopConnections.replace('  erp:', `${more}  erp:`)}entities:\n${entities}`;

void t.test('one file in a folder of the config, and one in a folder far from TDS, work as sources; broken ones beside them are told and harm nobody', async (t) => {
  const folder = await elsewhere(t, { 'afar.ts': source('afar', 700), 'broken.ts': 'export default {{{', 'throwing.ts': "throw new Error('not today');" });
  const shop = await openShop(t, {
    config: config(folder, '  near: { plugin: near, with: { from: 1000 } }\n  afar: { plugin: afar }\n', entity('near') + entity('afar')),
    files: { 'my-plugins/near.ts': source('near', 3), 'my-plugins/old/plugin.ts': source('old', 1).replace('sdk: SDK_VERSION', 'sdk: 99') },
    sandbox: { scale: 'none' },
  });
  const told = new Map(shop.runtime.operations.plugins().map((plugin) => [plugin.id, plugin]));
  t.match(told.get('near'), { version: '1.2.3', description: 'Counts.', connections: ['near'] });
  t.match(told.get('afar'), { file: join(folder, 'afar.ts'), connections: ['afar'] });
  t.match(told.get('broken.ts'), { failure: { code: 'host.syntax', reason: /broken\.ts|parse|Expected|Unexpected/ } });
  t.match(told.get('throwing.ts'), { failure: { code: 'host.import_failed', reason: /not today/ } });
  t.match(told.get('old'), { failure: { code: 'host.sdk_version' } });

  const probes = [];
  for await (const { connection, ok, message } of shop.runtime.operations.check(['near', 'afar'], AbortSignal.timeout(120_000))) probes.push(`${connection} ${ok} ${message}`);
  t.same(probes, ['near true it can count', 'afar true it can count']);

  const runs = await shop.sync('all');
  t.same(runs.map((run) => `${run.entity} ${run.status} ${run.new}`), ['from_near succeeded 6', 'from_afar succeeded 1400']);
  t.same((await shop.rows('SELECT n FROM erp.near ORDER BY n')).map((row) => row['n']), ['1000', '1001', '1002', '1003', '1004', '1005']);
  t.same(await shop.rows('SELECT count(*), max(n) FROM erp.afar'), [{ count: '1400', max: '1400' }]);
  t.same((await shop.sync('all')).map((run) => `${run.unchanged} of ${run.read} unchanged`), ['6 of 6 unchanged', '1400 of 1400 unchanged']);
});

void t.test('a broken plugin that a connection uses is a fault at the line of the connection', async (t) => {
  const folder = await elsewhere(t, { 'broken.ts': 'export default {{{', 'good.ts': source('good', 1) });
  const text = config(folder, '  good: { plugin: good, with: { form: 3 } }\n  bad: { plugin: broken }\n  typo: { plugin: godo }\n', entity('good'));
  const file = join(folder, 'config.yaml');
  await writeFile(file, text);
  const variables = ['ZOHO_ORGANIZATION_ID', 'ZOHO_CLIENT_ID', 'ZOHO_CLIENT_SECRET', 'ZOHO_REFRESH_TOKEN', 'ZOHO_ACCOUNTS_URL', 'ZOHO_API_URL', 'ZOHO_CALLS_PER_MINUTE', 'ZOHO_CALLS_PER_DAY', 'ZOHO_CALLS_AT_ONCE', 'TDS_DATABASE_URL'];
  const env = Object.fromEntries(variables.map((name) => [name, name.includes('CALLS') ? '10' : name.endsWith('URL') ? 'http://127.0.0.1:1' : '1234567']));
  const { findings, plugins, config: loaded } = await loadProject({ file, env, cwd: projectRoot, log: silentLogger });
  t.equal(loaded, undefined, 'such a config is not run');
  const place = (words: string): { line: number; column: number } => {
    const before = text.slice(0, text.indexOf(words)).split('\n');
    return { line: before.length, column: (before.at(-1) ?? '').length + 1 };
  };
  const of = (code: string): object | undefined => findings.find((found) => found.code === code);
  t.match(of('host.broken_plugin'), { file, ...place('broken }') });
  t.match(of('host.unknown_plugin'), { file, ...place('godo }'), suggestion: /good/ });
  t.match(findings.find((found) => found.file === file && found.line === place('form: 3').line && found.code.startsWith('config.')), { suggestion: /from/ }, 'the plugin\'s own schema refuses a setting');
  t.match(plugins.find(({ failure }) => failure?.code === 'host.no_directory'), { file: join(folder, 'my-plugins') }, 'and a folder that is not there is told by its path');
});
