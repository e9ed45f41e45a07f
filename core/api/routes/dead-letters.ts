import { defineRoute, pageOf, paging, type Route, type RouteDeps } from '../route.ts';

/** Records that failed for good. */
export function deadLetterRoutes({ operations }: RouteDeps): Route[] {
  return [
    defineRoute({
      method: 'GET', path: '/v1/dead-letters', summary: 'Records that could not be applied, the newest first.',
      query: {
        type: 'object', additionalProperties: false,
        properties: { ...paging, entity: { type: 'string', minLength: 1 }, status: { type: 'string', enum: ['open', 'resolved', 'discarded'] } },
      },
      async handle({ query: { limit = 50, ...filter } }) {
        const { page, next } = pageOf(await operations.deadLetters({ ...filter, limit: limit + 1 }), limit);
        return { body: { deadLetters: page, next } };
      },
    }),
  ];
}
