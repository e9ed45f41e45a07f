import { defineRoute, pageOf, paging, type Route, type RouteDeps } from '../route.ts';

const text = { type: 'string', minLength: 1, maxLength: 1000 } as const;
const by = { ...text, default: 'api', description: 'Who says so.' } as const;

/** What is wrong, who looks after it, and of what nobody is to be told. */
export function alertRoutes({ operations: { alerts } }: RouteDeps): Route[] {
  return [
    defineRoute({
      method: 'GET', path: '/v1/alerts', summary: 'Alerts, the newest first.',
      query: { type: 'object', additionalProperties: false, properties: { ...paging, state: { type: 'string', enum: ['pending', 'firing', 'acknowledged', 'resolved'] } } },
      async handle({ query: { limit = 50, ...filter } }) {
        const { page, next } = pageOf(await alerts.list({ ...filter, limit: limit + 1 }), limit);
        return { body: { alerts: page, next } };
      },
    }),
    defineRoute({ method: 'GET', path: '/v1/alert-rules', summary: 'The alert rules that are at work.', handle: () => ({ body: { enabled: alerts.enabled, rules: alerts.rules() } }) }),
    defineRoute({
      method: 'POST', path: '/v1/alerts/:id/acknowledge', summary: 'Says that somebody looks after an alert, or after `all`: it is not told again before its end.',
      body: { type: 'object', additionalProperties: false, properties: { by } },
      handle: async ({ params, body: { by: who = 'api' } }) => ({ body: { acknowledged: await alerts.acknowledge(params['id'] ?? '', who) } }),
    }),
    defineRoute({
      method: 'POST', path: '/v1/alerts/test', summary: 'Sends a test message by one notifier, or by each.',
      body: { type: 'object', additionalProperties: false, properties: { notifier: { ...text, description: 'Its id; absent: each.' } } },
      handle: async ({ body: { notifier } }) => ({ body: { notifiers: await alerts.test(notifier, AbortSignal.timeout(60_000)) } }),
    }),
    defineRoute({ method: 'GET', path: '/v1/silences', summary: 'Silences that hold.', handle: async () => ({ body: { silences: await alerts.silences() } }) }),
    defineRoute({
      method: 'POST', path: '/v1/silences', summary: 'Holds messages back for a while, of one rule or by labels.',
      body: {
        type: 'object', additionalProperties: false, required: ['seconds', 'reason'],
        properties: { rule: text, labels: { type: 'object', additionalProperties: { type: 'string' }, description: 'Those that an alert must have.' }, seconds: { type: 'integer', minimum: 1, maximum: 31_536_000, description: 'How long.' }, reason: text, by },
      },
      handle: async ({ body: { rule, labels = {}, seconds = 0, reason = '', by: who = 'api' } }) => ({ status: 201, body: await alerts.silence({ rule, labels: labels as Record<string, string>, lasts: seconds * 1000, reason, by: who }) }),
    }),
    defineRoute({
      method: 'POST', path: '/v1/silences/:id/end', summary: 'Ends a silence before its time.',
      async handle({ params }) {
        await alerts.endSilence(params['id'] ?? '');
        return { body: { ended: params['id'] } };
      },
    }),
  ];
}
