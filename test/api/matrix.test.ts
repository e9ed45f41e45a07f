/** Every route with every kind of caller. A new route is in it by itself. */
import t from 'tap';
import { allRoutes } from '../../core/api/routes/index.ts';
import { tokenScopes } from '../../core/operations/access.ts';
import { fakeOperations } from './fake-operations.ts';
import { realAccess } from './real-access.ts';
import { startApi } from './support.ts';

const routes = allRoutes({ operations: fakeOperations(), version: '1', doors: undefined as never });
const nameOf = ({ method, path }: { method: string; path: string }): string => `${method} ${path}`;
const json = { 'Content-Type': 'application/json' };

t.test('each route declares who may, and only these ask nobody who they are', async (t) => {
  t.same(routes.filter(({ scope }) => ![...tokenScopes, 'apart'].includes(scope)).map(nameOf), []);
  t.same(routes.filter(({ scope }) => scope === 'apart').map(nameOf).sort(), ['GET /healthz', 'GET /readyz', 'POST /v1/session']);
  t.same(routes.filter(({ scope, method }) => scope === 'read' && method !== 'GET').map(nameOf), ['DELETE /v1/session'], 'what acts needs more than a look');
  t.equal(new Set(routes.map(nameOf)).size, routes.length, 'no route stands twice');
});

t.test('every route lets in those who may, and nobody else', async (t) => {
  const real = await realAccess(t);
  const [expired, revoked] = [await real.expired(), await real.revoked()];
  const holders = Object.fromEntries(await Promise.all(tokenScopes.map(async (scope) => [scope, await real.token(scope)] as const))) as Record<(typeof tokenScopes)[number], string>;
  let now = Date.now();
  const { call } = await startApi(t, real.operations, { now: () => (now += 60_000) }); // so that nobody is slowed down
  const good = holders.read;
  const strangers = { 'no token': undefined, 'no bearer': 'Basic eDp5', wrong: `Bearer ${good.slice(0, -1)}${good.endsWith('A') ? 'B' : 'A'}`, 'not of our form': 'Bearer tds', expired: `Bearer ${expired}`, revoked: `Bearer ${revoked}` };
  let seen = 0;
  for (const route of routes) {
    const path = route.path.replaceAll(/:\w+/g, 'x');
    const ask = (authorization: string | undefined) => {
      seen += 1;
      return call({ method: route.method, path, headers: { ...json, ...(authorization === undefined ? {} : { Authorization: authorization }) }, ...(route.method === 'GET' ? {} : { body: '{"token":"x"}' }) });
    };
    for (const [who, authorization] of Object.entries(strangers)) {
      const { status, headers, body } = await ask(authorization);
      if (route.scope === 'apart') t.notMatch(body['code'], /api\.(no_token|scope)/, `${nameOf(route)} asks nobody`);
      else t.match([status, body['code'], headers['www-authenticate']], [401, who === 'no token' ? 'api.no_token' : 'api.bad_token', /^Bearer/], `${nameOf(route)}: ${who}`);
    }
    for (const scope of tokenScopes) {
      const { status, body } = await ask(`Bearer ${holders[scope]}`);
      const may = route.scope === 'apart' || tokenScopes.indexOf(scope) >= tokenScopes.indexOf(route.scope);
      if (may) t.notMatch([status, body['code']], [/40[13]/, /api\.(scope|no_token)/], `${nameOf(route)}: ${scope} may`);
      else t.match([status, body['code']], [403, 'api.scope'], `${nameOf(route)}: ${scope} may not`);
    }
  }
  t.equal(seen, routes.length * (Object.keys(strangers).length + tokenScopes.length));
});
