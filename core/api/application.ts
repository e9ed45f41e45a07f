import { Router } from '@koa/router';
import { randomUUID } from 'node:crypto';
import Koa, { type Context, type Middleware } from 'koa';
import { suggest } from '../config/index.ts';
import type { Logger } from '../sdk/index.ts';
import { readJsonBody } from './body.ts';
import { nobody, type Caller } from './caller.ts';
import { guardAgainstPages, securityHeaders } from './guard.ts';
import { ApiError, problemOf } from './problem.ts';
import type { RawAnswer, Route } from './route.ts';
import { compileChecks } from './validate.ts';

/** Puts routes, guards and the wording of errors together. */
export function createApplication(routes: readonly Route[], options: { log: Logger; loopback: boolean }): Koa {
  const application = new Koa();
  // What Koa reports here broke after the answer had begun, such as a caller that hung up.
  application.on('error', (error: unknown) => options.log.debug('an answer broke off', { error }));
  application.use(answerErrors(options.log));
  application.use(guardAgainstPages(options));
  const router = new Router();
  for (const route of routes) router.register(route.path, [route.method], handler(route));
  application.use(router.routes());
  application.use((context) => {
    throw noRoute(context, routes);
  });
  return application;
}

function handler(route: Route): Middleware {
  const checks = compileChecks(route);
  return async (context) => {
    const gone = new AbortController();
    context.res.once('close', () => gone.abort());
    const params = checks.params((context as Context & { params: Record<string, string> }).params);
    const query = checks.query(new URLSearchParams(context.querystring));
    const body = route.method === 'GET' ? {} : checks.body(await readJsonBody(context.req));
    const caller: Caller = { ...nobody(context.ip), kind: 'open', name: 'open', scope: 'admin' };
    const answer = await route.handle({ params, query: query as never, body: body as never, caller, signal: gone.signal });
    context.status = answer.status ?? 200;
    for (const [name, value] of Object.entries(answer.headers ?? {})) context.set(name, value);
    if (answer.type === undefined) send(context, 'application/json; charset=utf-8', answer.body);
    else {
      context.body = (answer as RawAnswer).body;
      context.set('Content-Type', answer.type);
    }
  };
}

function answerErrors(log: Logger): Middleware {
  return async (context, next) => {
    for (const [name, value] of Object.entries(securityHeaders)) context.set(name, value);
    try {
      await next();
    } catch (error) {
      const told = problemOf(error);
      const answer = told.internal ? { ...told.problem, id: randomUUID() } : told.problem;
      if ('id' in answer) log.error('a request failed', { id: answer.id, method: context.method, path: context.path, error });
      context.status = answer.status;
      for (const [name, value] of Object.entries(told.headers)) context.set(name, value);
      send(context, 'application/problem+json; charset=utf-8', answer);
    }
  };
}

function send(context: Context, type: string, value: unknown): void {
  context.body = `${JSON.stringify(value)}\n`;
  context.set('Content-Type', type);
}

/** 405 where the path has routes for other methods, else 404 with the nearest route. */
function noRoute({ method, path }: Context, routes: readonly Route[]): ApiError {
  const here = routes.filter((route) => fits(route.path, path));
  if (here.length > 0) {
    const allowed = [...new Set(here.flatMap((route) => (route.method === 'GET' ? ['GET', 'HEAD'] : [route.method])))].join(', ');
    return new ApiError('api.method', `${path} takes ${allowed}, not ${method}.`, { headers: { Allow: allowed } });
  }
  const candidates = [...new Set(routes.map((route) => route.path))];
  const near = suggest(path, candidates) ?? suggest(`/v1${path}`, candidates) ?? (candidates.includes(`/v1${path}`) ? `/v1${path}` : undefined);
  const detail = `There is no route ${JSON.stringify(path.slice(0, 200))}.`;
  return new ApiError('api.unknown_route', detail, near === undefined ? {} : { suggestion: `did you mean ${near}? GET / lists the routes.` });
}

function fits(pattern: string, path: string): boolean {
  const wanted = pattern.split('/');
  const given = path.split('/');
  return wanted.length === given.length && wanted.every((part, at) => (part.startsWith(':') ? given[at] !== '' : part === given[at]));
}
