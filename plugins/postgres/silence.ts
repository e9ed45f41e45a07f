/**
 * Finds out that the net has swallowed a session, which would be waited for as long as a statement may last, while at the server it goes on
 * holding its locks. While a statement is out and nothing is heard, another session asks the server what it knows of the silent one.
 */
import type { Socket } from 'node:net';
import type { Client, PoolClient } from 'pg';
import type { Logger } from 'tds/sdk';

export interface SilenceOptions {
  /** Makes a session to ask by, with short time-outs. */
  readonly ask: () => Promise<Client>;
  readonly log: Logger;
  /** ms between two looks; the second one in a row that finds the session gone or waiting on us breaks it. */
  readonly everyMs: number;
}

/** What is known of a session that is at work. */
export interface Watched {
  /** Its number at the server. */
  pid: number | undefined;
  /** Statements that are out. */
  waiting: number;
}

/** Watches a session until the returned function is called. */
export function watchSilence(client: PoolClient, watched: Watched, { ask, log, everyMs }: SilenceOptions): () => void {
  const { stream } = (client as unknown as { connection: { stream: Socket } }).connection;
  const moved = (): number => stream.bytesRead + stream.bytesWritten;
  let seen = moved();
  let doubts = 0;
  let looking = false;
  const look = async (): Promise<void> => {
    const isLost = await seemsLost(watched.pid, ask, doubts > 0);
    if (moved() !== seen || watched.waiting === 0 || !isLost) doubts = 0;
    else if (++doubts > 1) {
      log.warn('a session of the database has fallen silent; it is given up', { forMs: doubts * everyMs });
      stream.destroy();
    }
  };
  const timer = setInterval(() => {
    if (watched.waiting === 0 || moved() !== seen) {
      [seen, doubts] = [moved(), 0];
      return;
    }
    if (looking || stream.destroyed) return;
    looking = true;
    void look().finally(() => (looking = false));
  }, everyMs);
  timer.unref();
  return () => clearInterval(timer);
}

/** Whether the server works on nothing for this session, or can't be reached. With `end` such a session is ended there, with its locks. */
async function seemsLost(pid: number | undefined, ask: () => Promise<Client>, end: boolean): Promise<boolean> {
  let asking: Client | undefined;
  try {
    asking = await ask();
    const { rows } = await asking.query<{ lost: boolean }>(
      `with session as (select pid, state <> 'active' or wait_event = 'ClientRead' as lost from pg_stat_activity where pid = $1)
       select lost, case when lost and $2 then pg_terminate_backend(pid) end from session`, [pid ?? 0, end]);
    return rows[0]?.lost ?? true;
  } catch (error) {
    // A server that refuses the question is there, and may be at work.
    return !/^(?=.*\d)[0-9A-Z]{5}$/.test(String((error as { code?: unknown }).code));
  } finally {
    asking?.end().catch(() => undefined);
  }
}
