import type { JsonValue } from './json.ts';

/** One HTTP call through the connection. */
export interface HttpRequest {
  /** Default `GET`. */
  method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Absolute address without the query. */
  url: string;
  /** Query parameters; undefined ones are left out, the others are encoded (a `+` as `%2B`). */
  query?: Record<string, string | number | boolean | undefined>;
  headers?: Record<string, string>;
  /** Body as `application/x-www-form-urlencoded`. Only one of `form`, `json` and `text` may stand. */
  form?: Record<string, string>;
  /** Body as `application/json`. */
  json?: JsonValue;
  /** Body exactly as it stands, such as one that is signed; `text/plain` unless `headers` say otherwise. */
  text?: string;
  /** Headers that carry the credentials; called before each attempt, so that a renewed token is used by the next one. */
  authorize?: () => Promise<Record<string, string>>;
  /** Called when `inspect` threw a TokenRejectedError, before the one repeat. */
  onTokenRejected?: () => Promise<void>;
  /**
   * Looks at each answer and throws the SDK error that is true of it; the host then waits, repeats or gives up as the
   * class says. Without it, the host goes by the status alone (429 limited, 5xx later, 401 token, other 4xx permanent).
   */
  inspect?: (response: HttpResponse) => void;
  /** Whether the call counts against the connection's limits and quota. Default true; a token endpoint sets false. */
  counted?: boolean;
  /** Ends the call and its waiting. */
  signal?: AbortSignal;
}

/** An answer whose body was read whole, within the connection's size and time limits. */
export interface HttpResponse {
  status: number;
  /** Names in lower case. */
  headers: Record<string, string>;
  /** The body as text (UTF-8). */
  text: string;
  /** The body as JSON, each number without loss (see JsonValue). Throws RetryLaterError `http.not_json` when it is none. */
  json(): JsonValue;
  /** When the attempt that succeeded left. */
  sentAt: Date;
}

/** The way to the remote: limits, quota, retry, breaker, time-outs and size limits of the connection are applied here (promise 6). */
export interface HttpClient {
  /**
   * Sends the request and resolves with the first answer that `inspect` accepts.
   * Throws the last SDK error when the retry policy is used up, the breaker is open, the quota is spent, or at once
   * for errors that no repeat can mend.
   */
  send(request: HttpRequest): Promise<HttpResponse>;
}
