/**
 * The addresses of webhooks: raw requests from outside, signed instead of guarded. They go past the rest of the API, whose guards are
 * against pages of a browser and whose bodies are JSON that it made itself.
 */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { OperationError } from '../operations/errors.ts';
import type { WebhookEntry, WebhookOperations } from '../operations/webhooks.ts';
import type { Logger } from '../sdk/index.ts';
import { securityHeaders } from './guard.ts';
import { HeldBack } from './held-back.ts';
import { ApiError, problemOf } from './problem.ts';

const prefix = '/webhooks/';
const accepted = Buffer.from('{"accepted":true}\n');
const headers = { ...securityHeaders, 'Content-Type': 'application/json; charset=utf-8', 'Content-Length': accepted.length };

/** Whether a request is a message of a service. */
export function isMessage(request: IncomingMessage): boolean {
  return request.url?.startsWith(prefix) === true;
}

/** Takes messages; answers 202 when one is saved. `came` is told of each new connection, by whomever. */
export function webhookListener(webhooks: WebhookOperations, log: Logger): { take(request: IncomingMessage, response: ServerResponse): Promise<void>; came(): void } {
  const heldBack = new HeldBack();
  const listener = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    try {
      await take(webhooks, request);
      if (heldBack.areComing) rest(heldBack, request, response);
      response.writeHead(202, headers).end(accepted);
    } catch (error) {
      if (error instanceof OperationError && error.code === 'webhook.overload') rest(heldBack, request, response);
      refuse(error, request, response, log);
    }
  };
  return { take: listener, came: () => heldBack.came() };
}

/** Once Node is through with the request: until then it reads on by itself. */
function rest(heldBack: HeldBack, request: IncomingMessage, response: ServerResponse): void {
  const { socket } = request;
  (request.complete ? response : request).once('close', () => process.nextTick(() => heldBack.add(socket)));
}

async function take(webhooks: WebhookOperations, request: IncomingMessage): Promise<void> {
  const [path = '', query = ''] = (request.url ?? '').split('?', 2);
  const [connection = '', entity = '', event = '', ...more] = path.slice(prefix.length).split('/');
  const entry = webhooks.enter({ connection, entity, event: more.length > 0 ? '' : event });
  try {
    if (request.method !== 'POST') throw new ApiError('api.method', `${path.slice(0, 200)} takes POST, not ${String(request.method)}.`, { headers: { Allow: 'POST' } });
    await webhooks.accept({ connection, entity, event, query, headers: request.headers, body: await readBody(request, entry) });
  } finally {
    entry.leave();
  }
}

/** Not a byte more than may be is kept: what is announced as too large is not read at all. */
function readBody(request: IncomingMessage, entry: WebhookEntry): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    let isOver = false;
    const stop = (error: Error, reason?: 'too_large' | 'broken_off'): void => {
      if (isOver) return;
      isOver = true;
      if (reason) entry.refused(reason);
      // a connection that is not read any more would not be seen to end
      if (reason !== 'broken_off') request.removeAllListeners('data').pause();
      reject(error);
    };
    const tooLarge = (): void => stop(new ApiError('api.too_large', `The message has more than ${entry.maxBody} bytes.`, { suggestion: 'Send less of the record, or raise maxBody of the connection\'s webhooks.' }), 'too_large');
    const brokenOff = (cause?: Error): void => stop(new ApiError('api.bad_request', 'The request broke off before its body was complete.', { cause }), 'broken_off');
    if (Number(request.headers['content-length'] ?? 0) > entry.maxBody) return tooLarge();
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > entry.maxBody) return tooLarge();
      try {
        entry.took(chunk.length);
        chunks.push(chunk);
      } catch (error) {
        stop(error as Error);
      }
    });
    entry.onCut(stop);
    request.once('end', () => {
      isOver = true;
      resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks));
    });
    request.once('error', brokenOff).once('close', brokenOff);
  });
}

/** Bytes of an unread body that cost less than a new connection. */
const cheapToDiscard = 65_536;
/** Of a larger one so many are thrown away, and for so many ms, until its connection is closed. */
const discardedAtMost = 8_000_000;
const discardMs = 500;

function announced(request: IncomingMessage): number {
  return Number(request.headers['content-length'] ?? Number.POSITIVE_INFINITY);
}

/** In the words of the API. A large body that was not read to its end takes its connection along. */
function refuse(error: unknown, request: IncomingMessage, response: ServerResponse, log: Logger): void {
  const told = problemOf(error);
  const answer = told.internal ? { ...told.problem, id: randomUUID() } : told.problem;
  if ('id' in answer) log.error('a message could not be taken', { id: answer.id, path: request.url?.slice(0, 200), error });
  if (response.headersSent || response.destroyed) return;
  const body = Buffer.from(`${JSON.stringify(answer)}\n`);
  const isCheap = request.complete || announced(request) <= cheapToDiscard;
  response.writeHead(answer.status, { ...securityHeaders, ...told.headers, ...(isCheap ? {} : { Connection: 'close' }), 'Content-Type': 'application/problem+json; charset=utf-8', 'Content-Length': body.length });
  if (isCheap) response.end(body);
  else {
    response.write(body);
    endLater(request, response);
  }
}

/** A connection that is closed over unread bytes takes the answer along, so that the sender never learns why: some are thrown away unread first. */
function endLater(request: IncomingMessage, response: ServerResponse): void {
  let left = discardedAtMost;
  const end = (): void => {
    clearTimeout(timer);
    response.end();
  };
  const timer = setTimeout(end, discardMs);
  request.once('close', end).on('data', (chunk: Buffer) => {
    left -= chunk.length;
    if (left <= 0) request.pause();
  }).resume();
}
