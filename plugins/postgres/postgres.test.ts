import t from 'tap';
import { createMemoryLog, createTestContext, testConnector } from 'tds/sdk/test';
import { testDatabase } from '../../test/support/database.ts';
import { createOwnDatabase } from './own-database.ts';
import plugin from './plugin.ts';

const { url } = await testDatabase(t, { migrated: false });
const database = createOwnDatabase({ url, poolSize: 4 }, createMemoryLog([]));
t.teardown(() => database.close());

const settings = { url: '', schema: 'contract', poolSize: 3, createSchema: true };
const nowhere = new URL(url);
nowhere.port = '1';
nowhere.password = 'canary-7f3a';

t.test('in TDS\'s own database it is a connector', (t) => testConnector(t, { plugin, settings, context: { database }, destination: { database } }));

t.test('in another database it is a connector', (t) => testConnector(t, {
  plugin, settings: { ...settings, url, schema: 'other' }, brokenSettings: { ...settings, url: nowhere.href }, destination: { database, schema: 'other' },
}));

t.test('an address that is none is told without being repeated', async (t) => {
  for (const bad of ['postgres//user:canary-7f3a@host/db', 'mysql://user:canary-7f3a@host/db', 'canary-7f3a']) {
    const connector = plugin.create(createTestContext({ settings: { ...settings, url: bad } }));
    const findings = await connector.check(AbortSignal.timeout(120_000));
    t.match(findings, [{ ok: false, code: 'postgres.bad_url' }]);
    t.notMatch(JSON.stringify(findings), /canary/);
    await connector.close?.();
  }
});

t.test('check tells of a database that is not there by its name', async (t) => {
  const wrong = new URL(url);
  wrong.pathname = '/no_such_database';
  const connector = plugin.create(createTestContext({ settings: { ...settings, url: wrong.href } }));
  t.match(await connector.check(AbortSignal.timeout(120_000)), [{ ok: false, message: /no_such_database/ }]);
  await connector.close?.();
});
