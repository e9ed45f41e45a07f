import t from 'tap';
import { startZohoSandbox, type FaultOptions } from '../../sandbox/zoho/server.ts';
import books from '../zoho-books/plugin.ts';
import inventory from '../zoho-inventory/plugin.ts';
import { idsOf, readAll, rigOf, settingsFor } from './testing.ts';

const streams = [[inventory, 'items', 'item_id'], [books, 'items', 'item_id'], [books, 'invoices', 'invoice_id'], [books, 'customerpayments', 'payment_id'], [books, 'contacts', 'contact_id']] as const;

const passing: FaultOptions[] = [
  { kind: 'error-500', after: 1 }, { kind: 'html', after: 1 }, { kind: 'maintenance' }, { kind: 'reset', after: 1 }, { kind: 'cut-body', after: 1 },
  { kind: 'empty-body' }, { kind: 'bad-json', after: 1 }, { kind: 'limit-minute', after: 1 }, { kind: 'limit-concurrency' }, { kind: 'unauthorized', after: 1 },
];

t.test('a read lives through', async (t) => {
  const sandbox = await startZohoSandbox({ scale: 'small', limits: false });
  t.teardown(() => sandbox.close());
  for (const fault of passing) {
    t.test(fault.kind, async (t) => {
      for (const [plugin, stream, id] of streams.slice(0, 3)) {
        const { source } = rigOf(plugin, settingsFor(sandbox), { attempts: 5 });
        sandbox.faults.clear();
        const queued = sandbox.fault({ ...fault, match: `/${stream}` });
        const { records } = await readAll(source, stream);
        t.equal(idsOf(records, id).length, sandbox.store.count(stream), `${plugin.id} ${stream}`);
        t.equal(queued.hits, 1, 'the fault was met');
      }
    });
  }
});

t.test('pages that shift at each call lose no record that stays', async (t) => {
  for (const [plugin, stream, id] of streams) {
    const sandbox = await startZohoSandbox({ scale: 'small', limits: false });
    const { source } = rigOf(plugin, settingsFor(sandbox));
    sandbox.fault({ kind: 'shift', match: `/${stream}?`, times: Infinity, records: 1 });
    const { records } = await readAll(source, stream);
    const seen = new Set(idsOf(records, id));
    const missed = sandbox.store.records(stream).filter((record) => !seen.has(record.id));
    t.same([...missed].map((record) => record.id), [], `${plugin.id} ${stream}`);
    await sandbox.close();
  }
});

t.test('a filter that is suddenly ignored costs calls, not records', async (t) => {
  const sandbox = await startZohoSandbox({ scale: 'small', limits: false });
  t.teardown(() => sandbox.close());
  const { source } = rigOf(books, settingsFor(sandbox));
  const { end } = await readAll(source, 'invoices');
  const id = sandbox.store.anyId('invoices') as string;
  sandbox.store.edit('invoices', id);
  sandbox.fault({ kind: 'ignore-filters', match: '/invoices', times: Infinity });
  const changes = await readAll(source, 'invoices', { mode: 'incremental', cursor: end?.cursor });
  t.ok(idsOf(changes.records, 'invoice_id').includes(id));
  t.ok(changes.records.length < 50, 'and what did not change is passed over');
});

t.test('a list that never says that it ends is ended, and not called complete', async (t) => {
  const sandbox = await startZohoSandbox({ scale: 'small', limits: false });
  t.teardown(() => sandbox.close());
  for (const [plugin, stream, id] of streams) {
    sandbox.faults.clear();
    const { source } = rigOf(plugin, settingsFor(sandbox));
    sandbox.fault({ kind: 'endless-pages', match: `/${stream}`, times: Infinity });
    const { records, end } = await readAll(source, stream);
    t.equal(idsOf(records, id).length, sandbox.store.count(stream));
    t.equal(end?.complete, false, `${plugin.id} ${stream}`);
  }
});

t.test('a list without a word about pages is read to its end', async (t) => {
  const sandbox = await startZohoSandbox({ scale: 'small', limits: false });
  t.teardown(() => sandbox.close());
  for (const [plugin, stream, id] of streams) {
    sandbox.faults.clear();
    const { source } = rigOf(plugin, settingsFor(sandbox));
    sandbox.fault({ kind: 'no-page-context', match: `/${stream}`, times: Infinity });
    const { records } = await readAll(source, stream);
    t.equal(idsOf(records, id).length, sandbox.store.count(stream), `${plugin.id} ${stream}`);
  }
});
