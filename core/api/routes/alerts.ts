import { shapes } from '../answer-shapes.ts';
import type { Caller } from '../caller.ts';
import { defineRoute, pageOf, paging, type Route, type RouteDeps } from '../route.ts';

const text = { type: 'string', minLength: 1, maxLength: 1000 } as const;
const by = { ...text, description: 'Who says so. Default: the name of the token.' } as const;
/** A test waits so long for the services, in milliseconds. */
const mostTestMs = 60_000;

/** What is wrong, who looks after it, and of what nobody is to be told. */
export function alertRoutes(deps: RouteDeps): Route[] {
  return [...looksAndWord(deps), ...silenceRoutes(deps)];
}

function looksAndWord({ operations: { alerts } }: RouteDeps): Route[] {
  return [
    defineRoute({
      method: 'GET', path: '/v1/alerts', scope: 'read', summary: 'Alerts, the newest first.',
      answers: { 200: shapes.page('alerts', shapes.alert) },
      query: { type: 'object', additionalProperties: false, properties: { ...paging, rule: text, state: { type: 'string', enum: ['pending', 'firing', 'acknowledged', 'resolved'] } } },
      async handle({ query: { limit = 50, ...filter } }) {
        const { page, next } = pageOf(await alerts.list({ ...filter, limit: limit + 1 }), limit);
        return { body: { alerts: page, next } };
      },
    }),
    defineRoute({
      method: 'GET', path: '/v1/alert-rules', scope: 'read', summary: 'The alert rules that are at work.',
      answers: { 200: shapes.alertRules },
      handle: () => ({ body: { enabled: alerts.enabled, rules: alerts.rules() } }),
    }),
    defineRoute({
      method: 'POST', path: '/v1/alerts/:id/acknowledge', scope: 'operate', summary: 'Says that somebody looks after an alert, or after `all`: it is not told again before its end.',
      answers: { 200: shapes.acknowledged, 404: shapes.problem },
      body: { type: 'object', additionalProperties: false, properties: { by } },
      handle: async ({ params: { id = '' }, body, caller }) => ({ body: { acknowledged: await alerts.acknowledge(id, body.by ?? nameOf(caller)) } }),
    }),
    defineRoute({
      method: 'POST', path: '/v1/alerts/test', scope: 'operate', summary: 'Sends a test message by one notifier, or by each.',
      answers: { 200: shapes.list('notifiers', shapes.notifierTest), 404: shapes.problem }, startsWork: true,
      body: { type: 'object', additionalProperties: false, properties: { notifier: { ...text, description: 'Its id; absent: each.' } } },
      handle: async ({ body: { notifier }, signal }) => ({ body: { notifiers: await alerts.test(notifier, AbortSignal.any([signal, AbortSignal.timeout(mostTestMs)])) } }),
    }),
  ];
}

function silenceRoutes({ operations: { alerts } }: RouteDeps): Route[] {
  return [
    defineRoute({
      method: 'GET', path: '/v1/silences', scope: 'read', summary: 'Silences that hold.',
      answers: { 200: shapes.list('silences', shapes.silence) },
      handle: async () => ({ body: { silences: await alerts.silences() } }),
    }),
    defineRoute({
      method: 'POST', path: '/v1/silences', scope: 'operate', summary: 'Holds messages back for a while, of one rule or by labels.',
      answers: { 201: shapes.silence, 404: shapes.problem }, startsWork: true,
      body: {
        type: 'object', additionalProperties: false, required: ['seconds', 'reason'],
        properties: { rule: text, labels: { type: 'object', additionalProperties: { type: 'string' }, description: 'Those that an alert must have.' }, seconds: { type: 'integer', minimum: 1, maximum: 31_536_000, description: 'How long.' }, reason: text, by },
      },
      handle: async ({ body: { rule, labels = {}, seconds = 0, reason = '', ...body }, caller }) => (
        { status: 201, body: await alerts.silence({ rule, labels: labels as Record<string, string>, lasts: seconds * 1000, reason, by: body.by ?? nameOf(caller) }) }),
    }),
    defineRoute({
      method: 'POST', path: '/v1/silences/:id/end', scope: 'operate', summary: 'Ends a silence before its time.',
      answers: { 200: shapes.ended, 404: shapes.problem },
      async handle({ params: { id = '' } }) {
        await alerts.endSilence(id);
        return { body: { ended: id } };
      },
    }),
  ];
}

function nameOf({ kind, name }: Caller): string {
  return kind === 'open' ? 'api' : name;
}
