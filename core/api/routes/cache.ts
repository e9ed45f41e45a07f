import { shapes } from '../answer-shapes.ts';
import { defineRoute, type Route, type RouteDeps } from '../route.ts';

/** Records that are kept for a while instead of being asked for again. */
export function cacheRoutes({ operations: { cache } }: RouteDeps): Route[] {
  return [
    defineRoute({
      method: 'GET', path: '/v1/cache', scope: 'read', summary: 'How the cache of each connection does, on all nodes; up to five seconds old.',
      answers: { 200: shapes.list('caches', shapes.cache) },
      handle: async () => ({ body: { caches: await cache.list() } }),
    }),
    defineRoute({
      method: 'POST', path: '/v1/cache/clear', scope: 'operate', summary: 'Empties the cache of a connection, or of each, on every node within two seconds.',
      answers: { 200: shapes.cleared, 404: shapes.problem },
      body: { type: 'object', additionalProperties: false, properties: { connection: { type: 'string', minLength: 1, maxLength: 200, description: 'Its id; absent: each.' } } },
      handle: async ({ body: { connection } }) => ({ body: { cleared: await cache.clear(connection) } }),
    }),
  ];
}
