import { defineRoute, type Route, type RouteDeps } from '../route.ts';
import { connectionRoutes } from './connections.ts';
import { deadLetterRoutes } from './dead-letters.ts';
import { entityRoutes } from './entities.ts';
import { healingRoutes } from './healing.ts';
import { healthRoutes } from './health.ts';
import { nodeRoutes } from './nodes.ts';
import { recordRoutes } from './records.ts';
import { runRoutes } from './runs.ts';
import { scheduleRoutes } from './schedules.ts';

/** All routes, the index among them. */
export function allRoutes(deps: RouteDeps): Route[] {
  const routes = [healthRoutes, entityRoutes, connectionRoutes, runRoutes, deadLetterRoutes, healingRoutes, scheduleRoutes, recordRoutes, nodeRoutes].flatMap((group) => group(deps));
  const listed = routes.map(({ method, path, summary }) => ({ method, path, summary }));
  const index = defineRoute({ method: 'GET', path: '/', summary: 'This list.', handle: () => ({ body: { name: 'TDS', version: deps.version, routes: listed } }) });
  return [index, ...routes];
}
