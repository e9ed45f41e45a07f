/** A real browser without a window, spoken with by its own protocol (CDP). Where there is none, `findBrowser` says so. */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Page {
  /** Goes there and waits until it is loaded. */
  open(url: string): Promise<void>;
  /** Runs a piece of JavaScript in the page, awaits it, answers its value. */
  run<T>(script: string): Promise<T>;
  /** Runs a piece of JavaScript that may leave the page; resolves when the browser rests. */
  leave(script: string): Promise<void>;
  /** Whether pages are kept to their own policy (CSP), as they are by default. From the next page on. */
  keepPolicies(keep: boolean): Promise<void>;
}

/** The browser's program: `TDS_CHROMIUM`, else what is on the PATH. */
export function findBrowser(): string | undefined {
  const named = [process.env['TDS_CHROMIUM'] ?? '', 'chromium', 'chromium-browser', 'google-chrome', 'chrome'].filter((name) => name !== '');
  return named.find((name) => spawnSync(name, ['--version'], { stdio: 'ignore' }).status === 0);
}

/** Starts it with a profile of its own that is thrown away. `hosts` are names that it takes for 127.0.0.1. */
export async function openBrowser(scope: { teardown(action: () => unknown): unknown }, program: string, hosts: readonly string[] = []): Promise<Page> {
  const profile = await mkdtemp(join(tmpdir(), 'tds-browser-'));
  const rules = hosts.map((host) => `MAP ${host} 127.0.0.1`).join(',');
  const child = spawn(program, [
    '--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync', `--user-data-dir=${profile}`,
    '--remote-debugging-port=0', ...(rules === '' ? [] : [`--host-resolver-rules=${rules}`]), 'about:blank',
  ], { stdio: ['ignore', 'ignore', 'pipe'] });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  scope.teardown(async () => {
    child.kill('SIGKILL');
    await ended;
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  });
  const address = await new Promise<string>((resolve, reject) => {
    let text = '';
    child.stderr.setEncoding('utf8').on('data', (part: string) => {
      text += part;
      const found = /DevTools listening on (ws:\S+)/.exec(text)?.[1];
      if (found !== undefined) resolve(found);
    });
    child.once('exit', () => reject(new Error(`the browser ended: ${text.slice(-2000)}`)));
  });
  return pageOf(await Cdp.connect(address));
}

async function pageOf(cdp: Cdp): Promise<Page> {
  const { targetId } = await cdp.send<{ targetId: string }>('Target.createTarget', { url: 'about:blank' });
  const { sessionId } = await cdp.send<{ sessionId: string }>('Target.attachToTarget', { targetId, flatten: true });
  const send = <T>(method: string, params: object = {}): Promise<T> => cdp.send<T>(method, params, sessionId);
  await send('Page.enable');
  const loaded = (): Promise<void> => cdp.once('Page.loadEventFired');
  return {
    async open(url) {
      const done = loaded();
      const { errorText } = await send<{ errorText?: string }>('Page.navigate', { url });
      if (errorText !== undefined) throw new Error(`${url}: ${errorText}`);
      await done;
    },
    async run<T>(script: string) {
      const { result, exceptionDetails } = await send<{ result: { value: T }; exceptionDetails?: { text: string; exception?: { description?: string } } }>('Runtime.evaluate', { expression: script, awaitPromise: true, returnByValue: true });
      if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
      return result.value;
    },
    keepPolicies: (keep) => send('Page.setBypassCSP', { enabled: !keep }),
    async leave(script) {
      const done = loaded();
      await send('Runtime.evaluate', { expression: script });
      await done;
    },
  };
}

/** The browser's protocol: questions with numbers, and events. */
class Cdp {
  readonly #socket: WebSocket;
  readonly #asked = new Map<number, { resolve: (value: never) => void; reject: (error: Error) => void }>();
  readonly #waiting = new Map<string, (() => void)[]>();
  #last = 0;

  static async connect(address: string): Promise<Cdp> {
    const socket = new WebSocket(address);
    await new Promise<void>((resolve, reject) => {
      socket.addEventListener('open', () => resolve(), { once: true });
      socket.addEventListener('error', () => reject(new Error('the browser does not answer')), { once: true });
    });
    return new Cdp(socket);
  }

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.addEventListener('message', ({ data }) => this.#hear(JSON.parse(String(data)) as { id?: number; method?: string; result?: never; error?: { message: string } }));
  }

  send<T>(method: string, params: object, sessionId?: string): Promise<T> {
    const id = (this.#last += 1);
    this.#socket.send(JSON.stringify({ id, method, params, ...(sessionId === undefined ? {} : { sessionId }) }));
    return new Promise<T>((resolve, reject) => void this.#asked.set(id, { resolve, reject }));
  }

  once(event: string): Promise<void> {
    return new Promise((resolve) => void this.#waiting.set(event, [...(this.#waiting.get(event) ?? []), resolve]));
  }

  #hear({ id, method, result, error }: { id?: number; method?: string; result?: never; error?: { message: string } }): void {
    if (id !== undefined) {
      const asked = this.#asked.get(id);
      this.#asked.delete(id);
      if (error) asked?.reject(new Error(error.message));
      else asked?.resolve(result as never);
    } else if (method !== undefined) {
      const waiting = this.#waiting.get(method) ?? [];
      this.#waiting.delete(method);
      for (const resolve of waiting) resolve();
    }
  }
}
