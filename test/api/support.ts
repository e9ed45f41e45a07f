import { request } from 'node:http';
import { createApi, type ApiOptions } from '../../core/api/index.ts';
import type { Operations } from '../../core/operations/operations.ts';
import { createMemoryLog, type LogLine } from '../../core/sdk/test/services.ts';
import { fakeOperations } from './fake-operations.ts';

export interface Reply { status: number; headers: Record<string, string | string[] | undefined>; text: string; body: Record<string, unknown> }
export interface Call { method?: string; path: string; headers?: Record<string, string>; body?: string | Buffer }

/** An API on a free port, what it logged, and a way to call it that sets even the Host header. */
export async function startApi(scope: { teardown(action: () => unknown): unknown }, operations: Operations = fakeOperations(), more: Partial<ApiOptions> = {}): Promise<{ url: string; log: LogLine[]; call(call: Call | string): Promise<Reply>; post(path: string, body: unknown): Promise<Reply>; stop(): Promise<void> }> {
  const log: LogLine[] = [];
  const api = createApi({ operations, log: createMemoryLog(log), version: '1.2.3', host: '127.0.0.1', port: 0, graceMs: 50, ...more });
  const { url } = await api.start();
  scope.teardown(() => api.stop());
  const call = (given: Call | string): Promise<Reply> => send(url, typeof given === 'string' ? { path: given } : given);
  return {
    url, log, call, stop: () => api.stop(),
    post: (path, body) => call({ method: 'POST', path, headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) }),
  };
}

function send(url: string, { method = 'GET', path, headers = {}, body }: Call): Promise<Reply> {
  return new Promise((resolve, reject) => {
    // of a DELETE Node says by itself nothing about a body
    const length = body === undefined || 'Transfer-Encoding' in headers ? {} : { 'Content-Length': String(Buffer.byteLength(body)) };
    const outgoing = request(url, { method, path, headers: { ...length, ...headers }, agent: false }, (incoming) => {
      let text = '';
      incoming.setEncoding('utf8').on('data', (part: string) => (text += part)).on('end', () => {
        resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, text, body: /json/.test(incoming.headers['content-type'] ?? '') ? (JSON.parse(text) as Record<string, unknown>) : {} });
      });
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}
