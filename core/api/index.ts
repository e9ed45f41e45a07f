import type { Operations } from '../operations/operations.ts';
import type { Logger } from '../sdk/index.ts';
import { isLoopback } from './address.ts';
import { createApplication } from './application.ts';
import { Doorkeeper } from './doorkeeper.ts';
import { ApiError } from './problem.ts';
import { allRoutes, ownRoutes } from './routes/index.ts';
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
  /** Proxies whose `X-Forwarded-For` is believed. With any it does not start without a token that is good. Default none. */
  proxies?: readonly string[];
  /** Under which others reach it; empty: where it listens. */
  publicUrl?: string;
  /** `health`: a node without the role `api`, of which only its health and its metrics can be asked. Default `all`. */
  serves?: 'all' | 'health';
  /** Origins of other web pages that may ask, by a token. Default: none. */
  origins?: readonly string[];
  timeouts?: Partial<ServerTimeouts>;
  /** How long `stop` waits for answers that are under way, in ms. Default 2,000. */
  graceMs?: number;
  /** Live views at once. Default 100. */
  mostStreams?: number;
  /** Milliseconds since 1970. Default: the machine's clock. */
  now?: () => number;
}

/** The HTTP API of one node. */
export interface Api {
  /** Resolves with the address when it listens, and with whether anybody on this machine may do all. @throws ApiError `api.not_open`, `api.port_taken`, `api.address` */
  start(): Promise<{ url: string; open: boolean }>;
  /** Idempotent, and safe before `start`. */
  stop(): Promise<void>;
}

/** Makes the API; nothing listens before `start`. */
export function createApi({ operations, log, version, host, port, serves = 'all', proxies = [], publicUrl = '', timeouts = {}, graceMs = 2000, now = Date.now, mostStreams = 100, origins = [] }: ApiOptions): Api {
  const loopback = isLoopback(host);
  const doors = new Doorkeeper({ access: operations.access, loopback, now });
  const live = new Set<AbortController>();
  const routes = serves === 'all' ? allRoutes({ operations, version, doors }) : ownRoutes({ operations, version, doors });
  const application = createApplication(routes, { log, loopback, origins, proxies, doors, live, mostStreams, secure: publicUrl.startsWith('https:'), audit: operations.audit, answers: operations.answers });
  const [answer, messages] = [application.callback(), webhookListener(operations.webhooks, log)];
  const server = makeServer((request, response) => void (serves === 'all' && isMessage(request) ? messages.take(request, response) : answer(request, response)), timeouts);
  server.on('connection', () => messages.came());
  let stopping: Promise<void> | undefined;
  return {
    async start() {
      const [reached, who] = loopback ? ['be reached by the proxies of api.proxies', 'comes by them'] : [`listen on ${host}`, 'reaches that address'];
      if (serves === 'all' && (!loopback || proxies.length > 0) && (await operations.access.standing()).usable === 0) {
        throw new ApiError('api.not_open', `The API can't ${reached}: there is no token that is good, so nobody who ${who} could say who they are`);
      }
      const url = await listen(server, host, port);
      const open = loopback && await doors.isOpen().catch(() => false);
      if (open && publicUrl !== '') log.warn('api.publicUrl is set and no token was ever made: a proxy that says nothing of itself (neither Forwarded, X-Forwarded-… nor Via) would let anybody in as admin. Make a token (tds token create), and let the proxy pass on /webhooks/ alone or name it under api.proxies', { publicUrl });
      return { url, open };
    },
    stop() {
      if (stopping) return stopping;
      stopping = close(server, graceMs);
      for (const answer of live) answer.abort();
      return stopping;
    },
  };
}
