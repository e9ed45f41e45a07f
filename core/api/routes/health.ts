import { shapes } from '../answer-shapes.ts';
import { recent } from '../recent.ts';
import { defineRoute, type Route, type RouteDeps } from '../route.ts';

/** For supervisors and load balancers. */
export function healthRoutes({ operations }: RouteDeps): Route[] {
  const report = recent(() => operations.healthReport());
  return [
    defineRoute({ method: 'GET', path: '/healthz', scope: 'apart', summary: 'Whether the process lives.', answers: { 200: shapes.alive }, handle: () => ({ body: { status: 'alive' } }) }),
    defineRoute({
      method: 'GET', path: '/readyz', scope: 'apart', summary: 'Whether this node can do its work; 503 with the reasons where it can\'t.',
      answers: { 200: shapes.health, 503: shapes.health },
      async handle() {
        const { fault: _fault, ...health } = await operations.health(); // nobody is asked who it is
        return { status: health.ready ? 200 : 503, body: health };
      },
    }),
    defineRoute({
      method: 'GET', path: '/v1/health', scope: 'read', summary: 'What is well, what is not, and what to do, in all of TDS; up to ten seconds old.',
      answers: { 200: shapes.healthReport },
      handle: async () => ({ body: await report() }),
    }),
  ];
}
