import { shapes } from '../answer-shapes.ts';
import { openApi } from '../openapi.ts';
import { openApiPage, pagePolicy } from '../openapi-page.ts';
import { defineRoute, type Route, type RouteDeps } from '../route.ts';
import { accessRoutes } from './access.ts';
import { alertRoutes } from './alerts.ts';
import { auditRoutes } from './audit.ts';
import { cacheRoutes } from './cache.ts';
import { configRoutes } from './config.ts';
import { connectionRoutes } from './connections.ts';
import { deadLetterRoutes } from './dead-letters.ts';
import { entityRoutes } from './entities.ts';
import { healingRoutes } from './healing.ts';
import { healthRoutes } from './health.ts';
import { metricRoutes } from './metrics.ts';
import { nodeRoutes } from './nodes.ts';
import { recordRoutes } from './records.ts';
import { runRoutes } from './runs.ts';
import { scheduleRoutes } from './schedules.ts';
import { webhookRoutes } from './webhooks.ts';

const openWords = 'open: anybody on this machine may do all, until the first token is made (tds token create)';
const tokenWords = 'by token';
const groups = [
  healthRoutes, metricRoutes, configRoutes, entityRoutes, connectionRoutes, runRoutes, deadLetterRoutes, healingRoutes, alertRoutes, scheduleRoutes, webhookRoutes, recordRoutes, cacheRoutes, nodeRoutes, auditRoutes, accessRoutes,
];

/** All routes, those that tell about the routes among them. */
export function allRoutes(deps: RouteDeps): Route[] {
  const routes = groups.flatMap((group) => group(deps));
  const listed = routes.map(({ method, path, scope, summary }) => ({ method, path, scope, summary }));
  const index = defineRoute({
    method: 'GET', path: '/', scope: 'read', summary: 'This list, and whether the API is open.',
    answers: { 200: shapes.index },
    handle: ({ caller: { kind, name, scope } }) => ({ body: { name: 'TDS', version: deps.version, access: kind === 'open' ? openWords : tokenWords, you: { kind, name, scope }, routes: listed } }),
  });
  return [index, ...describing([index, ...routes], deps.version), ...routes];
}

/** What every node answers of itself, whatever its roles. */
export function ownRoutes(deps: RouteDeps): Route[] {
  return [...healthRoutes(deps), ...metricRoutes(deps)].filter(({ path }) => !path.startsWith('/v1/'));
}

/** The description of all routes, these two among them, for programs and for people. Made once, when it is first asked for. */
function describing(others: readonly Route[], version: string): Route[] {
  let page: string | undefined;
  let json: string | undefined;
  const document: Route = defineRoute({
    method: 'GET', path: '/openapi.json', scope: 'read', summary: 'All routes as an OpenAPI 3.1 document.', answers: { 200: { type: 'object', required: ['openapi', 'paths'] } },
    handle: () => ({ type: 'application/json; charset=utf-8', body: json ??= `${JSON.stringify(openApi(all, version))}\n` }),
  });
  const reading: Route = defineRoute({
    method: 'GET', path: '/docs', scope: 'read', summary: 'The same to read, as a page.', produces: 'text/html', answers: { 200: { type: 'string' } },
    handle: () => ({ type: 'text/html; charset=utf-8', headers: { 'Content-Security-Policy': pagePolicy }, body: page ??= openApiPage(openApi(all, version)) }),
  });
  const all: Route[] = [...others, document, reading];
  return [document, reading];
}
