/** From the request as a plugin writes it to what goes over the wire. */
import { PermanentError, type HttpRequest } from '../sdk/index.ts';
import { cureOf } from './codes.ts';

/** A request without its credentials, ready to be sent any number of times. */
export interface PreparedRequest {
  method: NonNullable<HttpRequest['method']>;
  /** `https://host:port` */
  origin: string;
  /** Path and query. */
  path: string;
  host: string;
  headers: Record<string, string>;
  body: string | null;
}

/** @throws PermanentError `http.bad_request`: no http(s) address, credentials or a query in it, or two bodies */
export function prepareRequest(request: HttpRequest): PreparedRequest {
  const url = URL.parse(request.url);
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) throw badRequest('the address is no http(s) address');
  if (url.username !== '' || url.password !== '') throw badRequest('the address holds a user or a password');
  if ([request.form, request.json, request.text].filter((each) => each !== undefined).length > 1) throw badRequest('it has two bodies');
  const query = encodeQuery(request.query ?? {});
  const headers: Record<string, string> = { 'accept': 'application/json', 'accept-encoding': 'gzip, deflate, br', 'user-agent': 'tds' };
  let body: string | null = null;
  if (request.form !== undefined) {
    headers['content-type'] = 'application/x-www-form-urlencoded';
    body = encodeQuery(request.form);
  } else if (request.json !== undefined) {
    headers['content-type'] = 'application/json';
    body = JSON.stringify(request.json);
  } else if (request.text !== undefined) {
    headers['content-type'] = 'text/plain; charset=utf-8';
    body = request.text;
  }
  return {
    method: request.method ?? 'GET',
    origin: url.origin,
    path: url.pathname + joinQuery(url.search, query),
    host: url.hostname,
    headers: addHeaders(headers, request.headers),
    body,
  };
}

/** Adds headers to a copy; names are compared in lower case. */
export function addHeaders(headers: Record<string, string>, more: Record<string, string> = {}): Record<string, string> {
  const result = { ...headers };
  for (const [name, value] of Object.entries(more)) result[name.toLowerCase()] = value;
  return result;
}

/** `a=1&b=x%20y`: a blank as `%20`, a `+` as `%2B`, so that every server reads the same. Half characters become U+FFFD. */
export function encodeQuery(values: Record<string, string | number | boolean | undefined>): string {
  let text = '';
  for (const [name, value] of Object.entries(values)) {
    if (value !== undefined) text += `${text === '' ? '' : '&'}${encode(name)}=${encode(String(value))}`;
  }
  return text;
}

function encode(text: string): string {
  return encodeURIComponent(text.toWellFormed()).replaceAll(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
}

function joinQuery(search: string, query: string): string {
  if (query === '') return search;
  return search === '' || search === '?' ? `?${query}` : `${search}&${query}`;
}

function badRequest(what: string): PermanentError {
  return new PermanentError('http.bad_request', `The request can't be sent: ${what}.`, { suggestion: cureOf('http.bad_request') });
}
