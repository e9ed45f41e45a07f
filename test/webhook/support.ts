/** A shop whose Zoho sends webhooks to a TDS with its API. */
import { createHmac } from 'node:crypto';
import { request } from 'node:http';
import { createApi } from '../../core/api/index.ts';
import type { ApiOptions } from '../../core/api/index.ts';
import { silentLogger } from '../../core/monitor/log.ts';
import type { TestScope } from '../support/database.ts';
import { openShop, shopConnections, type Shop, type ShopOptions } from '../support/shop.ts';
import { until } from '../support/processes.ts';

export const secret = 'thesecretofthewebhooks';
export const previousSecret = 'thesecretthatwasbefore';

export const webhookConfig = `${shopConnections.replace('    limits: &limits', `    webhooks: { secret: ${secret}, previousSecret: ${previousSecret}, maxBody: 100kB }\n    breaker: { failures: 50 }\n    limits: &limits`)}
entities:
  invoices:
    from: { connection: books, stream: invoices }
    to: { connection: erp, table: invoices }
    key: invoice_id
    fields:
      invoice_id: invoice_id
      number: invoice_number
      status: status
      total: { from: total, type: "numeric(18,4)" }
      modified_at: { from: last_modified_time, type: timestamptz }
    checks: [{ field: total, min: 0 }]
    webhook: { apply: payload }
  contacts:
    from: { connection: books, stream: contacts }
    to: { connection: erp, table: contacts }
    key: contact_id
    fields:
      contact_id: contact_id
      name: contact_name
`;

export interface Hooked extends Shop {
  url: string;
  /** Sends a body to an address; answers the status. `sign` absent: with the secret. */
  send(path: string, body: string | Buffer, options?: { sign?: string | undefined; headers?: Record<string, string>; method?: string }): Promise<{ status: number; body: Record<string, unknown>; headers: Record<string, unknown> }>;
  /** Waits until no message waits. */
  applied(): Promise<void>;
}

export function signed(text: string | Buffer, by = secret): string {
  return createHmac('sha256', by).update(text).digest('hex');
}

/** Opens the shop with the API before it. */
export async function openHooked(scope: TestScope & { teardown(action: () => unknown): unknown }, options: ShopOptions = {}, api: Partial<ApiOptions> = {}): Promise<Hooked> {
  const shop = await openShop(scope, { config: webhookConfig, ...options });
  const server = createApi({ operations: shop.runtime.operations, log: silentLogger, version: '1', host: '127.0.0.1', port: 0, graceMs: 50, ...api });
  const { url } = await server.start();
  scope.teardown(() => server.stop());
  return {
    ...shop, url,
    send: (path, body, { sign = signed(body), headers = {}, method = 'POST' } = {}) => post(url, path, body, method, { 'Content-Type': 'application/json', 'X-Zoho-Webhook-Signature': sign, ...headers }),
    async applied() {
      await until('no message waits', async () => (await shop.database.pool.query('SELECT 1 FROM webhook_inbox WHERE outcome IS NULL LIMIT 1')).rows.length === 0);
    },
  };
}

export function post(url: string, path: string, body: string | Buffer, method: string, headers: Record<string, string>): Promise<{ status: number; body: Record<string, unknown>; headers: Record<string, unknown> }> {
  return new Promise((resolve, reject) => {
    const outgoing = request(`${url}${path}`, { method, agent: false, headers }, (incoming) => {
      let text = '';
      incoming.setEncoding('utf8').on('data', (part: string) => (text += part)).once('end', () => resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body: text === '' ? {} : JSON.parse(text) as Record<string, unknown> }));
    });
    outgoing.once('error', reject);
    outgoing.end(body);
  });
}
