import type { LetterChoice } from '../../operations/dead-letters.ts';
import { readSpan } from '../../operations/dead-letters.ts';
import type { LetterFilter } from '../../store/dead-letter-queries.ts';
import { shapes } from '../answer-shapes.ts';
import { defineRoute, pageOf, paging, type Route, type RouteDeps } from '../route.ts';
import { recentOf } from '../recent.ts';
import { shapeRun } from '../shapes.ts';

const text = { type: 'string', minLength: 1, maxLength: 1000 } as const;
const filterMembers = {
  entity: text, key: { ...text, description: 'Of the record, parts with a / between.' }, code: text, field: { ...text, description: 'The column at fault.' },
  fingerprint: { ...text, description: 'The same fault; see the groups.' }, kind: { type: 'string', enum: ['record', 'job'] },
  since: { ...text, description: 'Failed last since then: a date and time, or how long ago, such as 24h.' },
} as const;
const status = { type: 'string', enum: ['open', 'resolved', 'discarded'] } as const;
const choiceMembers = {
  ...filterMembers, ids: { type: 'array', minItems: 1, maxItems: 1000, items: { type: 'string', pattern: '^[0-9]{1,18}$' }, description: 'Dead letters by their numbers.' },
  all: { type: 'boolean', default: false, description: 'Says that all open ones are meant; without it a filter is needed.' },
  most: { type: 'integer', minimum: 1, maximum: 1_000_000_000, description: 'So many of each entity at most, to begin with.' },
} as const;

/** Letters of one entity that a dry run tries at most: the caller waits for it. */
const mostTried = 2000;

type Given = { [K in keyof typeof filterMembers]?: string } & { ids?: unknown; all?: boolean; most?: number; status?: string };

/** What failed for good: seen, grouped, tried again, given up. */
export function deadLetterRoutes({ operations }: RouteDeps): Route[] {
  const groups = recentOf((asked: Given & { limit?: number }) => JSON.stringify(asked), ({ limit = 50, ...filter }) => operations.deadLetterGroups(filterOf(filter), limit));
  return [
    defineRoute({
      method: 'GET', path: '/v1/dead-letters', scope: 'read', summary: 'Records and jobs that failed for good, the newest first.',
      answers: { 200: shapes.page('deadLetters', shapes.deadLetter) },
      query: { type: 'object', additionalProperties: false, properties: { ...paging, ...filterMembers, status } },
      async handle({ query: { limit = 50, ...filter } }) {
        const { page, next } = pageOf(await operations.deadLetters({ ...filterOf(filter), limit: limit + 1 }), limit);
        return { body: { deadLetters: page, next } };
      },
    }),
    defineRoute({
      method: 'GET', path: '/v1/dead-letter-groups', scope: 'read', summary: 'The same faults, counted; those of open ones unless a status is given. Up to ten seconds old.',
      answers: { 200: shapes.list('groups', shapes.deadLetterGroup) },
      query: { type: 'object', additionalProperties: false, properties: { limit: paging.limit, ...filterMembers, status: { ...status, default: 'open' } } },
      handle: async ({ query }) => ({ body: { groups: await groups(query) } }),
    }),
    defineRoute({
      method: 'GET', path: '/v1/dead-letters/:id', scope: 'read', summary: 'One, with its raw record or job and every attempt.',
      answers: { 200: shapes.deadLetterDetail, 404: shapes.problem },
      handle: async ({ params }) => ({ body: await operations.deadLetter(params['id'] ?? '') }),
    }),
    defineRoute({
      method: 'POST', path: '/v1/dead-letters/retry', scope: 'operate', summary: 'Maps the records again and puts failed jobs back; with `dryRun` says how many would pass now, of 2,000 of each entity at most.',
      answers: { 200: { ...shapes.retryTried, description: 'Of a dry run.' }, 202: shapes.retryAsked, 404: shapes.problem, 409: shapes.problem }, startsWork: true,
      body: { type: 'object', additionalProperties: false, properties: { ...choiceMembers, dryRun: { type: 'boolean', default: false, description: 'Runs the mapping and the checks, writes nothing.' } } },
      async handle({ body: { dryRun = false, ...given } }) {
        if (dryRun) {
          const wanted = given.most ?? Number.POSITIVE_INFINITY;
          const report = await operations.tryDeadLetters({ ...choiceOf(given), most: Math.min(wanted, mostTried) });
          return { body: { ...report, cut: wanted > mostTried && report.entities.some(({ tried }) => tried >= mostTried) } };
        }
        const asked = await operations.retryDeadLetters({ ...choiceOf(given), trigger: 'api' });
        return { status: 202, headers: { Location: '/v1/runs' }, body: { ...asked, runs: asked.runs.map(({ run, created, letters }) => ({ ...shapeRun(run, new Date()), created, letters })) } };
      },
    }),
    defineRoute({
      method: 'POST', path: '/v1/dead-letters/discard', scope: 'operate', summary: 'Gives dead letters up; they are kept, with who, when and why.',
      answers: { 200: shapes.discarded, 404: shapes.problem, 409: shapes.problem },
      body: { type: 'object', additionalProperties: false, required: ['reason'], properties: { ...choiceMembers, reason: text, by: { ...text, description: 'Who says so. Default: the name of the token.' } } },
      handle: async ({ body: { reason = '', by, ...given }, caller }) => ({ body: { discarded: await operations.discardDeadLetters({ ...choiceOf(given), reason, by: by ?? (caller.kind === 'open' ? 'api' : caller.name) }) } }),
    }),
    defineRoute({
      method: 'POST', path: '/v1/dead-letters/:id/reopen', scope: 'operate', summary: 'Opens a closed one again.',
      answers: { 200: shapes.deadLetterDetail, 404: shapes.problem, 409: shapes.problem },
      handle: async ({ params }) => ({ body: await operations.reopenDeadLetter(params['id'] ?? '') }),
    }),
  ];
}

function filterOf({ since, all: _all, most: _most, ...rest }: Given): LetterFilter {
  return { ...rest, ...readSpan({ since }) } as LetterFilter;
}

function choiceOf(given: Given): LetterChoice {
  return { filter: filterOf(given), all: given.all === true, ...(given.most === undefined ? {} : { most: given.most }) };
}
