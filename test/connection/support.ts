import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { createConnection, type Connection, type ConnectionDeps } from '../../core/connection/connection.ts';
import type { RawResponse, Transport } from '../../core/connection/transport.ts';
import { silentLogger } from '../../core/monitor/log.ts';
import { TestClock } from '../support/clock.ts';

interface Scope { teardown(action: () => unknown): unknown }

/** A local remote that does whatever `answer` does. */
export async function remote(scope: Scope, answer: RequestListener): Promise<{ url: string; port: number; requests: IncomingMessage[]; sockets: Set<Socket> }> {
  const requests: IncomingMessage[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((request, response) => {
    requests.push(request);
    answer(request, response);
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  scope.teardown(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, port, requests, sockets };
}

/** Answers one after another from a list; the last one goes on. */
export function inTurn(...answers: ((request: IncomingMessage, response: ServerResponse) => void)[]): RequestListener {
  let count = 0;
  return (request, response) => answers[Math.min(count++, answers.length - 1)]?.(request, response);
}

/** An answer with this status and body. */
export function reply(status: number, body: unknown = {}, headers: Record<string, string> = {}): (request: IncomingMessage, response: ServerResponse) => void {
  return (_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body));
  };
}

/** A promise and its ends. */
export function signal<T = void>(): { promise: Promise<T>; resolve: (value: T) => void; reject: (error: unknown) => void } {
  return Promise.withResolvers<T>();
}

export interface TestConnection extends Connection {
  clock: TestClock;
  /** Moves the clock from wait to wait until `work` ends, standing still while calls are on their way. */
  run<T>(work: Promise<T>): Promise<T>;
}

/** A connection in memory on a clock that stands still, with pauses that don't vary. */
export function connect(scope: Scope, deps: Partial<ConnectionDeps> & { clock?: TestClock } = {}): TestConnection {
  const clock = deps.clock ?? new TestClock();
  const connection = createConnection({ id: 'shop', log: silentLogger, allowedHosts: ['127.0.0.1', 'localhost'], random: () => 1, ...deps, clock });
  scope.teardown(() => connection.close());
  return Object.assign(connection, { clock, run: <T>(work: Promise<T>) => clock.runUntil(work, () => connection.status().inFlight === 0 && isStill(connection, deps.limits ?? {})) });
}

/** Nothing that waits could go on unless time does. */
export function isStill(connection: Connection, limits: { perMinute?: number | undefined; concurrent?: number | undefined }): boolean {
  const { waiting, inFlight, callsLastMinute, pausedUntil, settling } = connection.status();
  if (settling !== undefined) return !settling;
  return waiting === 0 || inFlight >= (limits.concurrent ?? Infinity) || callsLastMinute >= (limits.perMinute ?? Infinity) || pausedUntil !== undefined;
}

/** A transport without a network. */
export function transportOf(send: (path: string, onHeaders: () => void) => Promise<Partial<Omit<RawResponse, 'body'> & { text: string }>>): Transport {
  return {
    async send(request, exchange) {
      const { status = 200, headers = {}, text = '{}', bytes = 2 } = await send(request.path, exchange.onHeaders ?? (() => {}));
      exchange.onHeaders?.();
      return { status, headers, body: Buffer.from(text), bytes };
    },
    async close() {},
  };
}
