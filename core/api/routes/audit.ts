import { readSpan } from '../../operations/dead-letters.ts';
import { shapes } from '../answer-shapes.ts';
import { defineRoute, pageOf, paging, type Route, type RouteDeps } from '../route.ts';

const text = { type: 'string', minLength: 1, maxLength: 300 } as const;

/** Who did what. */
export function auditRoutes({ operations }: RouteDeps): Route[] {
  return [
    defineRoute({
      method: 'GET', path: '/v1/audit', scope: 'admin', summary: 'Who did what, from where, with what outcome, the newest first; refused attempts too.',
      query: {
        type: 'object', additionalProperties: false,
        properties: {
          ...paging, actor: { ...text, description: 'The name of a token, a user of the system, `open`, `nobody`.' }, source: { type: 'string', enum: ['api', 'cli'] },
          action: { ...text, description: 'Such as `POST /v1/runs` or `tds sync`.' }, outcome: { type: 'string', enum: ['done', 'refused', 'failed'] },
          since: { ...text, description: 'A date and time, or how long ago, such as 24h.' },
        },
      },
      answers: { 200: shapes.page('entries', shapes.auditEntry) },
      async handle({ query: { limit = 50, since, ...filter } }) {
        const { page, next } = pageOf(await operations.audit.list({ ...filter, ...readSpan({ since }), limit: limit + 1 }), limit);
        return { body: { entries: page, next } };
      },
    }),
  ];
}
