/** A service whose answers a test sets, record by record, and the entities that hear of it. */
import { signed, webhookConfig, type Hooked } from './support.ts';

/** What it says of a record when it is asked: its name, that it is gone, nothing, or an error. `wait`: its name, when `script.open` resolves. */
export type Say = string | { gone: true } | { silent: true } | { wait: true } | { error: 'refused' | 'denied' | 'unwell' | 'spent' };

export interface Script { says: Map<string, Say>; asked: string[]; open: Promise<void>; /** Whether the plugin understands messages. */ reads: boolean }

export const script: Script = { says: new Map(), asked: [], open: Promise.resolve(), reads: true };
(globalThis as { tdsTestScript?: Script }).tdsTestScript = script;

const plugin = `
import { createHmac } from 'node:crypto';
import { AccessDeniedError, definePlugin, PermanentError, QuotaSpentError, RetryLaterError, SDK_VERSION, type StreamInfo } from 'tds/sdk';

const script = (globalThis as any).tdsTestScript;
const stream = (name: string, more: object): StreamInfo => ({ name, description: name, key: ['id'], modified: 'at', incremental: 'none', details: 'none', provesGone: false, ...more });
const streams = [stream('things', { details: 'single', provesGone: true }), stream('mute', {})];
const errors = {
  refused: () => new PermanentError('scripted.refused', 'no'), denied: () => new AccessDeniedError('scripted.denied', 'nobody'),
  unwell: () => new RetryLaterError('scripted.unwell', 'later'), spent: () => new QuotaSpentError('scripted.spent', 'tomorrow', { resumesAt: new Date(Date.now() + 3_600_000) }),
};

export default definePlugin({
  id: 'scripted', version: '1.0.0', sdk: SDK_VERSION, kind: 'connector', description: 'Says what a test wants.', configSchema: { type: 'object', additionalProperties: false, properties: {} },
  create: () => ({
    check: async () => [],
    source: {
      streams: () => streams, describe: (name) => streams.find((one) => one.name === name)!,
      async *read() { yield { records: [], observedAt: new Date(), end: { complete: true }, position: null }; },
      async readDetails({ keys }) {
        const results = [];
        for (const key of keys) {
          script.asked.push(key);
          const says = script.says.get(key) ?? 'name of ' + key;
          if (says.wait) await script.open;
          if (says.error) throw errors[says.error]();
          if (says.silent) continue;
          results.push(says.gone ? { key, gone: true, observedAt: new Date() } : { key, record: { id: key, name: typeof says === 'string' ? says : 'name of ' + key, at: new Date().toISOString() }, observedAt: new Date() });
        }
        return results;
      },
    },
    webhook: {
      signatureHeader: 'x-mine', supports: () => true, sign: ({ body }, secret) => createHmac('sha256', secret).update(body).digest('hex'),
      read: ({ body }) => { if (!body.id || !script.reads) throw new PermanentError('scripted.unreadable', 'no id'); return body.name === undefined ? { key: body.id, ...(body.odd ? { record: { odd: true } } : {}) } : { record: body }; },
      write: ({ record }) => record, steps: () => ['by hand'],
    },
  }),
});
`;

const entity = (id: string, more = ''): string => `  ${id}: { from: { connection: scripted, stream: ${id} }, to: { connection: erp, table: ${id} }, key: id, fields: { id: id, name: name }${more} }\n`;

/** For \`openHooked\`: \`things\` of which single records can be asked for, and \`mute\` of which none can. */
export const scriptedShop = {
  sandbox: { scale: 'none' as const }, files: { 'my-plugins/scripted.ts': plugin },
  config: `plugins: [./my-plugins]\n${webhookConfig.replace('  erp:', `  scripted: { plugin: scripted, webhooks: { secret: thesecretofmine1 } }\n  erp:`)}${entity('things')}${entity('mute')}`,
};

/** Sends a message about a record; without a name it is a hint only. */
export async function tell({ send }: Hooked, entityId: 'things' | 'mute', body: Record<string, unknown>, event = 'changed'): Promise<number> {
  const text = JSON.stringify(body);
  return (await send(`/webhooks/scripted/${entityId}/${event}`, text, { headers: { 'x-mine': signed(text, 'thesecretofmine1') } })).status;
}
