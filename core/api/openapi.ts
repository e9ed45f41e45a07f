/** The OpenAPI 3.1 document, made from the routes. */
import { problemStatuses } from './codes.ts';
import { shapes } from './answer-shapes.ts';
import type { AnswerSchema, Route } from './route.ts';

/** OpenAPI's own words for what is needed of them here. */
export interface OpenApi {
  openapi: '3.1.0';
  info: { title: string; version: string; description: string };
  security: readonly Record<string, readonly string[]>[];
  paths: Record<string, Record<string, OpenApiOperation>>;
  components: object;
}
export interface OpenApiOperation {
  operationId: string; summary: string; tags: string[]; description?: string; security?: readonly object[]; parameters: OpenApiParameter[];
  requestBody?: { required: boolean; content: Record<string, { schema: AnswerSchema }> };
  responses: Record<string, OpenApiResponse>;
}
export interface OpenApiParameter { name: string; in: 'path' | 'query' | 'header'; required: boolean; description?: string; schema: object }
export interface OpenApiResponse { description: string; headers?: object; content: Record<string, { schema: AnswerSchema }> }

const about = 'TDS keeps your own PostgreSQL in step with the services where your business happens. Every answer that is no success is a problem (RFC 9457) with a stable code and a cure.';

/** Makes the document. Paths stand as OpenAPI writes them: `/v1/runs/{id}`. */
export function openApi(routes: readonly Route[], version: string): OpenApi {
  const paths: OpenApi['paths'] = {};
  for (const route of routes) (paths[pathOf(route)] ??= {})[route.method.toLowerCase()] = operationOf(route);
  return {
    openapi: '3.1.0', info: { title: 'TDS', version, description: about }, security: [{ token: [] }, { session: [] }], paths,
    components: {
      schemas: { Problem: shapes.problem },
      securitySchemes: {
        token: { type: 'http', scheme: 'bearer', description: 'A token of `tds token create`. On loopback the API asks for none until the first is made.' },
        session: { type: 'apiKey', in: 'cookie', name: 'tds_session', description: 'Of `POST /v1/session`. What acts carries X-CSRF-Token too.' },
      },
    },
  };
}

/** `/v1/runs/:id` → `/v1/runs/{id}`. */
export function pathOf({ path }: Pick<Route, 'path'>): string {
  return path.replaceAll(/:(\w+)/g, '{$1}');
}

function operationOf(route: Route): OpenApiOperation {
  const { method, path, summary, scope, body, startsWork } = route;
  const members = (body as { properties: object; required?: readonly string[] });
  const takesBody = Object.keys(members.properties).length > 0;
  return {
    operationId: `${method.toLowerCase()}${path === '/' ? 'Index' : path.replace(/^\/v1/, '').replaceAll(/[^A-Za-z]+([A-Za-z])?/g, (_, next: string | undefined) => next?.toUpperCase() ?? '')}`,
    summary, tags: [path.split('/')[2] ?? 'tds'],
    ...(scope === 'apart' ? { security: [] } : { description: `Needs the scope \`${scope}\`.` }),
    parameters: [...parametersOf(route.params, 'path'), ...parametersOf(route.query, 'query'), ...(startsWork ? [idempotencyKey] : [])],
    ...(takesBody ? { requestBody: { required: (members.required ?? []).length > 0, content: { 'application/json': { schema: body as AnswerSchema } } } } : {}),
    responses: responsesOf(route),
  };
}

const idempotencyKey: OpenApiParameter = {
  name: 'Idempotency-Key', in: 'header', required: false, description: 'A repeat with the same key and body within 24 hours gets the same answer, and begins nothing anew.', schema: { type: 'string', minLength: 1, maxLength: 200 },
};

function parametersOf(schema: object, place: 'path' | 'query'): OpenApiParameter[] {
  const { properties, required = [] } = schema as { properties: Record<string, { description?: string }>; required?: readonly string[] };
  return Object.entries(properties).map(([name, { description, ...rest }]) => ({ name, in: place, required: place === 'path' || required.includes(name), ...(description === undefined ? {} : { description }), schema: rest }));
}

function responsesOf(route: Route): Record<string, OpenApiResponse> {
  const responses: Record<string, OpenApiResponse> = {};
  for (const status of commonStatuses(route)) responses[status] = problemResponse(status);
  for (const [status, { description, ...schema }] of Object.entries(route.answers)) {
    if (route.answers[Number(status)] === shapes.problem) responses[status] = problemResponse(Number(status));
    else responses[status] = { description: typeof description === 'string' ? description : successWords[status] ?? 'The answer.', content: { [Number(status) < 300 ? route.produces : 'application/json']: { schema } } };
  }
  return responses;
}

/** Statuses that any route of its kind may answer with, beside those that it declares. */
export function commonStatuses({ scope, method, startsWork }: Route): number[] {
  return [
    400, 403, 421, ...(scope === 'apart' ? [] : [401, 429]), ...(scope === 'apart' && method === 'GET' ? [] : [500, 503]),
    ...(method === 'GET' ? [] : [413, 415]), ...(startsWork ? [409, 422] : []),
  ];
}

function problemResponse(status: number): OpenApiResponse {
  return { description: problemStatuses(status), content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } } };
}

const successWords: Readonly<Record<string, string>> = { 200: 'Done.', 201: 'Made.', 202: 'Accepted; the answer says where to follow it.', 503: 'Not ready.' };
