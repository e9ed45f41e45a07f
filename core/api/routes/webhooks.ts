import { readSpan } from '../../operations/dead-letters.ts';
import type { ReplayChoice } from '../../operations/webhooks.ts';
import type { InboxFilter } from '../../store/webhook-queries.ts';
import { shapes } from '../answer-shapes.ts';
import { defineRoute, pageOf, paging, pagingByTime, type Route, type RouteDeps } from '../route.ts';

const text = { type: 'string', minLength: 1, maxLength: 1000 } as const;
const filterMembers = {
  entity: text, key: { ...text, description: 'Of the record, parts with a / between.' }, event: { type: 'string', enum: ['changed', 'deleted'] },
  outcome: { type: 'string', enum: ['waiting', 'applied', 'deleted', 'unchanged', 'stale', 'dropped', 'refused'] },
  since: { ...text, description: 'Arrived since then: a date and time, or how long ago, such as 24h.' }, until: { ...text, description: 'Arrived before.' },
} as const;
const choiceMembers = {
  ...filterMembers, ids: { type: 'array', minItems: 1, maxItems: 1000, items: { type: 'string', pattern: '^[0-9]{1,18}$' }, description: 'Messages by their numbers.' },
  all: { type: 'boolean', default: false, description: 'Says that all are meant; without it a filter is needed.' },
  most: { type: 'integer', minimum: 1, maximum: 1_000_000_000, description: 'So many at most, the oldest first.' },
} as const;

type Given = { [K in keyof typeof filterMembers]?: string } & { ids?: unknown; all?: boolean; most?: number };

/** Messages that a dry run tries at most: the caller waits for it. */
const mostTried = 10_000;
const base = { type: 'string', pattern: '^https?://[^\\s?#]{1,1000}$', maxLength: 1000 } as const;

/** Messages of services: looked at and replayed. They themselves arrive at `/webhooks/…`, see `api/webhooks.ts`. */
export function webhookRoutes({ operations }: RouteDeps): Route[] {
  const { webhooks } = operations;
  return [
    ...settingUp(operations),
    defineRoute({
      method: 'GET', path: '/v1/webhooks', scope: 'read', summary: 'Messages of services as they arrived, the newest first, with what became of them.',
      answers: { 200: shapes.page('messages', shapes.message) },
      query: { type: 'object', additionalProperties: false, properties: { ...paging, ...filterMembers } },
      async handle({ query: { limit = 50, ...filter } }) {
        const { page, next } = pageOf(await webhooks.list({ ...filterOf(filter), limit: limit + 1 }), limit);
        return { body: { messages: page, next } };
      },
    }),
    defineRoute({ method: 'GET', path: '/v1/webhook-stats', scope: 'read', answers: { 200: shapes.list('entities', shapes.webhookStats) }, summary: 'By entity: counts of the last 24 hours, what waits, latency, the share that was lost.', handle: async () => ({ body: { entities: await webhooks.stats() } }) }),
    defineRoute({
      method: 'GET', path: '/v1/webhook-unreadable', scope: 'read', summary: 'Signed messages that were no JSON: the last ones, each with its beginning.', answers: { 200: shapes.list('messages', shapes.unreadableMessage) },
      query: { type: 'object', additionalProperties: false, properties: { limit: paging.limit } }, handle: async ({ query: { limit = 50 } }) => ({ body: { messages: await webhooks.unreadable(limit) } }),
    }),
    defineRoute({
      method: 'GET', path: '/v1/webhook-lost', scope: 'read', summary: 'Changes that no message told of, the newest first.', answers: { 200: shapes.page('changes', shapes.lostChange) },
      query: { type: 'object', additionalProperties: false, properties: { ...pagingByTime(1), entity: text, since: { ...text, description: 'Found since then: a date and time, or how long ago, such as 24h.' }, until: { ...text, description: 'Found before.' } } },
      async handle({ query: { limit = 50, since, until, ...filter } }) {
        const { page, next } = pageOf(await webhooks.lost({ ...filter, ...readSpan({ since, until }), limit: limit + 1 }), limit);
        return { body: { changes: page, next } };
      },
    }),
    defineRoute({ method: 'GET', path: '/v1/webhooks/:id', scope: 'read', answers: { 200: shapes.messageDetail, 404: shapes.problem }, summary: 'One message with its body.', handle: async ({ params }) => ({ body: await webhooks.show(params['id'] ?? '') }) }),
    defineRoute({
      method: 'POST', path: '/v1/webhooks/replay', scope: 'operate', summary: 'Applies messages again by the mapping as it is now; with `dryRun` says what that would change, of 10,000 messages at most.',
      answers: { 200: { ...shapes.replayPlan, description: 'Of a dry run.' }, 202: shapes.replayed }, startsWork: true,
      body: { type: 'object', additionalProperties: false, properties: { ...choiceMembers, dryRun: { type: 'boolean', default: false, description: 'Runs the mapping and the checks, writes nothing.' } } },
      async handle({ body: { dryRun = false, ...given } }) {
        if (!dryRun) return { status: 202, headers: { Location: '/v1/webhooks?outcome=waiting' }, body: { messages: await webhooks.replay(choiceOf(given)) } };
        const wanted = given.most ?? Number.POSITIVE_INFINITY;
        const plan = await webhooks.planReplay({ ...choiceOf(given), most: Math.min(wanted, mostTried) });
        return { body: { ...plan, cut: plan.cut || (wanted > mostTried && plan.messages >= mostTried) } };
      },
    }),
  ];
}

/** How services come to send: where to, rules made at them, and a message to try it with. */
function settingUp({ webhooks, config }: RouteDeps['operations']): Route[] {
  const publicUrl = (): string => (config().config as { api?: { publicUrl?: string } }).api?.publicUrl ?? '';
  return [
    defineRoute({
      method: 'GET', path: '/v1/webhook-urls', scope: 'read', summary: 'Every address that services send to, with the steps to set it up.', answers: { 200: shapes.list('urls', shapes.webhookUrl) },
      query: { type: 'object', additionalProperties: false, properties: { base: { ...base, description: 'Where they reach this TDS. Default: `api.publicUrl`; where there is none, the paths alone are told.' } } },
      handle: ({ query: { base: given } }) => ({ body: { urls: webhooks.urls(given ?? publicUrl()).map(({ rule, ...rest }) => ({ ...rule, ...rest })) } }),
    }),
    defineRoute({
      method: 'POST', path: '/v1/webhooks/register', scope: 'admin', summary: 'Makes the rules at the services that have a way; of the others it tells the steps.', answers: { 200: shapes.registration, 404: shapes.problem },
      body: { type: 'object', additionalProperties: false, required: ['base'], properties: { base: { ...base, description: 'Where the services reach this TDS: they will send what happens there.' }, entities: { type: 'array', maxItems: 1000, items: text, description: 'Default: all that take messages.' } } },
      async handle({ body: { base: given = '', entities = [] }, signal }) {
        const { connections, byHand } = await webhooks.register(given, entities as string[], signal);
        return { body: { connections, byHand: byHand.map(({ rule, ...rest }) => ({ ...rule, ...rest })) } };
      },
    }),
    defineRoute({
      method: 'POST', path: '/v1/webhooks/send', scope: 'operate', summary: 'Takes a signed message about a stored record, as if its service had sent it: shows that messages are applied.', answers: { 202: shapes.sentMessage, 404: shapes.problem }, startsWork: true,
      body: { type: 'object', additionalProperties: false, required: ['entity'], properties: { entity: text, key: { ...text, description: 'Of the record. Default: any.' }, deleted: { type: 'boolean', default: false, description: 'Says that it is gone: its row is taken away until the next full read.' } } },
      async handle({ body: { entity = '', key, deleted = false } }) {
        const { path, headers, body } = await webhooks.compose({ entity, event: deleted ? 'deleted' : 'changed', ...(key === undefined ? {} : { key }) });
        const [, , connection = '', target = '', event = ''] = path.split('/').map(decodeURIComponent);
        const address = { connection, entity: target, event };
        const message = Buffer.from(body);
        const entry = webhooks.enter(address);
        try {
          entry.took(message.length);
          const lower = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value])); // as Node has them
          await webhooks.accept({ ...address, query: '', headers: lower, body: message });
        } finally {
          entry.leave();
        }
        return { status: 202, headers: { Location: `/v1/webhooks?entity=${encodeURIComponent(target)}` }, body: { path, bytes: message.length } };
      },
    }),
  ];
}

function filterOf({ since, until, all: _all, most: _most, ...rest }: Given): InboxFilter {
  return { ...rest, ...readSpan({ since, until }) } as InboxFilter;
}

function choiceOf(given: Given): ReplayChoice {
  return { filter: filterOf(given), all: given.all === true, ...(given.most === undefined ? {} : { most: given.most }) };
}
