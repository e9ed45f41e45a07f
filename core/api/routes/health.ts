import { defineRoute, type Route, type RouteDeps } from '../route.ts';

/** For supervisors and load balancers. */
export function healthRoutes({ operations }: RouteDeps): Route[] {
  return [
    defineRoute({ method: 'GET', path: '/healthz', summary: 'Whether the process lives.', handle: () => ({ body: { status: 'alive' } }) }),
    defineRoute({
      method: 'GET', path: '/readyz', summary: 'Whether this node can do its work; 503 with the reasons where it can\'t.',
      async handle() {
        const health = await operations.health();
        return { status: health.ready ? 200 : 503, body: health };
      },
    }),
    defineRoute({ method: 'GET', path: '/v1/health', summary: 'What is well, what is not, and what to do, in all of TDS.', handle: async () => ({ body: await operations.healthReport() }) }),
  ];
}
