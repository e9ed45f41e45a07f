import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import { didYouMean } from '../config/index.ts';
import { demandPlain, demandText } from './plain.ts';
import { ApiError } from './problem.ts';
import type { Route } from './route.ts';

/** Checks what callers send against a route's schemas, and fills in the defaults. */
export interface RouteChecks {
  params(given: Record<string, string>): Record<string, string>;
  query(search: URLSearchParams): unknown;
  body(value: unknown): unknown;
}

// A query is all text, so numbers in it are read as such; in a body a number is a number.
// That the schemas are good ones is held by a test, and need not be looked at by each process.
const options = { useDefaults: true, allErrors: true, strict: false, verbose: true, validateSchema: false, code: { optimize: false } };
const queryAjv = new Ajv({ ...options, coerceTypes: true });
const bodyAjv = new Ajv(options);

/** Compiled at its first question: a start would wait for all of them longer than for anything else. */
function lazily(ajv: Ajv, schema: object): () => ValidateFunction {
  let check: ValidateFunction | undefined;
  return () => (check ??= ajv.compile(schema));
}

/** The checks of a route by its schemas. */
export function compileChecks(route: Route): RouteChecks {
  const params = lazily(bodyAjv, route.params);
  const query = lazily(queryAjv, route.query);
  const body = lazily(bodyAjv, route.body);
  return {
    params(given) {
      for (const value of Object.values(given)) demandText(value, 'api.bad_path', 'The path');
      return demand(params(), { ...given }, 'api.bad_path', 'part') as Record<string, string>;
    },
    query(search) {
      const given: Record<string, string> = Object.create(null) as Record<string, string>;
      for (const [name, value] of search) {
        if (Object.hasOwn(given, name)) throw new ApiError('api.bad_query', `The parameter ${quoted(name)} stands in the query twice.`);
        demandText(name + value, 'api.bad_query', 'The query');
        given[name] = value;
      }
      return demand(query(), given, 'api.bad_query', 'parameter');
    },
    body: (value) => demand(body(), demandPlain(value), 'api.bad_body', 'member'),
  };
}

function demand(check: ValidateFunction, value: unknown, code: 'api.bad_path' | 'api.bad_query' | 'api.bad_body', noun: string): unknown {
  if (check(value)) return value;
  // of `all` and a list of ids, the branch that did not fit is no news of its own
  const errors = (check.errors ?? []).filter(({ keyword, schemaPath }) => keyword === 'anyOf' || !schemaPath.includes('/anyOf/'));
  const told = errors.slice(0, 10).map((error) => tell(error, noun));
  throw new ApiError(code, told.map(({ message }) => message).join(' '), cureOf(told));
}

function cureOf(told: readonly { suggestion?: string | undefined }[]): { suggestion?: string } {
  const suggestion = told.find((one) => one.suggestion !== undefined)?.suggestion;
  return suggestion === undefined ? {} : { suggestion };
}

function tell(error: ErrorObject, noun: string): { message: string; suggestion?: string | undefined } {
  const name = error.instancePath.slice(1).replaceAll('/', '.');
  const what = name === '' ? 'The body' : `The ${noun} ${quoted(name)}`;
  switch (error.keyword) {
    case 'additionalProperties': {
      const extra = (error.params as { additionalProperty: string }).additionalProperty;
      const known = Object.keys((error.parentSchema as { properties?: object }).properties ?? {});
      return { message: `There is no ${noun} ${quoted(extra)}.`, suggestion: didYouMean(extra, known) ?? (known.length === 0 ? `The route takes no ${noun}.` : undefined) };
    }
    case 'required':
      return { message: `The ${noun} ${quoted((error.params as { missingProperty: string }).missingProperty)} is missing.` };
    case 'enum':
      return { message: `${what} must be one of ${(error.params as { allowedValues: string[] }).allowedValues.join(', ')}.` };
    case 'anyOf':
      return { message: `${what} must be "all" or a list of 1 to 1000 ids.` };
    default:
      return { message: `${what} ${error.message ?? 'does not fit'}.` };
  }
}

function quoted(name: string): string {
  return JSON.stringify(name.length > 60 ? `${name.slice(0, 60)}…` : name);
}
