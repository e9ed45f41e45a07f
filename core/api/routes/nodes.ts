import { defineRoute, type Route, type RouteDeps } from '../route.ts';

/** Processes and their work. */
export function nodeRoutes({ operations }: RouteDeps): Route[] {
  return [
    defineRoute({ method: 'GET', path: '/v1/nodes', summary: 'The living processes.', handle: async () => ({ body: { nodes: await operations.nodes() } }) }),
    defineRoute({ method: 'GET', path: '/v1/jobs', summary: 'What is on the queue, by task.', handle: async () => ({ body: { jobs: await operations.jobs() } }) }),
  ];
}
