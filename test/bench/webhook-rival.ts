/** The rival: the same work with a job for each message, all else being equal. */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const script = fileURLToPath(new URL('webhook-rival-process.ts', import.meta.url));

/** Adds a job for each message that waits and answers the seconds until all are applied. */
export function measureRival(_url: string, env: NodeJS.ProcessEnv): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = fork(script, [], { env, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    let took = 0;
    child.on('message', (message) => { took = (message as { seconds: number }).seconds; });
    child.once('exit', (code) => (code === 0 && took > 0 ? resolve(took) : reject(new Error(`the rival ended with code ${String(code)}`))));
  });
}
