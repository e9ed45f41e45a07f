import { Router } from '@koa/router';
import { randomUUID } from 'node:crypto';
import Koa, { type Context, type Middleware } from 'koa';
import { suggest } from '../config/index.ts';
import type { AuditOperations } from '../operations/audit.ts';
import type { Logger } from '../sdk/index.ts';
import { addressBehind } from './address.ts';
import { auditing } from './auditing.ts';
import { guardAgainstPages, securityHeaders } from './guard.ts';
import { handler, sendJson, type HandlerDeps } from './handler.ts';
import { ApiError, problemOf } from './problem.ts';
import type { Route } from './route.ts';

/** Puts routes, guards, the audit and the wording of errors together. */
export function createApplication(routes: readonly Route[], options: HandlerDeps & { log: Logger; loopback: boolean; origins: readonly string[]; proxies: readonly string[]; audit: AuditOperations }): Koa {
  const application = new Koa();
  // What Koa reports here broke after the answer had begun, such as a caller that hung up.
  application.on('error', (error: unknown) => options.log.debug('an answer broke off', { error }));
  application.use(answerErrors(options.log));
  application.use(addressBehind(options.proxies));
  application.use(auditing({ ...options, mayNote: (address) => options.doors.mayNote(address) }));
  application.use(guardAgainstPages(options));
  const router = new Router();
  for (const route of routes) router.register(route.path, [route.method], handler(route, options));
  application.use(router.routes());
  application.use((context) => {
    throw noRoute(context, routes);
  });
  return application;
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
      sendJson(context, 'application/problem+json; charset=utf-8', answer);
    }
  };
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
