/** Alerts to any address, signed as Standard Webhooks describes it (https://www.standardwebhooks.com). */
import { createHmac } from 'node:crypto';
import { PermanentError, SDK_VERSION, defineNotifier, messageText, plainText, type AlertMessage } from 'tds/sdk';
import { inspectAnswer } from '../_notify/answers.ts';
import { cureOf } from '../_notify/codes.ts';

interface WebhookSettings { url: string; secret: string; headers: Record<string, string>; body: string; contentType: string }

export default defineNotifier<WebhookSettings>({
  id: 'webhook',
  version: '1.0.0',
  sdk: SDK_VERSION,
  kind: 'notifier',
  description: 'Alerts to any address over HTTP, templated, and signed as Standard Webhooks describes it.',
  configSchema: {
    type: 'object',
    title: 'Webhook',
    additionalProperties: false,
    required: ['url'],
    properties: {
      url: { type: 'string', pattern: '^https?://', writeOnly: true, description: 'Where to post.', examples: ['https://example.com/hooks/tds'] },
      secret: { type: 'string', default: '', pattern: '^(whsec_[A-Za-z0-9+/]{32,}={0,2})?$', writeOnly: true, description: 'Signs each post: `whsec_` and base64 of 24 bytes or more. Empty: unsigned.', examples: ['${ALERT_WEBHOOK_SECRET}'] },
      headers: { type: 'object', default: {}, additionalProperties: { type: 'string', writeOnly: true }, description: 'More headers, such as a sign-in.' },
      body: { type: 'string', default: '', maxLength: 20_000, description: 'A template with `{title}`, `{text}`, `{kind}`, `{severity}`, `{rule}`, `{source}`, `{id}` and `{at}`; in JSON they are written so that they fit between quotes. Empty: all of the message as JSON.', examples: ['{"message": "{text}", "priority": "{severity}"}'] },
      contentType: { type: 'string', default: 'application/json', minLength: 1, maxLength: 200, description: 'The type of the body.' },
    },
  },
  create: ({ settings, http, clock }) => ({
    async send(message, signal) {
      const body = settings.body === '' ? JSON.stringify(standardBody(message)) : filled(settings, message);
      // made anew for each attempt: a receiver refuses what is older than some minutes
      const sign = async (): Promise<Record<string, string>> => signature(settings.secret, message.id, clock.now(), body);
      await http.send({ method: 'POST', url: settings.url, text: body, headers: { ...settings.headers, 'content-type': settings.contentType }, authorize: sign, inspect: (response) => inspectAnswer(response), signal });
    },
  }),
});

function standardBody(message: AlertMessage): object {
  return { type: message.kind === 'report' ? 'report' : `alert.${message.kind}`, timestamp: message.at.toISOString(), data: { ...message, title: messageText(message).title } };
}

function signature(secret: string, id: string, now: Date, body: string): Record<string, string> {
  const timestamp = String(Math.floor(now.getTime() / 1000));
  const headers = { 'webhook-id': `msg_${id}`, 'webhook-timestamp': timestamp };
  if (secret === '') return headers;
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  return { ...headers, 'webhook-signature': `v1,${createHmac('sha256', key).update(`msg_${id}.${timestamp}.${body}`).digest('base64')}` };
}

/** @throws PermanentError `notify.bad_settings` when a JSON template comes out as no JSON */
function filled({ body, contentType }: WebhookSettings, message: AlertMessage): string {
  const isJson = /\bjson\b/i.test(contentType);
  const values: Record<string, string> = { title: messageText(message).title, text: plainText(message), kind: message.kind, severity: message.severity, rule: message.rule, source: message.source, id: message.id, at: message.at.toISOString() };
  const text = body.replaceAll(/\{([a-z]+)\}/g, (whole, name: string) => {
    const value = Object.hasOwn(values, name) ? values[name] : undefined;
    return value === undefined ? whole : isJson ? JSON.stringify(value).slice(1, -1) : value;
  });
  if (isJson && !isParsable(text)) throw new PermanentError('notify.bad_settings', 'the template `body` comes out as no JSON', { suggestion: cureOf('notify.bad_settings') });
  return text;
}

function isParsable(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
