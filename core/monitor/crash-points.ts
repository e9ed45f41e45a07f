/**
 * Named points of the write path at which a test lets the process die, to show that it may die there (promise 10). Without
 * TDS_CRASH_AT in the environment at the start, a point is a call of an empty function.
 */

/** In the order in which a run passes them; the middle ones once per batch. */
export const crashPoints = [
  'before-write', 'after-raw', 'after-table', 'before-position', 'before-commit', 'after-commit', 'after-read-end', 'before-run-end', 'after-run-end', 'before-job-completion', 'after-job-completion',
] as const;

export type CrashPoint = (typeof crashPoints)[number];

/** Ends this process by SIGKILL where TDS_CRASH_AT names the point: `after-raw`, or `after-raw:3` for the third time that it is passed. */
export const crashPoint: (point: CrashPoint) => void = armed(process.env['TDS_CRASH_AT']);

function armed(wish: string | undefined): (point: CrashPoint) => void {
  if (wish === undefined || wish === '') return () => {};
  const [name, times = '1'] = wish.split(':');
  if (!crashPoints.some((point) => point === name)) throw new TypeError(`TDS_CRASH_AT names no crash point: ${wish}; there are ${crashPoints.join(', ')}`);
  let left = Number(times);
  return (point) => {
    if (point === name && --left === 0) process.kill(process.pid, 'SIGKILL');
  };
}
