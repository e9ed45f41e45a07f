import t from 'tap';
import { createTestContext, sampleMessage, testNotifier } from 'tds/sdk/test';
import { notifierService, type Posted } from '../../test/support/notifier-service.ts';
import plugin from './plugin.ts';

const token = '110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw';

/** https://core.telegram.org/bots/api#sendmessage and #html-style */
function fault({ path, body }: Posted): string | undefined {
  const { chat_id: chat, text, parse_mode: mode, ...more } = body;
  if (path !== `/bot${token}/sendMessage`) return 'Not Found';
  if (chat !== '-1001234567890') return 'Bad Request: chat not found';
  if (typeof text !== 'string' || text === '') return 'Bad Request: message text is empty';
  if (mode !== 'HTML') return 'Bad Request: unsupported parse_mode';
  if (Object.keys(more).some((name) => !['link_preview_options', 'disable_notification'].includes(name))) return `Bad Request: unknown ${Object.keys(more).join()}`;
  const bare = text.replaceAll(/<\/?(?:b|i|code|pre)>/g, '');
  if (/[<>]/.test(bare) || /&(?!(?:lt|gt|amp|quot);)/.test(bare)) return 'Bad Request: can\'t parse entities';
  for (const tag of ['b', 'code']) if (text.split(`<${tag}>`).length !== text.split(`</${tag}>`).length) return 'Bad Request: can\'t parse entities: unclosed tag';
  if (bare.replaceAll(/&(?:lt|gt|amp|quot);/g, '.').length > 4096) return 'Bad Request: message is too long';
  return undefined;
}

const say = (code: number, description: string, more = {}): { status: number; body: string } => ({ status: code, body: JSON.stringify({ ok: false, error_code: code, description, ...more }) });
const service = await notifierService(t, {
  fault,
  answers: {
    well: { status: 200, body: '{"ok":true,"result":{"message_id":1}}' }, busy: say(429, 'Too Many Requests: retry after 3', { parameters: { retry_after: 3 } }), unwell: say(502, 'Bad Gateway'),
    refuses: say(400, 'Bad Request: chat not found'), denies: say(401, 'Unauthorized'),
  },
});
const settings = { token, chatId: '-1001234567890', apiUrl: service.url };

t.test('the notifier contract', (t) => testNotifier(t, { plugin, settings, brokenSettings: { ...settings, apiUrl: service.closedUrl }, mood: service.mood, taken: () => service.taken().map(({ text }) => text) }));

t.test('a message is short HTML, and an answer that is not ok counts as refused', async (t) => {
  const { http, log, clock } = createTestContext({ attempts: 1 });
  const notifier = plugin.create({ notifierId: 'chat', settings, http, log, clock });
  service.mood('well');
  await notifier.send(sampleMessage({}, [{ summary: 'a < b & c' }]), AbortSignal.timeout(120_000));
  t.same(service.taken()[0]?.body, {
    chat_id: '-1001234567890', parse_mode: 'HTML', link_preview_options: { is_disabled: true }, disable_notification: false,
    text: '⚠️ TDS erp-1: warning – run-failed: a &lt; b &amp; c\n\n<b>a &lt; b &amp; c</b>\nsince 2026-01-05 08:00:00 UTC (12 min)\n→ <code>tds runs --status failed</code>',
  });
  service.mood('busy');
  await t.rejects(notifier.send(sampleMessage(), AbortSignal.timeout(120_000)), { name: 'RateLimitedError', retryAfterMs: 3000 });
});
