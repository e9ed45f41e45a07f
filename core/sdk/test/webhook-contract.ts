import type { JsonObject, JsonValue } from '../json.ts';
import { isRecord, readPath } from '../json.ts';
import type { Source } from '../source.ts';
import type { Webhook } from '../webhook.ts';
import type { TestScope } from './options.ts';
import type { WithConnector } from './source-contract.ts';

const secret = 'aSecretOfTheContract';

/** What every connector must do whose service sends messages about its changes. Asked of it where it has a `webhook`. */
export async function testWebhook(t: TestScope, streams: readonly { stream: string; options?: JsonObject }[], withConnector: WithConnector): Promise<void> {
  await t.test('a signature hangs on every byte, on the parameters and on the secret', (t) => withConnector(async ({ webhook }) => {
    if (!webhook) return;
    const [body, parameters] = [Buffer.from('{"a":1}'), [['b', '2'], ['a', '1']]] as const;
    const right = webhook.sign({ parameters, body }, secret);
    t.equal(webhook.sign({ parameters, body }, secret), right, 'the same request has the same signature');
    const others = [webhook.sign({ parameters, body: Buffer.from('{"a":2}') }, secret), webhook.sign({ parameters: [], body }, secret), webhook.sign({ parameters, body }, `${secret}x`)];
    t.notOk(others.includes(right), 'another one has another');
    t.equal(webhook.signatureHeader, webhook.signatureHeader.toLowerCase(), 'its header is named in lower case');
    t.notOk(webhook.keepHeaders?.includes(webhook.signatureHeader), 'and is not kept');
  }));
  for (const { stream, options = {} } of streams) {
    await t.test(`messages about ${stream}`, (t) => withConnector(async ({ webhook, source }) => {
      if (webhook?.supports(stream, 'changed') && source) await tryStream(t, webhook, source, stream, options);
    }));
  }
}

async function tryStream(t: TestScope, webhook: Webhook, source: Source, stream: string, options: JsonObject): Promise<void> {
  const [path = ''] = source.describe(stream, options).key;
  for await (const { records } of source.read({ stream, options, mode: 'full', signal: AbortSignal.timeout(30_000) })) {
    const [record] = records;
    if (!record) continue;
    const body = webhook.write({ stream, options, event: 'changed', record });
    const told = webhook.read({ stream, options, event: 'changed', body: JSON.parse(JSON.stringify(body)) as JsonValue });
    t.equal(String(told?.record && readPath(told.record, path)), String(readPath(record, path)), 'a message that it writes tells the record that it was made of');
    break;
  }
  for (const hostile of [null, 1, 'x', [], {}, { a: null }, { a: [] }] as JsonValue[]) {
    try {
      const told = webhook.read({ stream, options, event: 'changed', body: hostile });
      t.ok(told === undefined || told.record === undefined || isRecord(told.record), 'what is no message tells no record');
    } catch (error) {
      t.match(error, { name: 'PermanentError' }, 'what is no message is refused as such');
    }
  }
  const steps = webhook.steps({ entity: 'thing', stream, event: 'changed', url: 'https://example.com/hook' });
  t.ok(steps.some((step) => step.includes('https://example.com/hook')), 'its steps name the address');
}
