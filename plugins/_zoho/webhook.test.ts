import { createHmac } from 'node:crypto';
import t from 'tap';
import { startZohoSandbox } from '../../sandbox/zoho/server.ts';
import { signature } from '../../sandbox/zoho/webhooks.ts';
import books from '../zoho-books/plugin.ts';
import { rigOf, settingsFor } from './testing.ts';

const webhook = (): NonNullable<ReturnType<typeof rigOf>['connector']['webhook']> => {
  const found = rigOf(books, settingsFor({ accountsUrl: 'http://127.0.0.1:1', apiUrl: 'http://127.0.0.1:1' })).connector.webhook;
  if (!found) throw new Error('the connector has no webhook');
  return found;
};

t.test('the text that Zoho gives as an example is what is signed', async (t) => {
  const body = '{"created_date":"2019-03-06","event_id":"5675"}';
  const wanted = createHmac('sha256', 'secretof12letters').update(`namebasicsubscription_id90343${body}`).digest('hex');
  t.equal(webhook().sign({ parameters: [['subscription_id', '90343'], ['name', 'basic']], body: Buffer.from(body) }, 'secretof12letters'), wanted);
  t.equal(signature('http://x/?subscription_id=90343&name=basic', body, 'secretof12letters'), wanted, 'and the sandbox signs the same');
});

t.test('a record is found under whatever name it stands, and what is none is refused', async (t) => {
  const hook = webhook();
  const read = (stream: string, body: unknown): unknown => hook.read({ stream, options: {}, event: 'changed', body: body as never });
  t.same(read('invoices', { invoice: { invoice_id: '1' } }), { record: { invoice_id: '1' } });
  t.same(read('customerpayments', { customerpayment: { payment_id: '1' } }), { record: { payment_id: '1' } });
  t.same(read('items', { something: { item_id: '1' } }), { record: { item_id: '1' } });
  t.equal(read('customers', { contact: { contact_id: '1', contact_type: 'vendor' } }), undefined, 'a vendor is no customer');
  for (const body of [null, [], 'x', 1, {}, { invoice: [] }, { invoice: { id: '1' } }, { toString: { a: 1 } }]) t.throws(() => read('invoices', body), { code: 'zoho.webhook_unreadable' });
  for (const stream of ['invoices', 'items', 'customers', 'purchaseorders', 'expenses']) {
    const record = { invoice_id: '1', item_id: '1', contact_id: '1', contact_type: 'customer', purchaseorder_id: '1', expense_id: '1' };
    t.same(hook.read({ stream, options: {}, event: 'changed', body: hook.write({ stream, options: {}, event: 'changed', record }) }), { record }, `${stream} there and back`);
  }
  t.same(['invoices', 'pricebooks', 'stock', 'nonsense', 'constructor', 'packages'].map((stream) => hook.supports(stream, 'changed')), [true, false, false, false, false, false]);
  t.match(hook.steps({ entity: 'invoices', stream: 'invoices', event: 'deleted', url: 'https://x/webhooks/books/invoices/deleted' }).join('\n'), /Invoices.*https:\/\/x\/webhooks\/books\/invoices\/deleted.*deleted/s);
});

t.test('the sandbox loses, doubles, holds back and forges as it is told', async (t) => {
  const sandbox = await startZohoSandbox({ scale: 'none', counts: { invoices: 50 }, limits: false });
  t.teardown(() => sandbox.close());
  const { webhooks, store } = sandbox;
  webhooks.settings.rules = [{ resource: 'invoices', event: 'changed', url: 'http://127.0.0.1:1/' }];
  webhooks.settings.retries = 0;
  const edit = (settings: object): void => {
    Object.assign(webhooks.settings, { loss: 0, doubling: 0, reordering: 0, forgery: 0 }, settings);
    store.edit('invoices', store.anyId('invoices') ?? '', { status: 'paid' });
  };
  edit({ loss: 1 });
  t.same([webhooks.pending, webhooks.counts.lost, webhooks.lost.length], [0, 1, 1]);
  edit({ doubling: 1 });
  t.equal(webhooks.pending, 2);
  edit({ reordering: 1 });
  t.equal(webhooks.counts.sent, 2, 'held back');
  webhooks.flush();
  t.equal(webhooks.counts.sent, 3);
  edit({ forgery: 1 });
  t.equal(webhooks.counts.sent, 5, 'the forged one beside the true one');
});
