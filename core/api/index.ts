import type { Operations } from '../operations/operations.ts';
import type { Logger } from '../sdk/index.ts';
import { createApplication } from './application.ts';
import { isLoopback } from './guard.ts';
import { ApiError } from './problem.ts';
import { allRoutes } from './routes/index.ts';
import { isMessage, webhookListener } from './webhooks.ts';
import { close, listen, makeServer, type ServerTimeouts } from './server.ts';

export { apiCodes, type ApiCode } from './codes.ts';
export { ApiError } from './problem.ts';
export { shapeEntity, shapeRun, type EntityShape, type RunShape } from './shapes.ts';

export interface ApiOptions {
  operations: Operations;
  log: Logger;
  version: string;
  host: string;
  /** 0 takes any free one. */
  port: number;
  /** True lets it listen where others reach it, although it asks nobody who they are (`TDS_API_OPEN=1`). */
  open?: boolean;
  timeouts?: Partial<ServerTimeouts>;
  /** How long `stop` waits for answers that are under way, in ms. Default 2,000. */
  graceMs?: number;
}

/** The HTTP API of one node. */
export interface Api {
  /** Resolves with the address when it listens. @throws ApiError `api.not_open`, `api.port_taken`, `api.address` */
  start(): Promise<{ url: string }>;
  /** Idempotent, and safe before `start`. */
  stop(): Promise<void>;
}

/** Makes the API; nothing listens before `start`. */
export function createApi({ operations, log, version, host, port, open = false, timeouts = {}, graceMs = 2000 }: ApiOptions): Api {
  const loopback = isLoopback(host);
  const application = createApplication(allRoutes({ operations, version }), { log, loopback });
  const [answer, takeMessage] = [application.callback(), webhookListener(operations.webhooks, log)];
  const server = makeServer((request, response) => void (isMessage(request) ? takeMessage(request, response) : answer(request, response)), timeouts);
  let stopping: Promise<void> | undefined;
  return {
    async start() {
      if (!loopback && !open) throw new ApiError('api.not_open', `The API can't listen on ${host}: it does not ask callers who they are yet, so anybody who reaches that address could start and cancel syncs`);
      return { url: await listen(server, host, port) };
    },
    stop: () => (stopping ??= close(server, graceMs)),
  };
}
