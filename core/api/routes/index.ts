import { defineRoute, type Route, type RouteDeps } from '../route.ts';
import { alertRoutes } from './alerts.ts';
import { connectionRoutes } from './connections.ts';
import { deadLetterRoutes } from './dead-letters.ts';
import { entityRoutes } from './entities.ts';
import { healingRoutes } from './healing.ts';
import { healthRoutes } from './health.ts';
import { metricRoutes } from './metrics.ts';
import { nodeRoutes } from './nodes.ts';
import { recordRoutes } from './records.ts';
import { runRoutes } from './runs.ts';

/** All routes, the index among them. */
export function allRoutes(deps: RouteDeps): Route[] {
  const routes = [healthRoutes, metricRoutes, entityRoutes, connectionRoutes, runRoutes, deadLetterRoutes, healingRoutes, alertRoutes, recordRoutes, nodeRoutes].flatMap((group) => group(deps));
  const listed = routes.map(({ method, path, summary }) => ({ method, path, summary }));
  const index = defineRoute({ method: 'GET', path: '/', summary: 'This list.', handle: () => ({ body: { name: 'TDS', version: deps.version, routes: listed } }) });
  return [index, ...routes];
}
