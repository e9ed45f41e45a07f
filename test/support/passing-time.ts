/** What the passing of the connections' time looks like to the jobs that wait for it: their own clock is the database's, which nobody can move. */
import type { FastClock } from './fast-clock.ts';
import { patienceMs, until } from './processes.ts';
import type { Shop } from './shop.ts';

/** Runs that could do something now: neither ended, nor waiting for a later moment of the connections' time. */
const busy = `SELECT entity || ' ' || mode || ' ' || status || ': ' || coalesce(reason, waits_on, '') AS run FROM tds.runs
  WHERE status IN ('queued', 'running') OR (status = 'waiting' AND coalesce(resumes_at, '-infinity') <= $1)`;

/** Lets jobs that wait for a moment that is over by the connections' clock start. A pause that the queue itself made (a retry) is cut short by it. */
export async function dueJobs(shop: Shop, clock: FastClock): Promise<void> {
  await shop.database.pool.query('UPDATE graphile_worker._private_jobs SET run_at = now() WHERE run_at > now() AND run_at <= $1 AND locked_by IS NULL', [clock.tds.now()]);
}

/** Waits until each run has ended or waits for a later moment. Answers the earliest such moment; undefined: all have ended. */
export async function untilQuiet(shop: Shop, clock: FastClock, limit = patienceMs): Promise<Date | undefined> {
  const left = async (): Promise<string[]> => (await shop.database.pool.query<{ run: string }>(busy, [clock.tds.now()])).rows.map(({ run }) => run);
  await until('each run has ended or waits', async () => {
    await dueJobs(shop, clock);
    return (await left()).length === 0;
  }, limit).catch(async (error: unknown) => {
    throw new Error(`${String(error)}\n${(await left()).join('\n')}\n${shop.lines.slice(-20).join('')}`, { cause: error });
  });
  const { rows: [next] } = await shop.database.pool.query<{ at: Date | null }>(`SELECT min(resumes_at) AS at FROM tds.runs WHERE status = 'waiting'`);
  return next?.at ?? undefined;
}
