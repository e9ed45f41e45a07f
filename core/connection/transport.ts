/** One HTTP exchange over kept-alive connections: time limits, size limit, and errors with a meaning. No limits, no repeats. */
import { Agent, type Dispatcher } from 'undici';
import type { TimerClock } from '../monitor/clock.ts';
import { PermanentError, RetryLaterError, isTdsError } from '../sdk/index.ts';
import { readBody, tooLarge } from './body.ts';
import { cureOf } from './codes.ts';
import type { HostGuard } from './host-guard.ts';
import type { PreparedRequest } from './request.ts';
import type { TimeoutSettings } from './settings.ts';

/** An answer as it came. */
export interface RawResponse {
  status: number;
  headers: Record<string, string>;
  /** Unpacked, without a byte order mark. */
  body: Buffer;
  /** Bytes of the body on the wire. */
  bytes: number;
}

export interface Exchange {
  signal?: AbortSignal | undefined;
  /** Called when the headers of the answer are here: from now on the other side has certainly counted the call. */
  onHeaders?: () => void;
}

export interface Transport {
  /**
   * Sends once and reads the whole answer, whatever its status.
   * @throws RetryLaterError `http.network`, `http.timeout`, `http.body_cut`, `http.bad_encoding`; PermanentError `http.too_large`,
   * `http.bad_encoding`, `http.forbidden_address`; the signal's reason when it aborts
   */
  send(request: PreparedRequest, exchange: Exchange): Promise<RawResponse>;
  /** Breaks off what is under way and closes the sockets. */
  close(): Promise<void>;
}

export interface TransportDeps {
  clock: TimerClock;
  guard: HostGuard;
  timeout: TimeoutSettings;
  maxBody: number;
  /** Sockets per host. */
  connections: number;
}

/** A transport over undici, which keeps connections open and sends one request at a time on each. */
export function createTransport(deps: TransportDeps): Transport {
  const agent = new Agent({
    connections: deps.connections,
    pipelining: 1,
    // Under the 5 s and more after which servers close an idle connection, so that few requests meet a closing one.
    keepAliveTimeout: 4_000,
    // The time limits below are the connection's own, by its clock.
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: { timeout: deps.timeout.connect, lookup: deps.guard.lookup, autoSelectFamily: true },
  });
  return {
    send: (request, exchange) => {
      deps.guard.check(request.host);
      return send(agent, request, exchange, deps);
    },
    close: () => agent.destroy(new Error('the connection is closed')),
  };
}

function send(agent: Agent, request: PreparedRequest, exchange: Exchange, deps: TransportDeps): Promise<RawResponse> {
  const { clock, timeout, maxBody } = deps;
  const { signal } = exchange;
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) return reject(signal.reason as Error);
    let controller: Dispatcher.DispatchController | undefined;
    let settled = false;
    let status = 0;
    let headers: Record<string, string> | undefined;
    let bytes = 0;
    const chunks: Buffer[] = [];
    let cancelPhase: () => void = () => {};
    const cancelTotal = clock.after(timeout.total, () => fail(timedOut('the whole call', timeout.total)));
    const onAbort = (): void => fail(signal?.reason as Error);
    signal?.addEventListener('abort', onAbort, { once: true });

    const settle = (): boolean => {
      if (settled) return false;
      settled = true;
      cancelTotal();
      cancelPhase();
      signal?.removeEventListener('abort', onAbort);
      return true;
    };
    const fail = (error: Error): void => {
      if (!settle()) return;
      reject(error);
      controller?.abort(error);
    };

    agent.dispatch(request, {
      onRequestStart(started) {
        controller = started;
        if (settled) return started.abort(new Error('given up before it was sent'));
        cancelPhase();
        cancelPhase = clock.after(timeout.headers, () => fail(timedOut('the headers', timeout.headers)));
      },
      onResponseStart(_controller, code, received) {
        if (code < 200 || settled) return;
        cancelPhase();
        cancelPhase = clock.after(timeout.body, () => fail(timedOut('the body', timeout.body)));
        status = code;
        headers = flatHeaders(received);
        exchange.onHeaders?.();
        if (Number(headers['content-length'] ?? 0) > maxBody) fail(tooLarge(maxBody));
      },
      onResponseData(_controller, chunk) {
        bytes += chunk.length;
        if (bytes > maxBody) fail(tooLarge(maxBody));
        else if (!settled) chunks.push(chunk);
      },
      onResponseEnd() {
        if (!settle()) return;
        readBody(chunks, headers?.['content-encoding'], maxBody).then((body) => resolve({ status, headers: headers ?? {}, bytes, body }), reject);
      },
      onResponseError(_controller, error) {
        if (settle()) reject(errorOf(error, headers !== undefined));
      },
    });
  });
}

function flatHeaders(received: NodeJS.Dict<string | string[]>): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(received)) if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(', ') : value;
  return headers;
}

function timedOut(what: string, ms: number): RetryLaterError {
  return new RetryLaterError('http.timeout', `No end of waiting for ${what} after ${ms / 1000} s.`, { suggestion: cureOf('http.timeout') });
}

function errorOf(error: Error, answering: boolean): Error {
  for (let each: unknown = error; each instanceof Error; each = each.cause) if (isTdsError(each)) return each;
  const code = (error as NodeJS.ErrnoException).code ?? error.name;
  if (code === 'UND_ERR_CONNECT_TIMEOUT' || code === 'ETIMEDOUT') {
    return new RetryLaterError('http.timeout', 'The connection did not stand in time.', { cause: error, suggestion: cureOf('http.timeout') });
  }
  if (code === 'UND_ERR_INVALID_ARG') {
    return new PermanentError('http.bad_request', `The request can't be sent: ${error.message}.`, { cause: error, suggestion: cureOf('http.bad_request') });
  }
  if (answering) return new RetryLaterError('http.body_cut', 'The answer ended before it was complete.', { cause: error, suggestion: cureOf('http.body_cut') });
  return new RetryLaterError('http.network', `The other side can't be reached (${code}).`, { cause: error, suggestion: cureOf('http.network') });
}
