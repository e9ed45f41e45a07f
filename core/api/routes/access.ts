import { parseDuration } from '../../../schemas/index.ts';
import { OperationError } from '../../operations/errors.ts';
import { shapes } from '../answer-shapes.ts';
import { sessionCookie } from '../cookies.ts';
import { defineRoute, pageOf, paging, type Route, type RouteDeps } from '../route.ts';

/** Tokens of programs, and the sessions of pages. */
export function accessRoutes(deps: RouteDeps): Route[] {
  return [...tokenRoutes(deps), ...sessionRoutes(deps)];
}

function tokenRoutes({ operations }: RouteDeps): Route[] {
  return [
    defineRoute({
      method: 'GET', path: '/v1/tokens', scope: 'admin', summary: 'Tokens, the newest first; never their secrets.',
      query: { type: 'object', additionalProperties: false, properties: { ...paging, name: { type: 'string', minLength: 1, maxLength: 100 }, scope: { type: 'string', enum: ['read', 'operate', 'admin'] }, state: { type: 'string', enum: ['active', 'expired', 'revoked'] } } },
      answers: { 200: shapes.page('tokens', shapes.token) },
      async handle({ query: { limit = 50, ...filter } }) {
        const { page, next } = pageOf(await operations.access.tokens({ ...filter, limit: limit + 1 }), limit);
        return { body: { tokens: page, next } };
      },
    }),
    defineRoute({
      method: 'POST', path: '/v1/tokens', scope: 'admin', summary: 'Makes a token; its secret is in this answer and nowhere else.',
      body: {
        type: 'object', additionalProperties: false, required: ['name', 'scope'],
        properties: {
          name: { type: 'string', minLength: 1, maxLength: 100, description: 'Whose it is, or what for.' }, scope: { type: 'string', enum: ['read', 'operate', 'admin'] },
          expires: { type: 'string', minLength: 1, maxLength: 40, default: '365d', description: 'How long it is good, such as `90d`; or `never`.' },
        },
      },
      answers: { 201: shapes.madeToken, 400: shapes.problem },
      async handle({ body: { name = '', scope = 'read', expires = '365d' }, caller }) {
        const { token, secret } = await operations.access.createToken({ name, scope, expiresAt: endOf(expires), by: caller.name });
        return { status: 201, body: { ...token, secret } };
      },
    }),
    defineRoute({
      method: 'POST', path: '/v1/tokens/:id/revoke', scope: 'admin', summary: 'Revokes a token, by its number or prefix; every node refuses it within a second.',
      answers: { 200: shapes.token, 404: shapes.problem },
      handle: async ({ params, caller }) => ({ body: await operations.access.revokeToken(params['id'] ?? '', caller.name) }),
    }),
  ];
}

function sessionRoutes({ doors }: RouteDeps): Route[] {
  return [
    defineRoute({
      method: 'POST', path: '/v1/session', scope: 'apart', summary: 'Signs a page in with a token: answers with a cookie, and with what each act must carry in X-CSRF-Token.',
      body: { type: 'object', additionalProperties: false, required: ['token'], properties: { token: { type: 'string', minLength: 1, maxLength: 200, writeOnly: true } } },
      answers: { 200: shapes.session, 401: shapes.problem, 429: shapes.problem },
      async handle({ body: { token = '' }, caller, secure }) {
        const { secret, expiresAt, caller: by } = await doors.signIn(caller.address, token);
        const seconds = Math.round((expiresAt.getTime() - Date.now()) / 1000);
        return { headers: { 'Set-Cookie': sessionCookie(secret, { seconds, secure }) }, body: { kind: by.kind, name: by.name, scope: by.scope, csrf: by.csrf }, by };
      },
    }),
    defineRoute({
      method: 'GET', path: '/v1/session', scope: 'read', summary: 'Who asks, and what it may.',
      answers: { 200: shapes.session },
      handle: ({ caller: { kind, name, scope, csrf = null } }) => ({ body: { kind, name, scope, csrf } }),
    }),
    defineRoute({
      method: 'DELETE', path: '/v1/session', scope: 'read', summary: 'Signs a page out.',
      answers: { 200: { type: 'object', additionalProperties: false, required: ['ended'], properties: { ended: { const: true } } } },
      async handle({ cookie, secure }) {
        await doors.signOut(cookie);
        return { headers: { 'Set-Cookie': sessionCookie(null, { seconds: 0, secure }) }, body: { ended: true } };
      },
    }),
  ];
}

/** @throws OperationError `operation.bad_time` */
function endOf(expires: string): Date | null {
  if (expires === 'never') return null;
  const ms = parseDuration(expires);
  const end = ms === undefined ? undefined : new Date(Date.now() + ms);
  if (end === undefined || !(end.getUTCFullYear() < 10_000)) throw new OperationError('operation.bad_time', `${JSON.stringify(expires)} is no length of time`, { suggestion: 'Write one such as 90d, or never.' });
  return end;
}
