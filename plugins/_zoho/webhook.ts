import { createHmac } from 'node:crypto';
import { PermanentError, isRecord, type JsonObject, type JsonValue, type SourceRecord, type Webhook, type WebhookMessage, type WebhookRequest, type WebhookRule } from 'tds/sdk';
import type { ApiKind } from './api.ts';
import type { StreamEntry } from './stream-catalogue.ts';

/** Modules for which Zoho has workflow rules. Price lists and stock that transactions move have none. */
const modules: Readonly<Record<string, string>> = {
  items: 'Items', contacts: 'Contacts', customers: 'Customers', vendors: 'Vendors', estimates: 'Quotes', salesorders: 'Sales Orders', invoices: 'Invoices',
  customerpayments: 'Payments Received', creditnotes: 'Credit Notes', expenses: 'Expenses', purchaseorders: 'Purchase Orders', bills: 'Bills', vendorpayments: 'Payments Made',
  vendorcredits: 'Vendor Credits', journals: 'Journals', retainerinvoices: 'Retainer Invoices', recurringinvoices: 'Recurring Invoices', packages: 'Packages', shipmentorders: 'Shipments',
  salesreturns: 'Sales Returns', purchasereceives: 'Purchase Receives', compositeitems: 'Composite Items',
};

/**
 * Webhooks of Zoho's workflow rules. The body is JSON with the whole record under the name of its module; it tells neither event nor time,
 * so that each rule has an address of its own.
 */
export class ZohoWebhook implements Webhook {
  readonly signatureHeader = 'x-zoho-webhook-signature';
  readonly #kind: ApiKind;
  readonly #catalogue: ReadonlyMap<string, StreamEntry>;

  constructor(kind: ApiKind, catalogue: readonly StreamEntry[]) {
    this.#kind = kind;
    this.#catalogue = new Map(catalogue.map((entry) => [entry.name, entry]));
  }

  supports(stream: string): boolean {
    return Object.hasOwn(modules, stream) && this.#catalogue.has(stream);
  }

  /** Hex HMAC-SHA256 over the parameters sorted by name, name and value joined with nothing between, and then the raw body. */
  sign({ parameters, body }: WebhookRequest, secret: string): string {
    const sorted = parameters.toSorted(([one], [other]) => (one < other ? -1 : one > other ? 1 : 0)).map(([name, value]) => `${name}${value}`).join('');
    return createHmac('sha256', secret).update(sorted).update(body).digest('hex');
  }

  /** Joining with nothing between is ambiguous, so that only the body is believed. */
  read({ stream, body }: { stream: string; body: JsonValue }): WebhookMessage | undefined {
    const entry = this.#entry(stream);
    const record = isRecord(body) ? recordOf(body, entry) : undefined;
    if (!record) throw new PermanentError('zoho.webhook_unreadable', `The message brings no record with ${entry.idField}.`);
    if (entry.only && record[entry.only.field] !== undefined && record[entry.only.field] !== entry.only.value) return undefined;
    return { record };
  }

  write({ stream, record }: { stream: string; record: SourceRecord }): JsonObject {
    return { [keyOf(this.#entry(stream))]: record };
  }

  steps({ stream, event, url }: WebhookRule): readonly string[] {
    const { product } = this.#kind;
    const module = modules[stream] ?? stream;
    return [
      `In ${product} open Settings › Automation › Workflow Actions › Webhooks and make a webhook for the module ${module}.`,
      `Method POST, URL ${url}`,
      'Leave the body at its default: JSON with the whole record. Under "Secure webhook" enter the secret of the config (12 to 50 letters and digits).',
      `Under Workflow Rules make a rule for ${module}: when a record is ${event === 'deleted' ? 'deleted' : 'created or edited, any field'}, at once, do this webhook.`,
      'Set a retry policy, so that a message that can\'t be taken comes again.',
    ];
  }

  #entry(stream: string): StreamEntry {
    const entry = this.#catalogue.get(stream);
    if (entry) return entry;
    throw new PermanentError('zoho.unknown_stream', `${this.#kind.product} has no stream "${stream}".`);
  }
}

function keyOf(entry: StreamEntry): string {
  if (entry.detail?.kind === 'items') return 'item';
  return entry.detail?.recordKeys[0] ?? entry.recordKey;
}

/** Under its own name, or under whichever holds a record with the id. */
function recordOf(body: JsonObject, entry: StreamEntry): SourceRecord | undefined {
  const names = [keyOf(entry), ...(entry.detail?.recordKeys ?? [])];
  return [...names.map((name) => body[name]), ...Object.values(body), body].filter(isRecord).find((record) => Object.hasOwn(record, entry.idField));
}

