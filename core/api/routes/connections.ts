import { shapes } from '../answer-shapes.ts';
import { defineRoute, type Route, type RouteDeps } from '../route.ts';

/** The systems that TDS speaks with, and the plugins that do it. */
export function connectionRoutes({ operations }: RouteDeps): Route[] {
  return [
    defineRoute({
      method: 'GET', path: '/v1/connections', scope: 'read', summary: 'Every connection with its calls, limits and breaker on this node.',
      answers: { 200: shapes.list('connections', shapes.connection) },
      handle: async () => ({ body: { connections: await operations.connections() } }),
    }),
    defineRoute({
      method: 'GET', path: '/v1/plugins', scope: 'read', summary: 'Plugins that were found, those that failed to load among them.',
      answers: { 200: shapes.list('plugins', shapes.plugin) },
      handle: () => ({ body: { plugins: operations.plugins() } }),
    }),
  ];
}
