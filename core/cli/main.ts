/** The `tds` command. The launcher `tds.js` imports this file. */
import { backend } from './backend.ts';
import { exitCodes } from './exit-codes.ts';
import { runCli } from './program.ts';

const interrupt = new AbortController();
/** Longer than any orderly stop takes. */
const patienceMs = 10_000;

// The first signal asks for an orderly end; a second one, or one that is not heeded in time, ends at once.
for (const [signal, code] of [['SIGINT', exitCodes.interrupted.code], ['SIGTERM', exitCodes.terminated.code], ['SIGHUP', exitCodes.terminated.code]] as const) {
  process.removeAllListeners(signal); // the launcher's, for the moment before this one
  process.on(signal, () => {
    if (interrupt.signal.aborted) process.exit(code);
    interrupt.abort(signal);
    setTimeout(() => process.exit(code), patienceMs).unref();
  });
}

// `tds runs | head` closes the pipe early; that is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
});

process.exitCode = await runCli(process.argv.slice(2), { stdout: process.stdout, stderr: process.stderr, env: process.env, cwd: process.cwd(), interrupted: interrupt.signal, started: () => void process.send?.('started') }, backend);
// Timers of the wait above are unreferenced; a handle that a plugin left open must not keep a finished command alive.
setTimeout(() => process.exit(), 500).unref();
