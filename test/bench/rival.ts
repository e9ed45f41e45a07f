/** The rival: what a flow tool does, pages read one after another, and one hand-written statement per page. No checks, no guards, no hashes. */
import { withClient } from './database.ts';
import type { Sandbox } from './processes.ts';

const statement = `
WITH page AS (SELECT item, x.* FROM jsonb_array_elements($1::jsonb) AS item, jsonb_to_record(item) AS x (
    item_id text, name text, sku text, unit text, description text, rate text, purchase_rate text, reorder_level text, group_id text, item_type text,
    tax_id text, status text, last_modified_time timestamptz)),
kept AS (INSERT INTO tds.records (entity, key, modified_at, observed_at, mapping, via, raw)
  SELECT 'products', item_id, last_modified_time, now(), 0, 'full', item::json FROM page
  ON CONFLICT (entity, key) DO UPDATE SET modified_at = excluded.modified_at, observed_at = excluded.observed_at, raw = excluded.raw)
INSERT INTO erp.products (item_id, name, sku, unit, description, price, purchase_price, reorder_level, group_id, item_type, tax_id, active, modified_at)
  SELECT item_id, name, sku, unit, description, nullif(rate, '')::numeric, nullif(purchase_rate, '')::numeric, nullif(reorder_level, '')::numeric, group_id, item_type, tax_id, status = 'active', last_modified_time FROM page
  ON CONFLICT (item_id) DO UPDATE SET name = excluded.name, sku = excluded.sku, unit = excluded.unit, description = excluded.description, price = excluded.price,
    purchase_price = excluded.purchase_price, reorder_level = excluded.reorder_level, group_id = excluded.group_id, item_type = excluded.item_type,
    tax_id = excluded.tax_id, active = excluded.active, modified_at = excluded.modified_at`;

/** Escapes that jsonb refuses; the source has some. */
const unstorable = /\\u(?:0000|d[89a-f]..)/gi;

/** Loads all items by pages of 200. Answers the seconds that it took. */
export async function runRival(sandbox: Sandbox, url: string): Promise<number> {
  const { facts } = sandbox;
  const grant = new URLSearchParams({ grant_type: 'refresh_token', refresh_token: facts.refreshToken, client_id: facts.clientId, client_secret: facts.clientSecret });
  const token = await (await fetch(`${facts.accountsUrl}/oauth/v2/token`, { method: 'POST', body: grant })).json() as { access_token: string };
  return withClient(url, async (client) => {
    const start = performance.now();
    for (let page = 1, more = true; more; page += 1) {
      const query = new URLSearchParams({ organization_id: facts.organizationId, page: String(page), per_page: '200', sort_column: 'created_time' });
      const response = await fetch(`${facts.apiUrl}/inventory/v1/items?${query}`, { headers: { authorization: `Zoho-oauthtoken ${token.access_token}` } });
      const body = await response.json() as { items: unknown[]; page_context: { has_more_page: boolean } };
      await client.query({ name: 'page', text: statement, values: [JSON.stringify(body.items).replaceAll(unstorable, '')] });
      more = body.page_context.has_more_page;
    }
    return (performance.now() - start) / 1000;
  });
}
