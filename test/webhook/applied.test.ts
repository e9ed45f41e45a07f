/** Messages of a shop arrive, are kept, and end in the table. */
import t from 'tap';
import { until } from '../support/processes.ts';
import { openHooked, previousSecret, signed } from './support.ts';

const at = (second: number): string => new Date(Date.UTC(2026, 5, 1, 8, 0, second)).toISOString();
const invoice = (id: string, second: number, more: object = {}): string => JSON.stringify({ invoice: { invoice_id: id, invoice_number: `INV ${second}`, status: 'sent', total: 12.5, last_modified_time: at(second), ...more } });

t.test('messages end in the table, the newest of each record, whatever order they come in', async (t) => {
  const shop = await openHooked(t, { sandbox: { scale: 'none' } });
  const to = (event: string): string => `/webhooks/books/invoices/${event}`;
  const row = async (id: string): Promise<unknown> => (await shop.rows('SELECT number, total, deleted_at IS NOT NULL AS gone FROM erp.invoices WHERE invoice_id = $1', [id]))[0];
  const outcomes = async (id: string): Promise<string[]> => (await shop.runtime.operations.webhooks.list({ key: id, limit: 50 })).toReversed().map(({ outcome, duplicate }) => `${outcome}${duplicate ? ' again' : ''}`);

  t.equal((await shop.send(to('changed'), invoice('1', 10))).status, 202);
  await shop.applied();
  t.same(await row('1'), { number: 'INV 10', total: '12.5000', gone: 'f' }, 'an unknown record is made');

  const late = invoice('1', 5);
  t.equal((await shop.send(to('changed'), late, { sign: signed(late, previousSecret) })).status, 202, 'the secret before is taken too');
  t.equal((await shop.send(to('changed'), invoice('1', 10))).status, 202, 'a doubled one is taken');
  await shop.applied();
  t.same(await row('1'), { number: 'INV 10', total: '12.5000', gone: 'f' }, 'a late one changes nothing');
  t.same(await outcomes('1'), ['applied', 'stale', 'unchanged again']);

  await shop.send(to('deleted'), invoice('1', 10));
  await shop.applied();
  await shop.send(to('changed'), invoice('1', 8));
  await shop.applied();
  t.match(await row('1'), { gone: 't' }, 'what is deleted stays so');
  t.same((await outcomes('1')).slice(3), ['deleted', 'stale']);

  await shop.send(to('deleted'), invoice('2', 3));
  await shop.applied();
  await shop.send(to('changed'), invoice('2', 2));
  await shop.applied();
  t.same(await row('2'), undefined, 'a message that comes after the deletion of a record that was never seen does not make it');

  // a bad one among good ones
  await Promise.all([invoice('3', 1), invoice('4', 1, { total: -5 }), invoice('5', 1), '{"invoice":{"invoice_number":"x"}}', '{"nothing":1}'].map((body) => shop.send(to('changed'), body)));
  await shop.applied();
  t.same(await Promise.all(['3', '4', '5'].map(row)), [{ number: 'INV 1', total: '12.5000', gone: 'f' }, undefined, { number: 'INV 1', total: '12.5000', gone: 'f' }]);
  const letters = await shop.runtime.operations.deadLetters({ status: 'open', limit: 10 });
  t.same(letters.map(({ via, code, key }) => `${via} ${code} ${key}`).sort(), ['webhook check.min 4', 'webhook webhook.unreadable null', 'webhook webhook.unreadable null']);
  t.same((await shop.runtime.operations.webhooks.list({ outcome: 'refused', limit: 10 })).map(({ code }) => code).sort(), ['check.min', 'webhook.unreadable', 'webhook.unreadable']);

  const [stats] = await shop.runtime.operations.webhooks.stats();
  t.match(stats, { entity: 'invoices', waiting: 0, apply: 'payload', counts: { duplicate: 1, refused: 3 }, pollingFactor: 1 });
  t.ok((stats?.latency?.p99 ?? -1) >= 0);
});

t.test('what the sandbox changes arrives by itself, and what it loses is found by the next read', async (t) => {
  const shop = await openHooked(t, { sandbox: { scale: 'small' } });
  const { sandbox } = shop;
  await shop.sync(['invoices', 'contacts']);
  sandbox.webhooks.settings.secret = 'thesecretofthewebhooks';
  sandbox.webhooks.settings.rules = (['changed', 'deleted'] as const).flatMap((event) => [['invoices', 'invoices'], ['contacts', 'contacts']].map(([resource = '', entity]) => ({ resource, event, url: `${shop.url}/webhooks/books/${entity}/${event}` })));
  const same = async (): Promise<boolean> => {
    const rows = await shop.rows('SELECT invoice_id, status FROM erp.invoices WHERE deleted_at IS NULL');
    return rows.length === sandbox.store.count('invoices') && rows.every(({ invoice_id, status }) => sandbox.store.get('invoices', invoice_id ?? '')?.['status'] === status);
  };
  const ids = [...sandbox.store.ids('invoices')];
  sandbox.clock.advance(10_000);
  ids.slice(0, 40).forEach((id, n) => sandbox.store.edit('invoices', id, { status: `s${n}` }));
  ids.slice(40, 45).forEach((id) => sandbox.store.delete('invoices', id));
  await until('all was sent', () => sandbox.webhooks.pending === 0);
  await shop.applied();
  t.ok(await same(), 'the table equals the source');
  t.equal(sandbox.webhooks.counts.taken, 45);

  const contact = sandbox.store.anyId('contacts') ?? '';
  const before = sandbox.calls.total;
  sandbox.store.edit('contacts', contact, { contact_name: 'Somebody else' });
  await until('the contact is there', async () => (await shop.rows('SELECT name FROM erp.contacts WHERE contact_id = $1', [contact]))[0]?.['name'] === 'Somebody else');
  t.equal(sandbox.calls.total, before, 'a message that is whole and fresh costs no call');

  // all are lost
  sandbox.webhooks.settings.loss = 1;
  sandbox.clock.advance(10_000);
  ids.slice(50, 60).forEach((id) => sandbox.store.edit('invoices', id, { status: 'lost' }));
  await shop.sync(['invoices'], 'incremental');
  t.ok(await same(), 'the read finds what came without a message');
  await shop.database.pool.query(`UPDATE webhook_gaps SET found_at = now() - interval '2 minutes'`);
  await shop.runtime.webhooks.look();
  const stats = (await shop.runtime.operations.webhooks.stats()).find(({ entity }) => entity === 'invoices');
  t.equal(stats?.counts['lost'], 10);
  t.same((await shop.runtime.operations.webhooks.lost({ entity: 'invoices', limit: 50 })).map(({ key }) => key).toSorted(), ids.slice(50, 60).toSorted(), 'and each of them is named');
  t.ok((stats?.lossRate ?? 0) > 0.15 && (stats?.pollingFactor ?? 1) < 1, 'the entity is to be read more often');
  t.equal(await shop.runtime.operations.webhooks.pollingFactor('contacts'), 1);
});
