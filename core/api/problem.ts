import { databaseErrorKind } from '../store/errors.ts';
import { OperationError } from '../operations/errors.ts';
import { isTdsError, TdsError, type TdsErrorOptions } from '../sdk/index.ts';
import { apiCodes, type ApiCode } from './codes.ts';

/** A refusal of the API itself. `headers` go with the answer. */
export class ApiError extends TdsError {
  readonly headers: Readonly<Record<string, string>>;

  constructor(code: ApiCode, message: string, options: TdsErrorOptions & { headers?: Record<string, string> } = {}) {
    super(code, message, { suggestion: apiCodes[code].cure, ...options });
    this.headers = options.headers ?? {};
  }
}

/** The body of each answer that is not a success: `application/problem+json` (RFC 9457) with the stable code and the cure. */
export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  code: string;
  suggestion?: string;
  /** Under this the log has the whole error; only where the fault is ours. */
  id?: string;
}

/** Words a problem. */
export function problem(code: string, status: number, title: string, detail: string, suggestion?: string): Problem {
  return { type: `urn:tds:problem:${code}`, title, status, detail, code, ...(suggestion === undefined ? {} : { suggestion }) };
}

/** What a caller is told of an error. `internal` marks a fault of ours: it is logged under an id, and its text is kept to ourselves. */
export function problemOf(error: unknown): { problem: Problem; headers: Readonly<Record<string, string>>; internal: boolean } {
  if (error instanceof ApiError) {
    const { status, title } = apiCodes[error.code as ApiCode];
    return { problem: problem(error.code, status, title, error.message, error.suggestion), headers: error.headers, internal: false };
  }
  if (error instanceof OperationError) {
    return { problem: problem(error.code, error.status, titles[error.status] ?? 'The question can\'t be answered', error.message, error.suggestion), headers: error.status === 503 ? { 'Retry-After': '1' } : {}, internal: false };
  }
  if (databaseErrorKind(error) === 'unavailable') return { ...own('api.database_unavailable', 'TDS\'s own database gives no answer just now.'), headers: { 'Retry-After': '5' } };
  // a fault that TDS knows by a code is safe to name; its text may quote what is none of the caller's business
  return own('api.internal', isTdsError(error) ? `An operation failed with ${error.code}.` : 'An operation failed.');
}

const titles: Readonly<Record<number, string>> = { 400: 'The question has the wrong form', 404: 'Not found', 401: 'Not known to be genuine', 409: 'Not possible now', 502: 'The other side can\'t be read', 503: 'Too much at once' };

function own(code: ApiCode, detail: string): ReturnType<typeof problemOf> {
  const { status, title, cure } = apiCodes[code];
  return { problem: problem(code, status, title, detail, cure), headers: {}, internal: true };
}
