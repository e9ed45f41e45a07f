/** Alerts into a Slack channel, by an incoming webhook. */
import { SDK_VERSION, defineNotifier, messageText, type AlertMessage, type JsonValue } from 'tds/sdk';
import { cutTo, inspectAnswer } from '../_notify/answers.ts';

interface SlackSettings { url: string }

const marks: Readonly<Record<AlertMessage['severity'], string>> = { info: ':information_source:', warning: ':warning:', critical: ':rotating_light:' };
/** Slack's own limits: characters of a header and of a section. */
const headerLimit = 150;
const sectionLimit = 3000;

export default defineNotifier<SlackSettings>({
  id: 'slack',
  version: '1.0.0',
  sdk: SDK_VERSION,
  kind: 'notifier',
  description: 'Alerts into a Slack channel, by an incoming webhook.',
  configSchema: {
    type: 'object',
    title: 'Slack',
    additionalProperties: false,
    required: ['url'],
    properties: { url: { type: 'string', pattern: '^https?://', writeOnly: true, description: 'The address of the incoming webhook. Whoever has it can write into the channel: keep it secret.', examples: ['${SLACK_WEBHOOK_URL}'] } },
  },
  create: ({ settings, http }) => ({
    async send(message, signal) {
      await http.send({ method: 'POST', url: settings.url, json: slackPayload(message), inspect: (response) => inspectAnswer(response), signal });
    },
  }),
});

/** The message as blocks, with the text that notifications on a phone show. */
function slackPayload(message: AlertMessage): JsonValue {
  const { title, alerts, more } = messageText(message, 10);
  const mark = message.kind === 'resolved' ? ':white_check_mark:' : message.kind === 'test' ? ':wave:' : message.kind === 'report' && message.severity === 'info' ? ':memo:' : marks[message.severity];
  const sections = alerts.map(({ summary, when, help }) => ({ type: 'section', text: { type: 'mrkdwn', text: cutTo(`*${escape(cutTo(summary, 800))}*\n${escape(when)}\n→ \`${escape(cutTo(help, 400)).replaceAll('`', "'")}\``, sectionLimit) } }));
  const rest = more > 0 ? [{ type: 'context', elements: [{ type: 'mrkdwn', text: `and ${more} more: \`tds alerts list\`` }] }] : [];
  return { text: cutTo(escape(title), sectionLimit), blocks: [{ type: 'header', text: { type: 'plain_text', text: cutTo(`${mark} ${title}`, headerLimit), emoji: true } }, ...sections, ...rest] };
}

/** Slack's three signs with a meaning; without this a record's name could mention everybody. */
function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
