import { createServer, STATUS_CODES, type RequestListener, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { apiCodes, type ApiCode } from './codes.ts';
import { ApiError, problem } from './problem.ts';

/** Milliseconds that a caller may take. */
export interface ServerTimeouts {
  /** From the connection to the last header. Default 10,000. */
  headers: number;
  /** To the last byte of the request. Default 30,000. */
  request: number;
  /** An idle connection is kept for so long. Default 5,000. */
  keepAlive: number;
  /** A connection on which nothing moves for so long is cut off: of who does not read its answer. Default 300,000. */
  idle: number;
  /** How often the first two are looked at. Default 1,000. */
  interval: number;
}

/** Makes the server: limits on size and time against callers that send slowly or too much. */
export function makeServer(listener: RequestListener, timeouts: Partial<ServerTimeouts> = {}): Server {
  const { headers = 10_000, request = 30_000, keepAlive = 5000, idle = 300_000, interval = 1000 } = timeouts;
  const server = createServer({ headersTimeout: headers, requestTimeout: request, keepAliveTimeout: keepAlive, connectionsCheckingInterval: interval, maxHeaderSize: 16_384 }, listener);
  server.maxHeadersCount = 100;
  server.setTimeout(idle);
  server.on('clientError', refuse);
  return server;
}

/** What is no request at all is told in the same words as all else, then cut off. */
function refuse(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable || error.code === 'ECONNRESET') return void socket.destroy();
  const codes: Record<string, ApiCode> = { ERR_HTTP_REQUEST_TIMEOUT: 'api.slow', HPE_HEADER_OVERFLOW: 'api.headers_too_large' };
  const code = codes[error.code ?? ''] ?? 'api.bad_request';
  const { status, title, cure } = apiCodes[code];
  const body = `${JSON.stringify(problem(code, status, title, `${title}.`, cure))}\n`;
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nContent-Type: application/problem+json; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
}

/**
 * Connections that the kernel holds until the event loop comes to them. Node asks for 511. Where more senders than that come at once, Linux drops the
 * others, some of them unheard: they believe that they are connected, and what they send is heard when the handshake is tried again, seconds later. It
 * gives as many as `net.core.somaxconn` allows, by default 4096.
 */
const backlog = 4096;

/** Resolves with the address when the server listens. @throws ApiError `api.port_taken`, `api.address` */
export async function listen(server: Server, host: string, port: number): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const taken = cause.code === 'EADDRINUSE';
      reject(new ApiError(taken ? 'api.port_taken' : 'api.address', taken ? `Port ${port} on ${host} is taken by another program` : `The API can't listen on ${host}:${port}: ${cause.message}`, { cause }));
    });
    server.listen({ port, host: host.replace(/^\[(.*)\]$/, '$1'), backlog }, resolve);
  });
  const { address, port: real } = server.address() as AddressInfo;
  return `http://${address.includes(':') ? `[${address}]` : address}:${real}`;
}

/** How often a connection is looked for whose caller was answered, in ms. */
const leaveMs = 20;

/** Takes no more callers, lets those that are being answered have `graceMs`, then cuts off. Who would ask on and on by one connection is sent away with the next answer. */
export async function close(server: Server, graceMs: number): Promise<void> {
  if (!server.listening) return;
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.prependListener('request', (_request, response) => void response.setHeader('Connection', 'close'));
  server.closeIdleConnections();
  const leave = setInterval(() => server.closeIdleConnections(), leaveMs);
  const cut = setTimeout(() => server.closeAllConnections(), graceMs);
  await closed;
  clearInterval(leave);
  clearTimeout(cut);
}
