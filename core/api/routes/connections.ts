import { defineRoute, type Route, type RouteDeps } from '../route.ts';

/** The systems that TDS speaks with, and the plugins that do it. */
export function connectionRoutes({ operations }: RouteDeps): Route[] {
  return [
    defineRoute({
      method: 'GET', path: '/v1/connections', summary: 'Every connection with its calls, limits and breaker on this node.',
      handle: async () => ({ body: { connections: await operations.connections() } }),
    }),
    defineRoute({
      method: 'GET', path: '/v1/quota', summary: 'The calls of the day of every connection: spent by whom, left, reserved, and when they run out.',
      handle: async () => ({ body: { connections: await operations.quota() } }),
    }),
    defineRoute({
      method: 'GET', path: '/v1/connections/:id/quota', summary: 'The same for one connection.',
      handle: async ({ params: { id = '' } }) => ({ body: await operations.connectionQuota(id) }),
    }),
    defineRoute({
      method: 'POST', path: '/v1/connections/:id/breaker/reset', summary: 'Closes the breaker of a connection for all nodes.',
      handle: async ({ params: { id = '' } }) => ({ body: { connection: id, reset: await operations.resetBreaker(id) } }),
    }),
    defineRoute({
      method: 'GET', path: '/v1/plugins', summary: 'Plugins that were found, those that failed to load among them.',
      handle: () => ({ body: { plugins: operations.plugins() } }),
    }),
  ];
}
