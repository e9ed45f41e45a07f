/** A call as a trace tells it: where to, and how it ended; nothing of what was asked for or answered. */
import { traced } from '../monitor/trace.ts';
import type { PreparedRequest } from './request.ts';
import type { RawResponse } from './transport.ts';

/** Sends, as a span where the run is traced. */
export function asCallSpan(connection: string, { method, host, path }: PreparedRequest, send: () => Promise<RawResponse>): Promise<RawResponse> {
  return traced('remote call', () => ({ 'tds.connection': connection, 'http.request.method': method, 'server.address': host, 'url.template': templateOf(path) }), async (tell) => {
    const raw = await send();
    tell({ 'http.response.status_code': raw.status, 'http.response.body.size': raw.bytes });
    return raw;
  });
}

/** `/books/v3/invoices/982000000567114?x=y` as `/books/v3/invoices/{id}`: what is no plain word is part of a record, or may be a secret. */
export function templateOf(path: string): string {
  const [bare = ''] = path.split('?', 1);
  return bare.split('/').map((part) => (/^(?:[a-z][a-z_-]{0,39}|v\d{1,2})?$/.test(part) ? part : '{id}')).join('/');
}
