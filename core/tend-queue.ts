/** What goes on beside the queue of a process: the watch over its event loop, and over connections that have fallen silent. */
import { startWatchdog } from './monitor/watchdog.ts';
import { breakSilent } from './store/pool.ts';
import type { Queue } from './queue/index.ts';
import type { Logger } from './sdk/index.ts';
import type { OpenedDatabase } from './store/open-database.ts';

/** The watch over the event loop of one process; it says at the end what the loop was at, by whichever queue. */
export interface Watch {
  jobsOf(queue: Pick<Queue, 'on'>): void;
  stop(): Promise<void>;
}

/** Watches the event loop from now on. */
export function watch(options: Parameters<typeof startWatchdog>[0]): Watch {
  const watchdog = startWatchdog(options);
  return {
    jobsOf(queue) {
      queue.on('job.started', ({ jobId: id, task, runId }) => watchdog.started({ id, task, ...(runId === undefined ? {} : { runId }) }));
      queue.on('job.ended', ({ jobId }) => watchdog.ended(jobId));
    },
    stop: () => watchdog.stop(),
  };
}

/** The heartbeat notices within seconds that the net has swallowed a connection; the others would be waited for as long as a statement may last. */
export function leaveSilentConnections(queue: Queue, { pool, reads, alarm }: OpenedDatabase, silentMs: number, log: Logger): void {
  const leave = (afterMs: number): void => void Promise.all([pool, reads, alarm].map((each) => breakSilent(each, afterMs))).then((broken) => broken.reduce((sum, each) => sum + each, 0)).then((connections) => connections > 0 && log.info('connections that had fallen silent were broken', { connections }));
  queue.on('database.back', ({ moved }) => leave(moved ? 0 : silentMs)); // those to a standby answer, with what is old
  queue.on('node.fenced', () => leave(0)); // all that they were at is lost already
}
