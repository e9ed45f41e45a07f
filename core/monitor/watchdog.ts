/**
 * Ends this process when its event loop hangs: an endless loop of a plugin can't be told to stop, and nobody but the loop itself hands
 * the jobs back. A thread beside it sees that the loop no longer turns, says so on standard error, and kills the process (SIGKILL; a shell
 * calls that exit code 137). Whoever supervises it starts it again (`tds start` does so by itself), and the lost job counts
 * the loss, so that after some tries what hangs goes aside.
 */
import { url as inspectorUrl } from 'node:inspector';
import { Worker } from 'node:worker_threads';
import type { Logger } from '../sdk/index.ts';

/** What the loop is at, for the line that tells of its end. */
export interface WatchedJob { readonly id: string; readonly task: string; readonly runId?: string }

/** What the thread is told; numbers in the shared array: turns of the loop, whether a debugger may hold it. */
export interface WatchdogOrders { readonly shared: Int32Array; readonly afterMs: number; readonly stepMs: number; readonly pretty: boolean; readonly journal: boolean }
export type WatchdogMessage = { readonly started: WatchedJob } | { readonly ended: string };

export interface Watchdog {
  started(job: WatchedJob): void;
  ended(jobId: string): void;
  /** Idempotent. */
  stop(): Promise<void>;
}

/** Looks in one period of grace. */
const looks = 20;

/** Watches the event loop of the caller from now on. `afterMs`: for how long it may stand still; neither a pause of the whole process nor, on Linux, the wait for a processor that others have counts. */
export function startWatchdog({ afterMs, pretty, journal = false, log }: { afterMs: number; pretty: boolean; journal?: boolean; log: Logger }): Watchdog {
  const stepMs = Math.min(500, Math.max(10, afterMs / looks));
  const shared = new Int32Array(new SharedArrayBuffer(8));
  const orders: WatchdogOrders = { shared, afterMs, stepMs, pretty, journal };
  const thread = new Worker(new URL('watchdog-thread.ts', import.meta.url), { name: 'watchdog', workerData: orders, execArgv: [], env: {}, resourceLimits: { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 2 } });
  thread.unref();
  thread.on('error', (error) => log.error('the watchdog has ended; a hang of this process would go unnoticed', { error }));
  const turn = (): void => {
    Atomics.add(shared, 0, 1);
    // A breakpoint holds the loop for as long as a person thinks.
    Atomics.store(shared, 1, inspectorUrl() === undefined ? 0 : 1);
  };
  turn();
  const timer = setInterval(turn, stepMs);
  timer.unref();
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread is no window
  const tell = (message: WatchdogMessage): void => thread.postMessage(message);
  return {
    started: (job) => tell({ started: job }),
    ended: (jobId) => tell({ ended: jobId }),
    async stop() {
      clearInterval(timer);
      await thread.terminate();
    },
  };
}
