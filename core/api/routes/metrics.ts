import { defineRoute, type Route, type RouteDeps } from '../route.ts';

/** For Prometheus. */
export function metricRoutes({ operations }: RouteDeps): Route[] {
  return [
    defineRoute({
      method: 'GET', path: '/metrics', scope: 'read', summary: 'All metrics of this node, as Prometheus scrapes them.',
      answers: { 200: { type: 'string' } }, produces: 'text/plain',
      async handle() {
        const { contentType, text } = await operations.metrics();
        return { type: contentType, body: text };
      },
    }),
  ];
}
