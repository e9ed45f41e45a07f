import { shapes } from '../answer-shapes.ts';
import { defineRoute, type Route, type RouteDeps } from '../route.ts';

/** Processes and their work. */
export function nodeRoutes({ operations }: RouteDeps): Route[] {
  return [
    defineRoute({ method: 'GET', path: '/v1/nodes', scope: 'read', summary: 'The living processes.', answers: { 200: shapes.list('nodes', shapes.node) }, handle: async () => ({ body: { nodes: await operations.nodes() } }) }),
    defineRoute({ method: 'GET', path: '/v1/jobs', scope: 'read', summary: 'What is on the queue, by task.', answers: { 200: shapes.list('jobs', shapes.taskStats) }, handle: async () => ({ body: { jobs: await operations.jobs() } }) }),
  ];
}
