import type { Readable } from 'node:stream';
import type { Operations } from '../operations/operations.ts';
import type { Caller } from './caller.ts';
import type { Doorkeeper } from './doorkeeper.ts';

/** What every route may use. */
export interface RouteDeps {
  operations: Operations;
  version: string;
  doors: Doorkeeper;
}

/** What a caller must be allowed: each one contains those before it. `apart`: no caller is asked who it is; for health, webhooks and the sign-in alone. */
export type RouteScope = 'read' | 'operate' | 'admin' | 'apart';

/** A question that was checked against the route's schemas. */
export interface RouteRequest<Query, Body> {
  /** The parts of the path that begin with `:`. */
  params: Readonly<Record<string, string>>;
  query: Query;
  body: Body;
  /** Who asks. Of a route that stands apart: nobody. */
  caller: Caller;
  /** The header Cookie, for the routes of sessions. */
  cookie: string;
  /** The caller came by TLS, as far as a trusted proxy or the config says so. */
  secure: boolean;
  /** Aborts when the caller is gone or the API stops; for answers that go on for long. */
  signal: AbortSignal;
  /** Whether the caller may still use this route; for answers that go on for long. Rejects like a new request where it is known no more. */
  stillMay(): Promise<boolean>;
}

/** What a route answers; status 200 unless it says otherwise. */
export interface Answer {
  status?: number;
  headers?: Readonly<Record<string, string>>;
  /** A JSON value; where `type` is given, what is sent as it is. */
  body: unknown;
  type?: string;
  /** Who it turned out to be; of a sign-in. */
  by?: Caller;
}

/** An answer that is sent as it is. */
export interface RawAnswer extends Answer { body: string | Readable; type: string }

/** A JSON Schema; its `description` says what the answer means. */
export type AnswerSchema = Readonly<Record<string, unknown>>;

/** One route: where, who may, what it takes, what it does. The index, the check of methods, the README and the OpenAPI file are made from these. */
export interface Route {
  method: 'GET' | 'POST' | 'DELETE';
  /** As @koa/router writes it: `/v1/runs/:id`. */
  path: string;
  /** For people, one line. */
  summary: string;
  scope: RouteScope;
  params: object;
  query: object;
  body: object;
  /** Every status that the route itself answers with; those that any route may have (400, 401, 500 …) are added where the OpenAPI file is made. */
  answers: Readonly<Record<number, AnswerSchema>>;
  /** The type of its successes. Default JSON. */
  produces: string;
  /** It begins work that a repeat would begin again: `Idempotency-Key` is heeded. */
  startsWork: boolean;
  handle(request: RouteRequest<never, never>): Answer | Promise<Answer>;
}

/** A flat object's schema, as all of a route's are: its members are read into types, the rest is ajv's. */
interface ObjectSchema { type: 'object'; additionalProperties: false; required?: readonly string[]; properties: Readonly<Record<string, object>> }
type Member<S> = S extends { enum: readonly (infer E)[] } ? E : S extends { type: 'integer' } ? number : S extends { type: 'boolean' } ? boolean : S extends { type: 'string' } ? string : unknown;
type Members<S extends ObjectSchema> = { [K in keyof S['properties']]?: Member<S['properties'][K]> };

const nothing = { type: 'object', additionalProperties: false, properties: {} } as const;
type Nothing = typeof nothing;

/** What a part of a path may be where the route says nothing of it. */
const anyPart = { type: 'string', minLength: 1, maxLength: 1000 } as const;

/**
 * Types a route by its schemas. One that declares no query or body takes none; one that declares no `answers` answers 200
 * with some object. A scope must be given.
 */
export function defineRoute<const Q extends ObjectSchema = Nothing, const B extends ObjectSchema = Nothing>(route: {
  method: Route['method']; path: string; summary: string; scope: RouteScope; params?: Readonly<Record<string, object>>; query?: Q; body?: B;
  answers?: Readonly<Record<number, AnswerSchema>>; produces?: string; startsWork?: boolean;
  handle(request: RouteRequest<Members<Q>, Members<B>>): Answer | Promise<Answer>;
}): Route {
  const names = route.path.split('/').filter((part) => part.startsWith(':')).map((part) => part.slice(1));
  const params = { type: 'object', additionalProperties: false, required: names, properties: Object.fromEntries(names.map((name) => [name, route.params?.[name] ?? anyPart])) };
  return { query: nothing, body: nothing, answers: { 200: { type: 'object' } }, produces: 'application/json', startsWork: false, ...route, params } as unknown as Route;
}

/** How every long list is asked for, page by page. */
export const paging = {
  limit: { type: 'integer', minimum: 1, maximum: 500, default: 50, description: 'How many at most.' },
  before: { type: 'string', pattern: '^[0-9]{1,18}$', description: 'The `next` of the page before.' },
  after: { type: 'string', pattern: '^[0-9]{1,18}$', description: 'The `next` of the page before, of a list with the oldest first.' },
  sort: { type: 'string', enum: ['newest', 'oldest'], default: 'newest', description: 'Which come first.' },
} as const;

/** The same for a list that goes by a time, where so many numbers tell apart what is of the same time. See `core/store/cursor.ts`. */
export function pagingByTime(numbers: 1 | 2) {
  const pattern = `^[0-9]{1,17}(-[0-9]{1,18}){${numbers}}$`;
  return { ...paging, before: { ...paging.before, pattern }, after: { ...paging.after, pattern } } as const;
}

/** One page out of a list that was asked for one more than the page holds; `next` is null on the last page. */
export function pageOf<T extends { id: string }>(found: readonly T[], limit: number): { page: T[]; next: string | null } {
  const page = found.slice(0, limit);
  return { page, next: found.length > limit ? (page.at(-1)?.id ?? null) : null };
}
