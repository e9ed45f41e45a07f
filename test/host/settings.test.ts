import t from 'tap';
import { renderFinding, Sources, type Finding, type OutlineConnection } from '../../core/config/index.ts';
import { checkConnections, checkSettings } from '../../core/host/index.ts';
import { discoverIn, pluginSource } from './plugin-folder.ts';

const at = (id: string, plugin: string, settings: unknown): OutlineConnection => ({ id, plugin, with: settings, path: ['connections', id] });
const codes = (findings: readonly Finding[]): string[] => findings.map(({ path, code }) => `${path} ${code}`);

t.test('settings are checked by the plugin\'s schema, and defaults are filled in', async (t) => {
  const { plugins } = await discoverIn(t, { 'shop.ts': pluginSource('shop') });
  const plugin = plugins.get('shop')!.plugin;
  const check = (settings: unknown) => checkSettings(plugin, settings, ['connections', 'shop', 'with'], new Sources('tds.config.yaml'));
  t.match(check({ url: 'x' }), { findings: [], value: { url: 'x', every: 5000 } });
  t.same(codes(check({ ulr: 'x', every: 'soon' }).findings).sort(), [
    'connections.shop.with.every config.bad_duration', 'connections.shop.with.ulr config.unknown_field', 'connections.shop.with.url config.missing_field',
  ], 'all faults at once');
  t.same(codes(check(undefined).findings), ['connections.shop.with.url config.missing_field'], 'no settings at all are an empty set of them');
});

t.test('each connection is told what its plugin lacks, and good ones are ready', async (t) => {
  const discovery = await discoverIn(t, { 'shop.ts': pluginSource('shop'), 'broken.ts': '\nthrow new Error("no way");\n', 'old.ts': pluginSource('old-one', { sdk: '99' }) });
  const { connections, findings } = checkConnections({ connections: [
    at('good', 'shop', { url: 'x' }), at('bad', 'shop', { url: 5 }), at('mistyped', 'shpo', {}), at('hit', 'broken', {}), at('late', 'old-one', {}),
  ] }, discovery, new Sources('tds.config.yaml'));
  t.same([...connections.keys()], ['good']);
  t.match(connections.get('good'), { loaded: { id: 'shop' }, settings: { url: 'x', every: 5000 } });
  t.same(codes(findings), ['connections.bad.with.url config.wrong_type', 'connections.mistyped.plugin host.unknown_plugin', 'connections.hit.plugin host.broken_plugin', 'connections.late.plugin host.broken_plugin']);
  t.match(findings.map(renderFinding).join('\n'), /did you mean "shop"\?[^]*no way \(.*broken\.ts:2\)[^]*SDK 99/);
});

t.test('a broken plugin that no connection names is no fault of the config', async (t) => {
  const discovery = await discoverIn(t, { 'shop.ts': pluginSource('shop'), 'broken.ts': 'throw 1' });
  t.same(checkConnections({ connections: [at('good', 'shop', { url: 'x' })] }, discovery, new Sources('tds.config.yaml')).findings, []);
});
