/** A Redis of a test's own: Debian's `redis-server`, on a free port, keeping nothing. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';

export interface TestRedis { url: string; stop(): Promise<void> }

/** Starts it; undefined where the machine has none, which the test is to say loudly. Stopped at teardown. */
export async function startRedis(scope: { teardown(action: () => unknown): unknown }, password?: string): Promise<TestRedis | undefined> {
  const port = await freePort();
  const child = spawn('redis-server', ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', ...(password === undefined ? [] : ['--requirepass', password])], { stdio: ['ignore', 'pipe', 'ignore'] });
  const started = await new Promise<boolean>((resolve, reject) => {
    child.once('error', () => resolve(false));
    child.once('exit', (code) => reject(new Error(`redis-server ended with code ${code}`)));
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      if (text.includes('Ready to accept connections')) resolve(true);
    });
  });
  if (!started) return undefined;
  child.removeAllListeners('exit');
  const stop = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  };
  scope.teardown(stop);
  return { url: `redis://${password === undefined ? '' : `:${password}@`}127.0.0.1:${port}`, stop };
}

/** A port that nobody listens on just now. */
export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
