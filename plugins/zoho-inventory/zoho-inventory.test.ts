import t from 'tap';
import { testConnector } from 'tds/sdk/test';
import { startZohoSandbox } from '../../sandbox/zoho/server.ts';
import { settingsFor } from '../_zoho/testing.ts';
import plugin from './plugin.ts';

t.test('zoho-inventory fulfils the contract of a connector', async (t) => {
  const sandbox = await startZohoSandbox({ scale: 'small', limits: false });
  t.teardown(() => sandbox.close());
  const settings = settingsFor(sandbox);
  const change = (resource: string) => async (): Promise<string[]> => {
    const ids = [sandbox.store.anyId(resource), sandbox.store.anyId(resource)].filter((id) => id !== undefined);
    for (const id of ids) sandbox.store.edit(resource, id);
    return ids;
  };
  await testConnector(t, {
    plugin,
    settings,
    brokenSettings: { ...settings, accountsUrl: 'http://127.0.0.1:1', apiUrl: 'http://127.0.0.1:1' },
    source: {
      streams: [
        { stream: 'items', badOptions: [{ colour: 'red' }, { query: { page: 2 } }], goneKey: '123456789012345678', change: change('items') },
        { stream: 'contacts', goneKey: '123456789012345678', change: change('contacts') },
        { stream: 'customers' },
        { stream: 'invoices', goneKey: '123456789012345678', change: change('invoices') },
        { stream: 'customerpayments', goneKey: '123456789012345678', change: change('customerpayments') },
        { stream: 'bills', change: change('bills') },
        { stream: 'stock' },
        { stream: 'pricebooks' },
        { stream: 'pricebook-rates' },
        { stream: 'contactpersons', overlap: 50 },
        { stream: 'custom', options: { path: 'settings/currencies', recordKey: 'currencies', idField: 'currency_id', details: { recordKey: 'currency' } }, badOptions: [{}, { path: '../x', recordKey: 'a', idField: 'b' }, { path: 'a', recordKey: 'a', idField: 'b', colour: 1 }] },
      ],
    },
  });
});
