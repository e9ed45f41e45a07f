import t from 'tap';
import { sampleMessage, testNotifier, createTestContext } from 'tds/sdk/test';
import { notifierService, type Posted } from '../../test/support/notifier-service.ts';
import plugin from './plugin.ts';

interface Block { type: string; text?: { type: string; text: string }; elements?: { type: string; text: string }[] }

/** https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks, and the limits of Block Kit. */
function fault({ path, headers, body }: Posted): string | undefined {
  const { text, blocks = [] } = body as { text?: unknown; blocks?: Block[] };
  if (!/^\/services\/T\w+\/B\w+\/\w+$/.test(path)) return 'no_service';
  if (!String(headers['content-type']).startsWith('application/json')) return 'invalid_payload';
  if (typeof text !== 'string' || text === '' || text.length > 40_000) return 'no_text';
  if (blocks.length > 50) return 'invalid_blocks';
  for (const block of blocks) {
    if (!['header', 'section', 'context'].includes(block.type)) return `invalid_blocks: ${block.type}`;
    if (block.type === 'header' && (block.text?.type !== 'plain_text' || block.text.text.length > 150 || block.text.text === '')) return 'invalid_blocks: header';
    if (block.type === 'section' && (block.text?.type !== 'mrkdwn' || block.text.text.length > 3000 || block.text.text === '')) return 'invalid_blocks: section';
    // what is not escaped could mention everybody
    if (block.type !== 'header' && /<(?:!|@|#)/.test(JSON.stringify(block))) return 'a mention slipped in';
  }
  return undefined;
}

const service = await notifierService(t, {
  fault,
  answers: { well: { status: 200, body: 'ok' }, busy: { status: 429, body: '', headers: { 'retry-after': '1' } }, unwell: { status: 500, body: 'rollup_error' }, refuses: { status: 404, body: 'channel_not_found' }, denies: { status: 403, body: 'action_prohibited' } },
});
const settings = { url: `${service.url}/services/T000/B000/s3cretPartOfTheAddress` };

t.test('the notifier contract', (t) => testNotifier(t, { plugin, settings, brokenSettings: { url: `${service.closedUrl}/services/T000/B000/s3cretPartOfTheAddress` }, mood: service.mood, taken: () => service.taken().map(({ text }) => text) }));

t.test('a message is a header, a section per alert, and a word about the rest', async (t) => {
  service.mood('well');
  const { http, log, clock } = createTestContext();
  await plugin.create({ notifierId: 'chat', settings, http, log, clock }).send(sampleMessage({ severity: 'critical' }, Array.from({ length: 12 }, (_, n) => ({ summary: `a < b & ${n}` }))), AbortSignal.timeout(120_000));
  const [posted] = service.taken();
  const blocks = posted?.body['blocks'] as Block[];
  t.same(blocks.map(({ type }) => type), ['header', ...Array.from({ length: 10 }, () => 'section'), 'context']);
  t.equal(blocks[0]?.text?.text, ':rotating_light: TDS erp-1: critical – run-failed: 12 alerts');
  t.equal(blocks[1]?.text?.text, '*a &lt; b &amp; 0*\nsince 2026-01-05 08:00:00 UTC (12 min)\n→ `tds runs --status failed`');
  t.equal(blocks.at(-1)?.elements?.[0]?.text, 'and 2 more: `tds alerts list`');
});
