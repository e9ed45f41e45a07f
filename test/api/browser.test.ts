/** A stranger's page in a real browser, on the machine where the API runs: it can neither read nor change anything. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import t from 'tap';
import { findBrowser, openBrowser } from '../support/browser.ts';
import { realAccess } from './real-access.ts';
import { startApi } from './support.ts';

const program = findBrowser();

if (program === undefined) {
  process.stderr.write('NOT RUN: test/api/browser.test.ts needs a Chromium (apt-get install chromium, or TDS_CHROMIUM).\n');
  t.pass('no browser on this machine', { skip: 'NOT RUN: there is no Chromium here; apt-get install chromium, or set TDS_CHROMIUM' });
} else {
  t.test('a page of another origin reads nothing and changes nothing, signed in or not', async (t) => {
    const real = await realAccess(t);
    const { url } = await startApi(t, real.operations);
    const stranger = createServer((_request, response) => void response.setHeader('Content-Type', 'text/html').end('<!doctype html><title>stranger</title><body></body>'));
    await new Promise<void>((resolve) => { stranger.listen(0, '127.0.0.1', resolve); });
    t.teardown(() => stranger.close());
    const [port, ours] = [(stranger.address() as AddressInfo).port, new URL(url).port];
    const page = await openBrowser(t, program, ['evil.example']);

    const attack = async (at: string): Promise<void> => {
      const before = real.operations.asked.length;
      await page.open(at);
      const tries = await page.run<Record<string, string>>(`(${attacks.toString()})(${JSON.stringify(url)})`);
      for (const [name, outcome] of Object.entries(tries)) t.match(outcome, /^(failed|opaque|blocked)/, `${at}: ${name}`);
      await page.leave(`const f = document.createElement('form'); f.method = 'POST'; f.enctype = 'text/plain'; f.action = ${JSON.stringify(`${url}/v1/runs`)}; f.innerHTML = '<input name=\\'{"entities":"all","x":"\\' value=\\'"}\\'>'; document.body.append(f); f.submit();`);
      t.equal(real.operations.asked.length, before, `${at}: nothing was started`);
    };

    // Without a token the API is open to this machine, which is what such a page would make use of.
    await attack(`http://127.0.0.1:${port}/`);
    await attack(`http://localhost:${port}/`);
    await attack(`http://evil.example:${port}/`);

    await page.keepPolicies(false); // else our own policy keeps even our own pages from asking
    await page.open(`${url}/healthz`);
    const own = await page.run<Record<string, string>>(`(${attacks.toString()})(${JSON.stringify(url)})`);
    t.match(own, { read: /^READ 200/, act: /^READ 202/, image: 'failed' }, 'the same attempts win where they may: they are real ones');

    // Rebinding: the stranger's own name leads to the API itself.
    await page.open(`http://evil.example:${ours}/v1/runs`);
    t.match(await page.run<string>('document.body.innerText'), /api\.foreign_host/);
    t.match(await page.run<string>(`fetch('/v1/runs').then((r) => r.text())`), /api\.foreign_host/);

    // A page of ours, signed in; then the stranger again, with the cookie in the same browser.
    const token = await real.token('admin');
    await page.open(`${url}/healthz`);
    const entered = await page.run<{ status: number; cookie: string; csrf: string }>(`fetch('/v1/session', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: ${JSON.stringify(JSON.stringify({ token }))} }).then(async (r) => ({ status: r.status, cookie: document.cookie, csrf: (await r.json()).csrf }))`);
    t.match(entered, { status: 200, cookie: '' }, 'no script can read the cookie');
    t.equal(await page.run<number>(`fetch('/v1/runs').then((r) => r.status)`), 200, 'the page itself is let in by it');
    t.equal(await page.run<number>(`fetch('/v1/entities/products/sync', { method: 'POST' }).then((r) => r.status)`), 403, 'but does nothing without its proof');
    t.equal(await page.run<number>(`fetch('/v1/entities/products/sync', { method: 'POST', headers: { 'X-CSRF-Token': ${JSON.stringify(entered.csrf)} } }).then((r) => r.status)`), 202);
    for (const host of ['127.0.0.1', 'localhost', 'evil.example']) await attack(`http://${host}:${port}/`);

    await page.keepPolicies(true);
    await page.open(`${url}/docs`);
    t.match(await page.run<string>('document.body.innerText'), /TDS API 1\.2\.3/);
    t.match(await page.run<string>(`getComputedStyle(document.querySelector('details')).borderTopWidth`), '1px', 'its style is let in by its own policy');
    t.equal(await page.run<string>(`new Promise((done) => { window.hit = 'blocked'; const s = document.createElement('script'); s.textContent = 'window.hit = "ran"'; document.body.append(s); done(window.hit); })`), 'blocked', 'no script runs in it');
  });
}

/** What a stranger's page can try; runs in the browser. Each outcome begins with `failed`, `opaque` or `blocked` where nothing was won. */
async function attacks(api: string): Promise<Record<string, string>> {
  type Dom = { document: { createElement(name: string): Record<string, unknown>; body: { append(node: unknown): void } }; EventSource: new (url: string) => { addEventListener(name: string, act: () => void): void; close(): void } };
  const dom = globalThis as unknown as Dom;
  const told = (work: Promise<string>): Promise<string> => work.catch((error: unknown) => `failed: ${String(error)}`);
  const read = (path: string, init: object = {}): Promise<string> => told(fetch(`${api}${path}`, { credentials: 'include', ...init }).then(async (r) => (r.type === 'opaque' ? 'opaque' : `READ ${r.status} ${(await r.text()).slice(0, 100)}`)));
  const act = { method: 'POST', body: '{"entities":"all"}' };
  const element = (name: string, more: object): Promise<string> => new Promise((resolve) => {
    const node = Object.assign(dom.document.createElement(name), { onload: () => resolve('LOADED'), onerror: () => resolve('failed') }, more);
    dom.document.body.append(node);
  });
  /** What another origin hides from a page throws, or is null. */
  const seen = (look: () => string): string => {
    try {
      const text = look();
      return /undefined|null|READ $/.test(text) ? 'blocked' : text;
    } catch {
      return 'blocked';
    }
  };
  return {
    read: await read('/v1/runs'), 'read config': await read('/v1/config'), 'read the document': await read('/openapi.json'), 'read blindly': await read('/v1/runs', { mode: 'no-cors' }),
    act: await read('/v1/runs', { ...act, headers: { 'Content-Type': 'application/json' } }), 'act blindly': await read('/v1/runs', { ...act, mode: 'no-cors', headers: { 'Content-Type': 'text/plain' } }), delete: await read('/v1/session', { method: 'DELETE' }),
    script: await element('script', { src: `${api}/v1/runs` }), image: await element('img', { src: `${api}/v1/runs` }), style: await element('link', { rel: 'stylesheet', href: `${api}/docs` }),
    beacon: (globalThis as unknown as { navigator: { sendBeacon(url: string, body: string): boolean } }).navigator.sendBeacon(`${api}/v1/runs`, '{"entities":"all"}') ? 'blocked where it arrives' : 'failed',
    socket: await new Promise<string>((resolve) => {
      const socket = new WebSocket(`${api.replace('http', 'ws')}/v1/runs`);
      socket.addEventListener('open', () => resolve('OPENED'));
      socket.addEventListener('error', () => resolve('failed'));
    }),
    frame: await new Promise<string>((resolve) => {
      const frame = Object.assign(dom.document.createElement('iframe'), { src: `${api}/v1/runs`, onload: () => resolve(seen(() => `READ ${String((frame as { contentDocument?: { body: { innerText: string } } }).contentDocument?.body.innerText)}`)) });
      dom.document.body.append(frame);
    }),
    stream: await new Promise<string>((resolve) => {
      const events = new dom.EventSource(`${api}/v1/runs/1/events`);
      const heard = (): void => resolve('HEARD');
      for (const name of ['message', 'run', 'end']) events.addEventListener(name, heard);
      events.addEventListener('error', () => {
        events.close();
        resolve('failed');
      });
    }),
  };
}
