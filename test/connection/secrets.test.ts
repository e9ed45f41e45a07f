/** Secrets stay secret (promise 8) where calls fail: a remote that repeats all that it was sent, in every form, in every kind of failure. */
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { t } from 'tap';
import { createConnection } from '../../core/connection/connection.ts';
import { createLogger } from '../../core/monitor/log.ts';
import { Redactor } from '../../core/monitor/redact.ts';
import { AccessDeniedError, type HttpRequest, type RetryLaterError } from '../../core/sdk/index.ts';
import { TestClock } from '../support/clock.ts';

const canary = {
  clientSecret: 'cAnArY1-client!secret*with(odd)signs', refreshToken: '1000.cAnArY2refreshtoken.0123456789', accessToken: '1000.cAnArY3accesstoken.9876543210',
  password: 'cAnArY4/pass+word=', urlKey: 'cAnArY5 key in the address', webhook: 'cAnArY6webhooksecret',
};

/** Every form in which a piece of a secret could stand in a text. Pieces, as half a secret is one still. */
function piecesOf(secret: string): string[] {
  const forms = [secret, encodeURIComponent(secret), encodeURIComponent(secret).replaceAll('%20', '+'), JSON.stringify(secret).slice(1, -1), Buffer.from(secret).toString('base64').replace(/=+$/, ''), Buffer.from(`x:${secret}`).toString('base64').slice(4, -4), Buffer.from(`xx:${secret}`).toString('base64').slice(4, -4)];
  return forms.flatMap((form) => Array.from({ length: Math.max(1, form.length - 13) }, (_, at) => form.slice(at, at + 14)));
}
const pieces = Object.values(canary).flatMap(piecesOf);
const leaksIn = (text: string): string[] => [...new Set(pieces.filter((piece) => text.includes(piece)))];

/** Says again what it was sent: headers, address, body, as they came, decoded, and in base64. The filler moves it over the place where an excerpt is cut. */
function echo(request: { headers: object; url?: string | undefined }, body: string, filler: number): string {
  const sent = `${JSON.stringify(request.headers)} ${request.url} ${decodeURIComponent(request.url ?? '')} ${body}`;
  return `${'.'.repeat(filler)}${Object.values(canary).join(' ')} ${sent} ${Buffer.from(sent).toString('base64')}`;
}

const kinds = ['400', '401', '403', '404', '429', '500', '503', 'html', 'bad json', 'cut', 'redirect', 'too large', 'bad encoding', 'damaged gzip', 'silent', 'reset', 'refused'] as const;

async function chattyRemote(): Promise<{ url: string; close(): void }> {
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => (body += text)).on('end', () => {
      const [, kind = '', filler = '0'] = (request.url ?? '').split(/[/?]/);
      const said = echo(request, body, Number(filler));
      const json = JSON.stringify({ code: 1, message: said, error: said });
      const named = decodeURIComponent(kind);
      if (/^\d+$/.test(named)) return void response.writeHead(Number(named), { 'content-type': 'application/json', 'x-said': encodeURIComponent(said).slice(0, 4000) }).end(json);
      switch (named) {
        case 'html': return void response.end(`<html>${said}</html>`);
        case 'bad json': return void response.end(`{"message": ${said}`);
        case 'cut': response.writeHead(200, { 'content-length': '100000' }).write(json); return void setImmediate(() => response.destroy());
        case 'redirect': return void response.writeHead(302, { location: `http://127.0.0.1:9/${encodeURIComponent(canary.urlKey)}/${encodeURIComponent(canary.accessToken)}?key=${encodeURIComponent(said).slice(0, 2000)}` }).end();
        case 'too large': return void response.end(json.repeat(200));
        case 'bad encoding': return void response.writeHead(200, { 'content-encoding': `${canary.accessToken}` }).end(json);
        case 'damaged gzip': return void response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(json).subarray(0, 60));
        case 'reset': return void request.socket.destroy();
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close: () => void (server.close(), server.closeAllConnections()) };
}

t.test('no piece of a secret stands in any log line or status, whatever fails and whatever the remote says', async (t) => {
  const { url, close } = await chattyRemote();
  t.teardown(close);
  const lines: string[] = [];
  // What the config holds is known at the start; what comes up later is told by the connection.
  const redactor = new Redactor([canary.clientSecret, canary.refreshToken, canary.password, canary.urlKey, canary.webhook]);
  const log = createLogger({ level: 'debug', redactor, destination: { write: (line: string) => void lines.push(line) } });
  const codes = new Set<string>();
  for (const kind of kinds) {
    for (const filler of kind === '400' || kind === 'bad json' ? Array.from({ length: 10 }, (_, index) => index * 19) : [0]) {
      const clock = new TestClock();
      const connection = createConnection({
        id: 'chatty', clock, log, random: () => 1, allowedHosts: ['127.0.0.1'], maxBody: 60_000, retry: { attempts: 1 }, timeout: { headers: 1000 }, onSecret: (secret) => redactor.add(secret), redact: (text) => redactor.text(text),
      });
      const request: HttpRequest = {
        method: 'POST', url: kind === 'refused' ? 'http://127.0.0.1:9/' : `${url}/${encodeURIComponent(kind)}/${filler}`, query: { key: canary.urlKey, secret: canary.clientSecret },
        form: { client_secret: canary.clientSecret, refresh_token: canary.refreshToken, password: canary.password },
        authorize: async () => ({ authorization: filler % 2 === 0 ? `Zoho-oauthtoken ${canary.accessToken}` : `Basic ${Buffer.from(`user:${canary.password}`).toString('base64')}`, 'x-access': canary.accessToken }),
      };
      const sent = connection.http.send(request).then((answer) => answer.json());
      sent.catch(() => {});
      const error = await (kind === 'silent' || kind === '429' ? clock.runUntil(sent, () => connection.status().inFlight === 0 || kind === 'silent') : sent).then(() => undefined, (error: unknown) => error as RetryLaterError);
      t.ok(error, `${kind} fails`);
      codes.add(error?.code ?? '');
      log.error('a call failed', { error, kind });
      t.same(leaksIn(redactor.text(JSON.stringify(connection.status()))), []);
      await connection.close();
    }
  }
  t.ok(codes.size >= 9, [...codes].join(', '));
  t.ok(lines.length > kinds.length);
  t.same(lines.flatMap((line) => leaksIn(line).map((piece) => `${piece} in ${line.slice(0, 2000)}`)), []);
  t.ok(lines.some((line) => line.includes('[secret]')), 'the remote did say them');
});

t.test('a sign-in that is refused with its own secrets in the answer is told of without them', async (t) => {
  const redactor = new Redactor([canary.clientSecret, canary.refreshToken]);
  const told: string[] = [];
  const lines: string[] = [];
  const log = createLogger({ level: 'debug', redactor, destination: { write: (line: string) => void lines.push(line) } });
  const connection = createConnection({ id: 'chatty', clock: new TestClock(), log, redact: (text) => redactor.text(text), onDenied: (denial) => void told.push(JSON.stringify(denial)) });
  t.teardown(() => connection.close());
  const said = `no: ${canary.refreshToken} of ${encodeURIComponent(canary.clientSecret)} (${Buffer.from(`id:${canary.clientSecret}`).toString('base64')})`;
  await t.rejects(connection.tokens.get('main', () => Promise.reject(new AccessDeniedError('shop.refused', said, { suggestion: said }))));
  t.equal(told.length, 1);
  t.same([...told, ...lines, JSON.stringify(await connection.look())].flatMap(leaksIn), []);
});
