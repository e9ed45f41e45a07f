/** Alerts into a Telegram chat, by a bot. */
import { PermanentError, SDK_VERSION, defineNotifier, isRecord, messageText, type AlertMessage, type JsonValue } from 'tds/sdk';
import { cutTo, inspectAnswer, saysBy } from '../_notify/answers.ts';
import { cureOf } from '../_notify/codes.ts';

interface TelegramSettings { token: string; chatId: string; apiUrl: string }

const marks: Readonly<Record<AlertMessage['severity'], string>> = { info: 'ℹ️', warning: '⚠️', critical: '🚨' };
/** Telegram counts 4096 characters after its markup is read; alerts are left out until the rest fits. */
const textLimit = 4000;

export default defineNotifier<TelegramSettings>({
  id: 'telegram',
  version: '1.0.0',
  sdk: SDK_VERSION,
  kind: 'notifier',
  description: 'Alerts into a Telegram chat, by a bot.',
  configSchema: {
    type: 'object',
    title: 'Telegram',
    additionalProperties: false,
    required: ['token', 'chatId'],
    properties: {
      token: { type: 'string', minLength: 1, pattern: '^[0-9]+:[A-Za-z0-9_-]+$', writeOnly: true, description: 'The bot\'s token, from @BotFather.', examples: ['${TELEGRAM_BOT_TOKEN}'] },
      chatId: { type: 'string', minLength: 1, description: 'The number of the chat, or `@name` of a public channel. The bot must be a member.', examples: ['-1001234567890'] },
      apiUrl: { type: 'string', pattern: '^https?://', default: 'https://api.telegram.org', description: 'For a Bot API server of your own.' },
    },
  },
  create: ({ settings: { token, chatId, apiUrl }, http }) => ({
    async send(message, signal) {
      const answer = await http.send({
        method: 'POST', url: `${apiUrl.replace(/\/+$/, '')}/bot${token}/sendMessage`, json: telegramPayload(message, chatId), inspect: (response) => inspectAnswer(response, saysBy('description')), signal,
      });
      const body = answer.json();
      if (!isRecord(body) || body['ok'] !== true) throw new PermanentError('notify.refused', `Telegram did not take the message: ${saysBy('description')(answer)}`, { suggestion: cureOf('notify.refused') });
    },
  }),
});

function telegramPayload(message: AlertMessage, chatId: string): JsonValue {
  const mark = message.kind === 'resolved' ? '✅' : message.kind === 'test' ? '👋' : message.kind === 'report' && message.severity === 'info' ? '📋' : marks[message.severity];
  return { chat_id: chatId, text: fitting(message, mark), parse_mode: 'HTML', link_preview_options: { is_disabled: true }, disable_notification: message.severity === 'info' };
}

function fitting(message: AlertMessage, mark: string): string {
  for (let most = 10; ; most -= 1) {
    const { title, alerts, more } = messageText(message, most);
    const parts = alerts.map(({ summary, when, help }) => `<b>${escape(cutTo(summary, 300))}</b>\n${escape(when)}\n→ <code>${escape(cutTo(help, 200))}</code>`);
    const text = [`${mark} ${escape(cutTo(title, 300))}`, ...parts, ...(more > 0 ? [`and ${more} more: <code>tds alerts list</code>`] : [])].join('\n\n');
    if (text.length <= textLimit || most === 1) return text;
  }
}

/** The signs that Telegram's HTML takes for itself. */
function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
