import { SDK_VERSION, definePlugin, type Plugin } from 'tds/sdk';
import { ZohoApi, type ApiKind } from './api.ts';
import { checkZoho } from './check.ts';
import { zohoConfigSchema, type ZohoSettings } from './settings.ts';
import { ZohoSource } from './source.ts';
import type { StreamEntry } from './stream-catalogue.ts';
import { signInOf } from './tokens.ts';
import { ZohoWebhook } from './webhook.ts';

/** What one of the two connectors is. */
export interface ZohoPluginSpec {
  id: string;
  description: string;
  kind: ApiKind;
  catalogue: readonly StreamEntry[];
}

const minuteMs = 60_000;

/** Makes the plugin of one API. */
export function zohoPlugin({ id, description, kind, catalogue }: ZohoPluginSpec): Plugin {
  return definePlugin<ZohoSettings>({
    id,
    version: '0.1.0',
    sdk: SDK_VERSION,
    kind: 'connector',
    description,
    configSchema: zohoConfigSchema,
    // Zoho's smallest figures: 100 calls a minute for an organization, 5 at once and 1,000 a day on the Free plan (Zoho API docs, "API call limit").
    defaults: {
      limits: { perMinute: 100, perDay: 1000, concurrent: 5 },
      retry: { attempts: 4, firstMs: 2000, maxMs: 60_000 },
      timeout: { connectMs: 10_000, headersMs: 30_000, bodyMs: 60_000, totalMs: 90_000 },
      cache: {
        times: { items: 5 * minuteMs, contacts: 10 * minuteMs, customers: 10 * minuteMs, vendors: 10 * minuteMs, stock: minuteMs, pricebooks: 30 * minuteMs },
        sameAs: { customers: 'contacts', vendors: 'contacts', stock: 'items' },
      },
    },
    // Zoho counts the calls of an organization, whichever of its products is called (Zoho API docs, "API call limit").
    account: ({ dataCenter, apiUrl, organizationId }) => `zoho:${apiUrl || dataCenter}:${organizationId}`,
    signIn: signInOf,
    create(context) {
      const api = new ZohoApi(kind, context);
      const source = new ZohoSource(kind, catalogue, context, api);
      return {
        source,
        webhook: new ZohoWebhook(kind, catalogue),
        check: (signal, uses = []) => checkZoho(api, context, uses.map((use) => ({ name: use.stream, list: () => source.listOf(use) })), signal),
      };
    },
  });
}
