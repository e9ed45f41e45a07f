/** Alerts as incidents of PagerDuty, by its Events API v2: one event per alert, so that each incident has its own end. */
import { SDK_VERSION, defineNotifier, type AlertFact, type AlertMessage, type JsonValue } from 'tds/sdk';
import { cutTo, inspectAnswer, saysBy } from '../_notify/answers.ts';

interface PagerDutySettings { routingKey: string; apiUrl: string }

/** PagerDuty's limit of a summary. */
const summaryLimit = 1024;

export default defineNotifier<PagerDutySettings>({
  id: 'pagerduty',
  version: '1.0.0',
  sdk: SDK_VERSION,
  kind: 'notifier',
  description: 'Alerts as incidents of PagerDuty, each closed when it is over.',
  configSchema: {
    type: 'object',
    title: 'PagerDuty',
    additionalProperties: false,
    required: ['routingKey'],
    properties: {
      routingKey: { type: 'string', pattern: '^[A-Za-z0-9]{32}$', writeOnly: true, description: 'The integration key of a service with the integration "Events API v2".', examples: ['${PAGERDUTY_ROUTING_KEY}'] },
      apiUrl: { type: 'string', pattern: '^https?://', default: 'https://events.pagerduty.com', description: 'Another region: `https://events.eu.pagerduty.com`.' },
    },
  },
  create: ({ settings: { routingKey, apiUrl }, http }) => ({
    async send(message, signal) {
      signal.throwIfAborted();
      if (message.kind === 'report') return; // nobody is to be woken by it
      const post = async (event: JsonValue): Promise<void> => {
        await http.send({ method: 'POST', url: `${apiUrl.replace(/\/+$/, '')}/v2/enqueue`, json: event, inspect: (response) => inspectAnswer(response, saysBy('message', 'errors')), signal });
      };
      for (const alert of message.alerts) {
        if (message.kind !== 'resolved') await post({ routing_key: routingKey, event_action: 'trigger', dedup_key: alert.id, client: 'TDS', payload: payloadOf(message, alert) });
        // a test leaves no incident behind
        if (message.kind === 'resolved' || message.kind === 'test') await post({ routing_key: routingKey, event_action: 'resolve', dedup_key: alert.id });
      }
    },
  }),
});

function payloadOf({ source, rule, severity: worst, kind }: AlertMessage, { summary, severity, since, help, labels, value }: AlertFact): JsonValue {
  return {
    summary: cutTo(`${kind === 'test' ? 'test: ' : ''}${summary}`, summaryLimit), source, severity: kind === 'test' ? 'info' : (severity ?? worst), timestamp: since.toISOString(), group: 'TDS', class: rule,
    ...(labels['entity'] ?? labels['connection'] ? { component: labels['entity'] || labels['connection'] || '' } : {}),
    custom_details: { help, value, since: since.toISOString(), ...labels },
  };
}
