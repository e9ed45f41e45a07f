import { shapes } from '../answer-shapes.ts';
import { defineRoute, type Route, type RouteDeps } from '../route.ts';

/** What happened to a record. */
export function recordRoutes({ operations }: RouteDeps): Route[] {
  return [
    defineRoute({
      method: 'GET', path: '/v1/records/:entity/:key', scope: 'read', summary: 'One record: each version with what it changed, its row, its dead letters. A / inside the key is written %2F.',
      answers: { 200: shapes.recordStory, 404: shapes.problem },
      handle: async ({ params }) => ({ body: await operations.record(params['entity'] ?? '', params['key'] ?? '') }),
    }),
  ];
}
