/** What could not be applied is mended and replayed; what a message does not say is asked of the source. */
import { writeFile } from 'node:fs/promises';
import t from 'tap';
import { until } from '../support/processes.ts';
import { openHooked, webhookConfig, type Hooked } from './support.ts';

const invoice = (id: number, more: object = {}): string => JSON.stringify({ invoice: { invoice_id: `i${id}`, invoice_number: `INV ${id}`, status: 'sent', total: 5, last_modified_time: '2026-06-01T08:00:00Z', ...more } });

t.test('58 dead messages of a broken mapping are mended and replayed, and none is left', async (t) => {
  const broken = webhookConfig.replace('checks: [{ field: total, min: 0 }]', 'checks: [{ field: total, min: 1000 }]');
  const shop = await openHooked(t, { sandbox: { scale: 'none' }, config: broken });
  await Promise.all(Array.from({ length: 58 }, (_, id) => shop.send('/webhooks/books/invoices/changed', invoice(id))));
  await shop.applied();
  const { webhooks } = shop.runtime.operations;
  t.equal((await shop.runtime.operations.deadLetters({ status: 'open', limit: 100 })).length, 58);
  t.match(await webhooks.planReplay({ filter: { outcome: 'refused' } }), { messages: 58, counts: { refuse: 58 } }, 'by the broken mapping they would be refused again');
  await t.rejects(webhooks.replay({ filter: {} }), { code: 'operation.no_message_choice' });

  await shop.runtime.stop({ drainMs: 500 });
  await writeFile(shop.file, webhookConfig);
  const mended = await shop.another();
  const plan = await mended.operations.webhooks.planReplay({ filter: { outcome: 'refused' } });
  t.match(plan, { messages: 58, counts: { change: 58 } }, 'by the mended one they would pass');
  t.same(plan.differences.find(({ key }) => key === 'i3')?.changes.find(({ field }) => field === 'number'), { field: 'number', to: 'INV 3' }, 'and what would stand in the row is told');
  t.equal((await shop.rows('SELECT count(*) AS n FROM erp.invoices'))[0]?.['n'], '0', 'a dry run writes nothing');
  t.equal(await mended.operations.webhooks.replay({ filter: { outcome: 'refused' } }), 58);
  await shop.applied();
  t.same(await mended.operations.deadLetters({ status: 'open', limit: 100 }), [], 'no dead letter is left');
  t.same(await shop.rows('SELECT outcome, count(*) AS n FROM webhook_inbox GROUP BY 1'), [{ outcome: 'applied', n: '58' }]);
  t.equal((await shop.rows('SELECT count(*) AS n FROM erp.invoices'))[0]?.['n'], '58');
  t.equal(await mended.operations.webhooks.replay({ filter: { since: new Date(Date.now() - 3_600_000), until: new Date(Date.now() + 60_000) } }), 58);
  await shop.applied();
  t.same(await shop.rows('SELECT outcome, count(*) AS n FROM webhook_inbox GROUP BY 1'), [{ outcome: 'unchanged', n: '58' }], 'once more changes nothing');
});

t.test('the source is asked where a message does not say enough, once for all messages about a record', async (t) => {
  const shop = await openHooked(t, { sandbox: { scale: 'small' } });
  await shop.sync(['contacts']);
  const { sandbox } = shop;
  const [one = '', two = '', three = ''] = sandbox.store.ids('contacts');
  const name = async (id: string): Promise<unknown> => (await shop.rows('SELECT name, deleted_at IS NOT NULL AS gone FROM erp.contacts WHERE contact_id = $1', [id]))[0];
  const hint = (id: string, more: object = {}): string => JSON.stringify({ contact: { contact_id: id, ...more } });
  sandbox.clock.advance(60_000);
  sandbox.store.edit('contacts', one, { contact_name: 'Changed' });
  sandbox.store.delete('contacts', two);
  sandbox.calls.reset();
  await Promise.all([hint(one), hint(one, { a: 1 }), hint(one, { a: 2 }), hint(two)].map((body) => shop.send('/webhooks/books/contacts/changed', body)));
  await shop.applied();
  t.same([await name(one), await name(two)], [{ name: 'Changed', gone: 'f' }, { name: (await name(two) as { name: string }).name, gone: 't' }], 'also that a record is gone');
  t.ok(sandbox.calls.total <= 4, `${sandbox.calls.total} calls`);
  t.same((await shop.rows('SELECT DISTINCT how FROM webhook_inbox')).map(({ how }) => how), ['refetch']);
  await until('the calls are booked as made for a webhook', async () => (await shop.rows(`SELECT 1 FROM quota_calls WHERE purpose = 'webhook' AND entity = 'contacts'`)).length > 0);

  // a source that is unwell holds back what it is asked about, and nothing else
  sandbox.fault({ kind: 'error-500', match: `/contacts/${three}`, times: 5 });
  sandbox.store.edit('contacts', three, { contact_name: 'Later' });
  await shop.send('/webhooks/books/contacts/changed', hint(three));
  sandbox.clock.advance(60_000);
  sandbox.store.edit('contacts', one, { contact_name: 'At once' });
  await shop.send('/webhooks/books/contacts/changed', JSON.stringify({ contact: sandbox.store.get('contacts', one) }));
  await until('the good one is applied', async () => (await name(one) as { name: string }).name === 'At once');
  await until('the other one waits', async () => (await shop.runtime.operations.webhooks.list({ outcome: 'waiting', limit: 5 })).some(({ attempts, code }) => attempts === 1 && code === 'zoho.internal'));
  await shop.runtime.operations.webhooks.replay({ filter: { outcome: 'waiting' } });
  await shop.applied();
  t.match(await name(three), { name: 'Later' });
});

t.test('a message that kills its process is found and set aside, the others go on', async (t) => {
  const shop = await openHooked(t, { sandbox: { scale: 'none' } });
  await shop.send('/webhooks/books/invoices/changed', invoice(0));
  await until('its job has ended', async () => (await shop.rows('SELECT 1 FROM webhook_entities WHERE working IS NULL')).length === 1);
  // as a process leaves it that died for the second time while it tried this record alone
  await shop.database.pool.query(`UPDATE webhook_entities SET working = 'the job before', suspect = $1 WHERE entity = 'invoices'`, [JSON.stringify({ at: ['i2'], among: [], named: { i2: 1 }, guilty: [], pages: 0 })]);
  await sendAll(shop, [1, 2, 3]);
  t.same(await shop.rows('SELECT invoice_id FROM erp.invoices ORDER BY 1'), ['i0', 'i1', 'i3'].map((invoice_id) => ({ invoice_id })));
  t.match(await shop.runtime.operations.deadLetters({ status: 'open', limit: 5 }), [{ key: 'i2', code: 'record.poison', via: 'webhook' }]);
});

async function sendAll(shop: Hooked, ids: readonly number[]): Promise<void> {
  await Promise.all(ids.map((id) => shop.send('/webhooks/books/invoices/changed', invoice(id))));
  await shop.applied();
}
