/** Every code that the API itself answers with: the HTTP status, a title for people, and what to do. Codes of other parts pass through. */
export const apiCodes = {
  'api.bad_json': { status: 400, title: 'The body is not JSON', cure: 'Send one JSON object in UTF-8.' },
  'api.bad_body': { status: 400, title: 'The body does not fit', cure: 'Send the members that the route takes, in their types.' },
  'api.bad_path': { status: 400, title: 'The path does not fit', cure: 'Write each part of the path as the route takes it.' },
  'api.bad_query': { status: 400, title: 'The query does not fit', cure: 'Use the parameters that the route takes, each once.' },
  'api.bad_request': { status: 400, title: 'The request can\'t be read', cure: 'Send a request as HTTP/1.1 describes it.' },
  'api.no_token': { status: 401, title: 'Nobody may ask without a token', cure: 'Send "Authorization: Bearer <token>"; "tds token create" makes one.' },
  'api.bad_token': { status: 401, title: 'The token is not good', cure: 'Use one that "tds token list" shows as active, or make another: tds token create.' },
  'api.scope': { status: 403, title: 'The token may not do that', cure: 'Use a token of the scope that the route needs: read, operate or admin.' },
  'api.csrf': { status: 403, title: 'The page does not prove that it is ours', cure: 'Send the header X-CSRF-Token with the "csrf" of GET /v1/session.' },
  'api.foreign_origin': { status: 403, title: 'Asked by a page of another origin', cure: 'Call the API from a program, or from a page of this same address.' },
  'api.unknown_route': { status: 404, title: 'No such route', cure: 'GET / lists the routes.' },
  'api.method': { status: 405, title: 'The route does not take this method', cure: 'The header Allow names the methods.' },
  'api.slow': { status: 408, title: 'The request came too slowly', cure: 'Send it within the time limit.' },
  'api.too_large': { status: 413, title: 'The body is too large', cure: 'Send at most 256 kB.' },
  'api.content_type': { status: 415, title: 'The body has the wrong type', cure: 'Send the header "Content-Type: application/json".' },
  'api.foreign_host': { status: 421, title: 'Asked by another name', cure: 'The API listens on this machine alone: call it as 127.0.0.1 or localhost.' },
  'api.headers_too_large': { status: 431, title: 'The headers are too large', cure: 'Send fewer or shorter headers.' },
  'api.idempotency_reused': { status: 422, title: 'The key belongs to another request', cure: 'Use a new Idempotency-Key for each request; the same one only to repeat it unchanged.' },
  'api.idempotency_busy': { status: 409, title: 'The same request is being answered', cure: 'Ask again in a second.' },
  'api.bad_key': { status: 400, title: 'The Idempotency-Key does not fit', cure: 'Send 1 to 200 visible ASCII characters.' },
  'api.too_many_attempts': { status: 429, title: 'Too many bad tokens', cure: 'Wait as long as Retry-After says, and send a good token.' },
  'api.too_many_streams': { status: 503, title: 'Too many live views', cure: 'Close some, or ask the route without /events from time to time.' },
  'api.internal': { status: 500, title: 'Something went wrong here', cure: 'The log has the whole error under the id of this answer.' },
  'api.database_unavailable': { status: 503, title: 'The database can\'t be reached', cure: 'Ask again in some seconds; see whether PostgreSQL runs.' },
  'api.not_open': { status: 0, title: 'The API would be open to the network', cure: 'Make a token first (tds token create), give one by api.adminToken, or let it listen on 127.0.0.1 (TDS_HOST) with no api.proxies.' },
  'api.port_taken': { status: 0, title: 'The port is taken', cure: 'Stop what listens there, or set TDS_PORT to another port (0 takes any free one).' },
  'api.address': { status: 0, title: 'The API can\'t listen on its address', cure: 'Check api.host and api.port (TDS_HOST, TDS_PORT).' },
} as const;

export type ApiCode = keyof typeof apiCodes;

/** What a status says, in the words of its codes. */
export function problemStatuses(status: number): string {
  const titles = Object.values(apiCodes).filter((code) => code.status === status).map(({ title }) => title);
  return titles.length > 0 ? `${titles.join('; ')}.` : others[status] ?? 'A problem.';
}

/** Statuses that only operations answer with. */
const others: Readonly<Record<number, string>> = { 404: 'There is no such thing.', 409: 'Not possible now.', 502: 'The other side can\'t be read.' };
