/** The thread of `watchdog.ts`. Nothing here may need the main thread: its streams, its log, its answers. */
import { readFileSync, writeSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { journalLine } from './journal.ts';
import { prettyLine } from './pretty.ts';
import { readTurn, Stillness, type Turn } from './stillness.ts';
import type { WatchdogMessage, WatchdogOrders, WatchedJob } from './watchdog.ts';

const { shared, afterMs, stepMs, pretty, journal } = workerData as WatchdogOrders;
const stillness = new Stillness(stepMs);
const jobs = new Map<string, WatchedJob & { readonly since: number }>();
/** pino's number of `fatal`. */
const fatal = 60;
const standardError = 2;

parentPort?.on('message', (message: WatchdogMessage) => {
  if ('started' in message) jobs.set(message.started.id, { ...message.started, since: performance.now() });
  else jobs.delete(message.ended);
});

/** How often the loop has turned; while a debugger is attached, always another number. */
let debugged = 0;
const turns = (): number => (Atomics.load(shared, 1) === 0 ? Atomics.load(shared, 0) : --debugged);

/** Of the main thread, whose id is that of the process; undefined where the machine does not tell. */
function turnOfMain(): Turn | undefined {
  try {
    return readTurn(readFileSync(`/proc/${process.pid}/task/${process.pid}/stat`, 'latin1'));
  } catch {
    return undefined;
  }
}

function look(): void {
  const stillMs = stillness.look(turns(), performance.now(), turnOfMain());
  if (stillMs < afterMs) return;
  const inFlight = [...jobs.values()].map(({ since, ...job }) => ({ ...job, seconds: Math.round((performance.now() - since) / 1000) }));
  const line = JSON.stringify({
    level: fatal, time: new Date().toISOString(), stillMs: Math.round(stillMs), jobs: inFlight,
    msg: 'the event loop hangs: this process is ended (SIGKILL), and its jobs count the loss; what a job runs is to blame, an expression or a plugin that never comes back',
  });
  try {
    writeSync(standardError, pretty ? prettyLine(line, false) : `${journal ? journalLine(line) : line}\n`);
  } catch {
    // nobody reads it, or the pipe is full
  }
  process.kill(process.pid, 'SIGKILL');
}
setInterval(look, stepMs);
