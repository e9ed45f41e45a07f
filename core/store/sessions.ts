/**
 * The sessions of a process at the server. When the net has swallowed a connection, the client gives it up, but its session lives on: the
 * server waits on a client that never comes again, in the middle of a transaction, and those who need its locks wait with it. So each
 * session has a name of its own, and whoever gives a connection up has its session ended over another one.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { Client, type ClientConfig } from 'pg';

/** Never used twice by a process. */
let last = 0;
/** Names of the sessions that this process has, or is about to have. */
const living = new Set<string>();

/** A client whose session is called like no other one of this process: its `application_name` with a number. */
export class NumberedClient extends Client {
  readonly #name: string;

  constructor(config: ClientConfig = {}) {
    const name = `${config.application_name} #${++last}`;
    super({ ...config, application_name: name });
    living.add(name);
    this.#name = name;
    this.once('end', () => living.delete(name));
  }

  /** From now on its session may be ended. */
  forsake(): void {
    living.delete(this.#name);
  }
}

/** SQL for the name of a session without its number. */
export const unnumbered = String.raw`regexp_replace(application_name, ' #\d+$', '')`;

const tries = 10;
const againMs = 1_000;

/**
 * Ends the sessions called `name` that this process no longer has. Tried for some seconds; until then the server's own time-outs hold.
 * `connect` makes a connection that is not one of them. Never throws.
 * @returns how many there were
 */
export async function endForsaken(name: string, connect: () => Promise<Client>): Promise<number> {
  for (let attempt = 0; attempt < tries; attempt++) {
    try {
      return await endOnce(name, connect);
    } catch {
      await pause(againMs, undefined, { ref: false }); // the database is away: what is left is asked about again when it is back
    }
  }
  return 0;
}

async function endOnce(name: string, connect: () => Promise<Client>): Promise<number> {
  // Those that are made from now on are none of this look's.
  const [newest, present] = [last, [...living]];
  const client = await connect();
  try {
    await client.query('set role none'); // where the one who signs in becomes another by a setting
    const { rowCount } = await client.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and usename = session_user and ${unnumbered} = $1
         and application_name <> all($2::text[]) and substring(application_name from '#(\\d+)$')::bigint <= $3`, [name, present, newest]);
    return rowCount ?? 0;
  } finally {
    void client.end().catch(() => {});
  }
}
