/** Invoices of a sandbox that tells of its changes by signed messages, and what must have come of those that were answered 2xx. */
import { hash } from 'node:crypto';
import { createServer, type AddressInfo } from 'node:net';
import type { Pool } from '../../../core/store/pool.ts';
import type { Random } from '../../../sandbox/zoho/random.ts';
import type { ZohoSandbox } from '../../../sandbox/zoho/server.ts';

/** YAML below `entities:`, of the connections `books` and `erp`. */
export const invoicesEntity = `  invoices:
    from: { connection: books, stream: invoices }
    to: { connection: erp, table: invoices }
    key: invoice_id
    fields: { invoice_id: invoice_id, status: status, reference: reference_number, total: { from: total, type: "numeric(18,4)" } }
    deletes: { maxShare: 100% }
`;

/** Rules that tell a TDS at this port of every change. */
export function rulesTo(port: number): ZohoSandbox['webhooks']['settings']['rules'] {
  return (['changed', 'deleted'] as const).map((event) => ({ resource: 'invoices', event, url: `http://127.0.0.1:${port}/webhooks/books/invoices/${event}` }));
}

/** How often each message was answered 2xx, from now on; for {@link accepted}. */
export function noteTaken({ webhooks }: ZohoSandbox): ReadonlyMap<string, number> {
  const taken = new Map<string, number>();
  webhooks.onTaken = (event, body) => {
    const id = hash('sha256', `${event}\n${body}`, 'base64url').slice(0, 22);
    taken.set(id, (taken.get(id) ?? 0) + 1);
  };
  return taken;
}

/** Changes, makes and takes away so many invoices, in a second of their own. */
export function changeInvoices({ store, clock }: ZohoSandbox, random: Random, together: number): void {
  const next = (): Record<string, string | number> => ({ status: random.pick(['sent', 'paid', 'overdue', 'draft']), reference_number: `R${clock.now()}`, total: random.between(1, 99_999) / 4 });
  clock.advance(1000);
  const ids = new Set(Array.from({ length: together }, () => store.anyId('invoices')).filter((id) => id !== undefined));
  for (const id of ids) {
    if (random.chance(0.02)) store.delete('invoices', id);
    else store.edit('invoices', id, next());
  }
  while (ids.size < together) ids.add(store.create('invoices', next()));
}

/** Every message that was answered 2xx is in the inbox, as often. */
export async function accepted(pool: Pool, taken: ReadonlyMap<string, number>): Promise<string[]> {
  const { rows } = await pool.query<{ hash: string; n: number }>('SELECT hash, count(*)::int AS n FROM tds.webhook_inbox GROUP BY hash');
  const kept = new Map(rows.map((row) => [row.hash, row.n]));
  const lost = [...taken].filter(([id, times]) => (kept.get(id) ?? 0) < times).length;
  return [...(lost > 0 ? [`${lost} messages were accepted and are lost`] : []), ...(taken.size === 0 ? ['no message was taken'] : [])];
}

/** What the table and the source differ in; rows of these records may be left. */
export async function differences(pool: Pool, { store }: ZohoSandbox, mayBeLeft: ReadonlySet<string> = new Set()): Promise<string[]> {
  const { rows } = await pool.query<{ id: string; status: string; reference: string; total: string }>('SELECT invoice_id AS id, status, reference, total::float8::text AS total FROM erp.invoices WHERE deleted_at IS NULL');
  const table = new Map(rows.map((row) => [row.id, `${row.status} ${row.reference} ${Number(row.total)}`]));
  const faults: string[] = [];
  for (const { id, record } of store.records('invoices')) {
    const wanted = `${String(record['status'])} ${String(record['reference_number'])} ${Number(record['total'])}`;
    if (table.get(id) !== wanted) faults.push(`${id} is ${table.get(id)}, and should be ${wanted}`);
    table.delete(id);
  }
  for (const id of table.keys()) if (!mayBeLeft.has(id)) faults.push(`${id} is gone at the source`);
  return faults.length > 5 ? [...faults.slice(0, 5), `and ${faults.length - 5} more`] : faults;
}

/** A port that nobody listens at just now. */
export function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
