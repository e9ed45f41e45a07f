import type { Operations } from '../operations/operations.ts';

/** What every route may use. */
export interface RouteDeps {
  operations: Operations;
  version: string;
}

/** A question that was checked against the route's schemas. */
export interface RouteRequest<Query, Body> {
  /** The parts of the path that begin with `:`. */
  params: Readonly<Record<string, string>>;
  query: Query;
  body: Body;
}

/** What a route answers; status 200 unless it says otherwise. */
export interface Answer {
  status?: number;
  headers?: Readonly<Record<string, string>>;
  /** Of a body that is text; without it the body goes out as JSON. */
  type?: string;
  body: unknown;
}

/** One route: where, what it takes, what it does. The index, the check of methods and later the OpenAPI file are made from these. */
export interface Route {
  method: 'GET' | 'POST';
  /** As @koa/router writes it: `/v1/runs/:id`. */
  path: string;
  /** For people, one line. */
  summary: string;
  query: object;
  body: object;
  handle(request: RouteRequest<never, never>): Answer | Promise<Answer>;
}

/** A flat object's schema, as all of a route's are: its members are read into types, the rest is ajv's. */
interface ObjectSchema { type: 'object'; additionalProperties: false; required?: readonly string[]; properties: Readonly<Record<string, object>> }
type Member<S> = S extends { enum: readonly (infer E)[] } ? E : S extends { type: 'integer' } ? number : S extends { type: 'boolean' } ? boolean : S extends { type: 'string' } ? string : unknown;
type Members<S extends ObjectSchema> = { [K in keyof S['properties']]?: Member<S['properties'][K]> };

const nothing = { type: 'object', additionalProperties: false, properties: {} } as const;
type Nothing = typeof nothing;

/** Types a route by its schemas. One that declares no query or body takes none. */
export function defineRoute<const Q extends ObjectSchema = Nothing, const B extends ObjectSchema = Nothing>(route: {
  method: 'GET' | 'POST'; path: string; summary: string; query?: Q; body?: B;
  handle(request: RouteRequest<Members<Q>, Members<B>>): Answer | Promise<Answer>;
}): Route {
  return { query: nothing, body: nothing, ...route } as unknown as Route;
}

/** `limit` and `before` of every list. */
export const paging = {
  limit: { type: 'integer', minimum: 1, maximum: 500, default: 50, description: 'How many at most.' },
  before: { type: 'string', pattern: '^[0-9]{1,18}$', description: 'The `next` of the page before.' },
} as const;

/** One page out of a list that was asked for one more than the page holds; `next` is null on the last page. */
export function pageOf<T extends { id: string }>(found: readonly T[], limit: number): { page: T[]; next: string | null } {
  const page = found.slice(0, limit);
  return { page, next: found.length > limit ? (page.at(-1)?.id ?? null) : null };
}
