import { shapes } from '../answer-shapes.ts';
import { defineRoute, type Route, type RouteDeps } from '../route.ts';
import { configRoutes } from './config.ts';
import { connectionRoutes } from './connections.ts';
import { deadLetterRoutes } from './dead-letters.ts';
import { entityRoutes } from './entities.ts';
import { accessRoutes } from './access.ts';
import { auditRoutes } from './audit.ts';
import { healingRoutes } from './healing.ts';
import { healthRoutes } from './health.ts';
import { nodeRoutes } from './nodes.ts';
import { recordRoutes } from './records.ts';
import { runRoutes } from './runs.ts';

const openWords = 'open: anybody on this machine may do all, until the first token is made (tds token create)';
const tokenWords = 'by token';

/** All routes, the index among them. */
export function allRoutes(deps: RouteDeps): Route[] {
  const routes = [healthRoutes, configRoutes, entityRoutes, connectionRoutes, runRoutes, deadLetterRoutes, healingRoutes, recordRoutes, nodeRoutes, auditRoutes, accessRoutes].flatMap((group) => group(deps));
  const listed = routes.map(({ method, path, scope, summary }) => ({ method, path, scope, summary }));
  const index = defineRoute({ method: 'GET', path: '/', scope: 'read', summary: 'This list, and whether the API is open.',
    answers: { 200: shapes.index }, 
    async handle({ caller: { kind, name, scope } }) {
      return { body: { name: 'TDS', version: deps.version, access: kind === 'open' ? openWords : tokenWords, you: { kind, name, scope }, routes: listed } };
    },
  });
  return [index, ...routes];
}
