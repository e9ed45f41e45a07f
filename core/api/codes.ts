/** Every code that the API itself answers with: the HTTP status, a title for people, and what to do. Codes of other parts pass through. */
export const apiCodes = {
  'api.bad_json': { status: 400, title: 'The body is not JSON', cure: 'Send one JSON object in UTF-8.' },
  'api.bad_body': { status: 400, title: 'The body does not fit', cure: 'Send the members that the route takes, in their types.' },
  'api.bad_path': { status: 400, title: 'The path does not fit', cure: 'Write each part of the path as the route takes it.' },
  'api.bad_query': { status: 400, title: 'The query does not fit', cure: 'Use the parameters that the route takes, each once.' },
  'api.bad_request': { status: 400, title: 'The request can\'t be read', cure: 'Send a request as HTTP/1.1 describes it.' },
  'api.foreign_origin': { status: 403, title: 'Asked by a page of another origin', cure: 'Call the API from a program, or from a page of this same address.' },
  'api.unknown_route': { status: 404, title: 'No such route', cure: 'GET / lists the routes.' },
  'api.method': { status: 405, title: 'The route does not take this method', cure: 'The header Allow names the methods.' },
  'api.slow': { status: 408, title: 'The request came too slowly', cure: 'Send it within the time limit.' },
  'api.too_large': { status: 413, title: 'The body is too large', cure: 'Send at most 256 kB.' },
  'api.content_type': { status: 415, title: 'The body has the wrong type', cure: 'Send the header "Content-Type: application/json".' },
  'api.foreign_host': { status: 421, title: 'Asked by another name', cure: 'The API listens on this machine alone: call it as 127.0.0.1 or localhost.' },
  'api.headers_too_large': { status: 431, title: 'The headers are too large', cure: 'Send fewer or shorter headers.' },
  'api.internal': { status: 500, title: 'Something went wrong here', cure: 'The log has the whole error under the id of this answer.' },
  'api.database_unavailable': { status: 503, title: 'The database can\'t be reached', cure: 'Ask again in some seconds; see whether PostgreSQL runs.' },
  'api.not_open': { status: 0, title: 'The API would be open to the network', cure: 'Let it listen on 127.0.0.1 (TDS_HOST), or set TDS_API_OPEN=1 where the network itself keeps strangers out.' },
  'api.port_taken': { status: 0, title: 'The port is taken', cure: 'Stop what listens there, or set TDS_PORT to another port (0 takes any free one).' },
  'api.address': { status: 0, title: 'The API can\'t listen on its address', cure: 'Check api.host and api.port (TDS_HOST, TDS_PORT).' },
} as const;

export type ApiCode = keyof typeof apiCodes;
