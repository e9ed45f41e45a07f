import t from 'tap';
import { createTestContext, sampleMessage, testNotifier } from 'tds/sdk/test';
import { notifierService, type Posted } from '../../test/support/notifier-service.ts';
import plugin from './plugin.ts';

const routingKey = 'R0123456789ABCDEFGHIJKLMNOPQRSTU';

/** https://developer.pagerduty.com/docs/events-api-v2-overview and send-alert-event */
function fault({ path, body, text }: Posted): string | undefined {
  const { routing_key: key, event_action: action, dedup_key: dedup, payload } = body as { routing_key?: string; event_action?: string; dedup_key?: string; payload?: Record<string, unknown> };
  if (path !== '/v2/enqueue') return 'Not Found';
  if (key !== routingKey) return "'routing_key' is invalid";
  if (text.length > 512_000) return 'the event is larger than 512 kB';
  if (!['trigger', 'acknowledge', 'resolve'].includes(String(action))) return "'event_action' is invalid";
  if (typeof dedup !== 'string' || dedup === '' || dedup.length > 255) return "'dedup_key' is invalid";
  if (action === 'resolve') return undefined;
  if (!payload) return "'payload' is missing or blank";
  if (typeof payload['summary'] !== 'string' || payload['summary'] === '' || payload['summary'].length > 1024) return "'payload.summary' is invalid";
  if (typeof payload['source'] !== 'string' || payload['source'] === '') return "'payload.source' is missing or blank";
  if (!['critical', 'error', 'warning', 'info'].includes(String(payload['severity']))) return "'payload.severity' is invalid";
  return /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z$/.test(String(payload['timestamp'])) ? undefined : "'payload.timestamp' is invalid";
}

const service = await notifierService(t, {
  fault,
  answers: {
    well: { status: 202, body: '{"status":"success","message":"Event processed","dedup_key":"x"}' }, busy: { status: 429, body: '{"status":"throttle exceeded"}' }, unwell: { status: 500, body: '' },
    refuses: { status: 400, body: '{"status":"invalid event","message":"Event object is invalid","errors":["Length of \'routing_key\' is incorrect"]}' }, denies: { status: 403, body: '' },
  },
});
const settings = { routingKey, apiUrl: service.url };

t.test('the notifier contract', (t) => testNotifier(t, { plugin, settings, brokenSettings: { ...settings, apiUrl: service.closedUrl }, mood: service.mood, withoutReports: true, taken: () => service.taken().map(({ text }) => text) }));

t.test('each alert is an incident of its own, which its end closes; a test leaves none', async (t) => {
  const { http, log, clock } = createTestContext({ attempts: 1 });
  const notifier = plugin.create({ notifierId: 'duty', settings, http, log, clock });
  const events = async (kind: 'firing' | 'repeat' | 'resolved' | 'test'): Promise<string[]> => {
    await notifier.send(sampleMessage({ kind }, [{ id: 'tds-a' }, { id: 'tds-b', severity: 'critical' }]), AbortSignal.timeout(120_000));
    return service.taken().map(({ body }) => `${String(body['event_action'])} ${String(body['dedup_key'])} ${String((body['payload'] as { severity?: string } | undefined)?.severity ?? '')}`.trim());
  };
  service.mood('well');
  t.same(await events('firing'), ['trigger tds-a warning', 'trigger tds-b critical']);
  t.same(await events('repeat'), ['trigger tds-a warning', 'trigger tds-b critical'], 'under the same keys');
  t.same(await events('resolved'), ['resolve tds-a', 'resolve tds-b']);
  t.same(await events('test'), ['trigger tds-a info', 'resolve tds-a', 'trigger tds-b info', 'resolve tds-b']);
});
