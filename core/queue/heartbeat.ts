/** The rows of `nodes`: register, beat, leave. On a connection of its own, so that nothing waits before a beat. */
import { hostname } from 'node:os';
import type { Client } from 'pg';
import { dedicatedClient, type Pool, type Queryable } from '../store/pool.ts';
import { flags } from './held.ts';
import { insertHistory } from './history.ts';
import type { Names } from './names.ts';

/** A connection that is made anew after any error. One statement or transaction at a time. */
export class SteadyClient {
  readonly #make: () => Promise<Client>;
  #client: Client | undefined;

  /** `timeoutMs` is for connecting, and for each statement, here and on the server. */
  constructor(pool: Pool, timeoutMs: number, applicationName: string) {
    this.#make = () => dedicatedClient(pool, {
      statementTimeout: timeoutMs, queryTimeout: timeoutMs, connectTimeout: timeoutMs, idleInTransactionTimeout: timeoutMs * 2, applicationName,
    });
  }

  /** @throws what `work` or the connecting throws; the connection is then given up */
  async run<T>(work: (client: Client) => Promise<T>): Promise<T> {
    const client = (this.#client ??= await this.#make());
    try {
      return await work(client);
    } catch (error) {
      await this.end();
      throw error;
    }
  }

  /** Runs `work` in a transaction. */
  transaction<T>(work: (client: Client) => Promise<T>): Promise<T> {
    return this.run(async (client) => {
      await client.query('begin');
      const result = await work(client);
      await client.query('commit');
      return result;
    });
  }

  async end(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    // Not waited for: a black-holed connection never says good-bye.
    client?.end().catch(() => {});
    await Promise.resolve();
  }
}

export interface Identity { readonly nodeId: string; readonly machine: string; readonly version: string; readonly concurrency: number; readonly roles: readonly string[] | null }
/** What a beat brought back: whether the pool still counts as living, and which of its jobs are gone or cancelled. */
export interface BeatAnswer { readonly alive: boolean; readonly gone: readonly string[]; readonly cancelled: readonly string[] }

export class Heartbeat {
  readonly client: SteadyClient;
  readonly #names: Names;
  readonly #identity: Identity;
  readonly #deadMs: number;

  constructor(pool: Pool, names: Names, identity: Identity, deadMs: number) {
    // Short, so that two tries fit into the time after which a node fences itself.
    this.client = new SteadyClient(pool, Math.max(300, Math.round(deadMs * 0.3)), 'tds heartbeat');
    this.#names = names;
    this.#identity = identity;
    this.#deadMs = deadMs;
  }

  /** Must come before the pool takes its first job. */
  async register(poolId: string): Promise<void> {
    const { nodeId, machine, version, concurrency, roles } = this.#identity;
    await this.client.run((client) => client.query(
      `insert into ${this.#names.nodes} (pool_id, node_id, host, machine, pid, version, concurrency, roles) values ($1, $2, $3, $4, $5, $6, $7, $8::text[])
       on conflict (pool_id) do update set beat_at = clock_timestamp()`, [poolId, nodeId, hostname(), machine, process.pid, version, concurrency, roles]));
  }

  /** A row that was swept, or whose time is over, never comes back to life: `alive` is false then. */
  async beat(poolId: string, inFlight: readonly string[]): Promise<BeatAnswer> {
    const { nodes, jobs } = this.#names;
    const { rows } = await this.client.run((client) => client.query<BeatAnswer>({
      name: 'tds_beat',
      text: `with beat as (
          update ${nodes} set beat_at = clock_timestamp(), in_flight = $2::bigint[]
          where pool_id = $1 and beat_at > clock_timestamp() - $3::float8 * interval '1 millisecond' returning 1),
        state as (select u.id, j.id is null as gone, j.flags ? $4 as cancelled
          from unnest($2::bigint[]) as u (id) left join ${jobs} j on j.id = u.id and j.locked_by = $1)
        select exists (select from beat) as alive,
          coalesce((select array_agg(id::text) from state where gone), '{}') as gone,
          coalesce((select array_agg(id::text) from state where cancelled), '{}') as cancelled`,
      values: [poolId, inFlight, this.#deadMs, flags.cancelled],
    }));
    return rows[0] as BeatAnswer;
  }

  /** Gives back all that these pools hold, with the attempts unused, and removes their rows. @returns the number of jobs */
  async leave(poolIds: readonly string[]): Promise<number> {
    const { nodes, jobs, queues } = this.#names;
    return this.client.transaction(async (client) => {
      const { rows } = await client.query<{ n: number }>(
        `with j as (update ${jobs} set locked_by = null, locked_at = null, attempts = greatest(0, attempts - 1), updated_at = now()
           where not is_available and locked_by = any($1::text[]) returning *),
         h as (${insertHistory(this.#names, 'j', {
           outcome: "'handed_back'", attempt: 'h.attempts + 1', code: "'queue.stopping'", message: 'null', node: '$2', pool: 'null', started: 'null' })})
         select count(*)::int as n from j`, [poolIds, this.#identity.nodeId]);
      await client.query(`update ${queues} set locked_by = null, locked_at = null where not is_available and locked_by = any($1::text[])`, [poolIds]);
      await client.query(`delete from ${nodes} where pool_id = any($1::text[])`, [poolIds]);
      return rows[0]?.n ?? 0;
    });
  }

  /**
   * Gives back what a pool holds and doesn't know: the answer to its look for jobs was lost. Only while no look is under way.
   * On another connection, as it may have to wait.
   */
  async returnUnknown(db: Queryable, poolId: string, known: readonly string[]): Promise<number> {
    const { jobs, queues } = this.#names;
    const { rows } = await db.query<{ n: number }>(
      `with j as (update ${jobs} set locked_by = null, locked_at = null, attempts = greatest(0, attempts - 1)
         where not is_available and locked_by = $1 and id <> all($2::bigint[]) returning job_queue_id),
       q as (update ${queues} q set locked_by = null, locked_at = null from j where q.id = j.job_queue_id and q.locked_by = $1)
       select count(*)::int as n from j`, [poolId, known]);
    return rows[0]?.n ?? 0;
  }
}
