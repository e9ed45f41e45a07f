// How a child process of TDS is started, and that of `tds start` kept alive. Plain JavaScript, as the launcher is: it may run on a Node that is too old for the rest.
import { isatty } from 'tty';

// Ends that somebody asked for, or that another start would only repeat: see exit-codes.ts.
const wantedCodes = [0, 2, 130, 143];
const wantedSignals = ['SIGTERM', 'SIGINT', 'SIGHUP'];
const firstPauseMs = 500;
const longestPauseMs = 30000;
/** Who lived for so long is started again at once. */
const steadyMs = 60000;

/**
 * How Node runs TDS: with a "young" space of 16 MB at most, not 64 as by default. Records live too long for a large one to save any work,
 * as they wait in batches; it would only cost 100 MB of memory. And with a heap that is swept when it is twice as large as what lives in it,
 * not up to four times: a long read takes 100 MB less for some hundredths of its speed.
 */
export const nodeFlags = ['--max-semi-space-size=16', '--heap-growing-percent=100'];

/** Whether a process that was at work ended by an accident: killed, out of memory, hung, or by an error that nobody caught. */
export function isAccident(code, signal) {
  return signal === null ? !wantedCodes.includes(code) : !wantedSignals.includes(signal);
}

/** The pause before the next start: none at first, then doubled from half a second to half a minute, for as long as nothing lives for a minute. */
export function pauseAfter(livedMs, before) {
  if (livedMs >= steadyMs || before === undefined) return 0;
  return Math.min(longestPauseMs, Math.max(firstPauseMs, before * 2));
}

/** Says on standard error that it ended, and when it is started again: for people on a terminal, else as a line of the log. */
export function tellRestart(code, signal, livedMs, pauseMs) {
  const how = signal === null ? 'with code ' + code : 'by ' + signal;
  const text = 'tds ended ' + how + ' after ' + Math.round(livedMs / 1000) + ' s; it is started again' + (pauseMs === 0 ? '' : ' in ' + pauseMs / 1000 + ' s');
  const line = { level: 50, time: new Date().toISOString(), code, signal, msg: text };
  try {
    process.stderr.write((isatty(2) ? text : JSON.stringify(line)) + '\n');
  } catch {
    // Nobody reads it.
  }
}
