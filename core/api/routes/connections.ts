import { OperationError } from '../../operations/errors.ts';
import type { CheckResult, ConnectionStatus } from '../../operations/operations.ts';
import { shapes } from '../answer-shapes.ts';
import { defineRoute, type Route, type RouteDeps } from '../route.ts';

/** The systems that TDS speaks with, and the plugins that do it. */
export function connectionRoutes(deps: RouteDeps): Route[] {
  return [...looks(deps), ...acts(deps)];
}

function looks({ operations }: RouteDeps): Route[] {
  const all = async (): Promise<object[]> => {
    const [connections, pauses] = await Promise.all([operations.connections(), operations.pauses()]);
    return connections.map((connection: ConnectionStatus) => ({ ...connection, pause: pauses.find((pause) => pause.connection === connection.id) ?? null }));
  };
  return [
    defineRoute({
      method: 'GET', path: '/v1/connections', scope: 'read', summary: 'Every connection with its calls, limits and breaker on this node.',
      answers: { 200: shapes.list('connections', shapes.connection) },
      handle: async () => ({ body: { connections: await all() } }),
    }),
    defineRoute({
      method: 'GET', path: '/v1/connections/:id', scope: 'read', summary: 'One connection.',
      answers: { 200: shapes.connection, 404: shapes.problem },
      async handle({ params: { id = '' } }) {
        const found = (await all()).find((connection) => (connection as ConnectionStatus).id === id);
        if (!found) throw new OperationError('operation.unknown_connection', `there is no connection ${JSON.stringify(id)}`);
        return { body: found };
      },
    }),
    defineRoute({
      method: 'GET', path: '/v1/connections/:id/streams', scope: 'read', summary: 'What can be read by a connection.',
      answers: { 200: shapes.list('streams', shapes.stream), 404: shapes.problem },
      handle: ({ params: { id = '' } }) => ({ body: { streams: operations.streams(id) } }),
    }),
    defineRoute({
      method: 'GET', path: '/v1/quota', scope: 'read', summary: 'The calls of the day of every connection: spent by whom, left, reserved, and when they run out.',
      answers: { 200: shapes.list('connections', shapes.quota) },
      handle: async () => ({ body: { connections: await operations.quota() } }),
    }),
    defineRoute({
      method: 'GET', path: '/v1/connections/:id/quota', scope: 'read', summary: 'The same for one connection.',
      answers: { 200: shapes.quota, 404: shapes.problem },
      handle: async ({ params: { id = '' } }) => ({ body: await operations.connectionQuota(id) }),
    }),
    defineRoute({
      method: 'POST', path: '/v1/connections/:id/breaker/reset', scope: 'operate', summary: 'Closes the breaker of a connection for all nodes.',
      answers: { 200: shapes.breakerReset, 404: shapes.problem },
      handle: async ({ params: { id = '' } }) => ({ body: { connection: id, reset: await operations.resetBreaker(id) } }),
    }),
    defineRoute({
      method: 'GET', path: '/v1/plugins', scope: 'read', summary: 'Plugins that were found, those that failed to load among them.',
      answers: { 200: shapes.list('plugins', shapes.plugin) },
      handle: () => ({ body: { plugins: operations.plugins() } }),
    }),
  ];
}

function acts({ operations }: RouteDeps): Route[] {
  return [
    defineRoute({
      method: 'POST', path: '/v1/connections/:id/check', scope: 'operate', summary: 'Really calls a connection and looks at each table that is written by it.',
      answers: { 200: shapes.checked, 404: shapes.problem },
      async handle({ params: { id = '' }, signal }) {
        const results: CheckResult[] = [];
        for await (const result of operations.check([id], signal)) results.push(result);
        return { body: { ok: results.every(({ ok }) => ok), results } };
      },
    }),
    defineRoute({
      method: 'POST', path: '/v1/connections/:id/pause', scope: 'operate', summary: 'Lets a connection rest, on every node: runs that need it wait until it is resumed.',
      body: { type: 'object', additionalProperties: false, properties: { reason: { type: 'string', maxLength: 500, default: '', description: 'For people.' } } },
      answers: { 200: shapes.pause, 404: shapes.problem },
      handle: async ({ params: { id = '' }, body: { reason = '' }, caller }) => ({ body: await operations.pauseConnection(id, { by: caller.name, reason }) }),
    }),
    defineRoute({
      method: 'POST', path: '/v1/connections/:id/resume', scope: 'operate', summary: 'Ends the rest of a connection; runs that wait for it go on within 15 seconds.',
      answers: { 200: shapes.resumed, 404: shapes.problem },
      handle: async ({ params: { id = '' } }) => ({ body: { resumed: await operations.resumeConnection(id) } }),
    }),
  ];
}
