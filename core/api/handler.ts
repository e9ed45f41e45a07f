import type { Context, Middleware } from 'koa';
import type { AnswerOperations } from '../operations/answers.ts';
import { addressOf, isForwardedTls, isFromHere } from './address.ts';
import { notesOf } from './auditing.ts';
import { readJsonBody } from './body.ts';
import { covers, nobody, type Caller } from './caller.ts';
import { demandCsrf, type Doorkeeper } from './doorkeeper.ts';
import { once } from './idempotency.ts';
import { ApiError } from './problem.ts';
import type { Answer, RawAnswer, Route } from './route.ts';
import { compileChecks } from './validate.ts';

export interface HandlerDeps {
  doors: Doorkeeper;
  answers: AnswerOperations;
  /** Streams that are under way; aborting one ends it. */
  live: Set<AbortController>;
  /** Streams at once, of all callers. */
  mostStreams: number;
  /** Callers reach the API by TLS alone. */
  secure: boolean;
}

/** Does one route: who asks, may it, does the question fit, then the answer. */
export function handler(route: Route, { doors, answers, live, mostStreams, secure }: HandlerDeps): Middleware {
  const checks = compileChecks(route);
  return async (context) => {
    const notes = notesOf(context);
    notes.route = route;
    const identify = (): Promise<Caller> => callerOf(context, route, doors);
    notes.caller = await identify();
    demandScope(notes.caller, route);
    if (route.method !== 'GET') demandCsrf(notes.caller, context.get('X-CSRF-Token'));
    const params = checks.params((context as Context & { params: Record<string, string> }).params);
    notes.target = { ...params };
    const query = checks.query(new URLSearchParams(context.querystring)) as object;
    const body = (route.method === 'GET' ? {} : checks.body(await readJsonBody(context.req))) as object;
    notes.target = { ...body, ...params };
    if (route.produces === 'text/event-stream' && live.size >= mostStreams) throw new ApiError('api.too_many_streams', `${mostStreams} live views are open.`, { headers: { 'Retry-After': '10' } });
    const ended = endOf(context, route, live);
    const stillMay = async (): Promise<boolean> => covers((await identify()).scope, route.scope as 'read');
    const act = async (): Promise<Answer> => route.handle({ params, query: query as never, body: body as never, caller: notes.caller, cookie: context.get('Cookie'), secure: secure || isForwardedTls(context), signal: ended, stillMay });
    const { caller } = notes;
    const answer = route.startsWork ? await once(answers, { key: context.get('Idempotency-Key'), caller, route: `${route.method} ${route.path}`, params, query, body }, act) : await act();
    if (answer.by) notes.caller = answer.by;
    reply(context, answer);
  };
}

async function callerOf(context: Context, { scope }: Route, doors: Doorkeeper): Promise<Caller> {
  const address = addressOf(context);
  return scope === 'apart' ? nobody(address) : doors.identify({ authorization: context.get('Authorization'), cookie: context.get('Cookie'), address, crossOrigin: notesOf(context).crossOrigin === true, fromHere: isFromHere(context) });
}

function demandScope({ scope }: Caller, route: Route): void {
  if (route.scope === 'apart' || covers(scope, route.scope)) return;
  throw new ApiError('api.scope', `${route.method} ${route.path} needs the scope ${route.scope}, and the token has ${scope ?? 'none'}.`);
}

/** Aborts when the caller hangs up or has its answer; of a stream, when the API stops too. Who hung up while it was asked who it is has said so already. */
function endOf(context: Context, route: Route, live: Set<AbortController>): AbortSignal {
  const ended = new AbortController();
  if (context.res.destroyed || context.res.closed) {
    ended.abort();
    return ended.signal;
  }
  if (route.produces === 'text/event-stream') live.add(ended);
  context.res.once('close', () => {
    live.delete(ended);
    ended.abort();
  });
  return ended.signal;
}

function reply(context: Context, answer: Answer): void {
  context.status = answer.status ?? 200;
  for (const [name, value] of Object.entries(answer.headers ?? {})) context.set(name, value);
  if (answer.type === undefined) return sendJson(context, 'application/json; charset=utf-8', answer.body);
  context.body = (answer as RawAnswer).body;
  context.set('Content-Type', answer.type);
}

/** Sends a value as one line of JSON. */
export function sendJson(context: Context, type: string, value: unknown): void {
  context.body = `${JSON.stringify(value)}\n`;
  context.set('Content-Type', type);
}
