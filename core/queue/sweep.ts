/**
 * Frees what nobody works on any more. Each node asks once a second; an advisory lock gives one of them the turn.
 *
 * A job is freed when its pool is dead, when its pool never registered, or when its pool lives, beats, and doesn't list it. It loses its
 * place in line a little, and counts the loss: what lost its worker `maxLosses` times is exhausted, as it may be what kills them. A job that
 * has written something in between (`fence`) starts to count anew, its attempts too: only losses without progress lead to its end.
 */
import type { Client, PoolClient } from 'pg';
import type { Logger } from '../sdk/index.ts';
import { unnumbered } from '../store/sessions.ts';
import { tryLockTransaction } from '../store/advisory-lock.ts';
import { withTransaction, type Pool } from '../store/pool.ts';
import { QueueError, type QueueErrorCode } from './errors.ts';
import { flags } from './held.ts';
import type { SteadyClient } from './heartbeat.ts';
import { insertHistory, maintainHistory } from './history.ts';
import { isGone } from '../monitor/machine.ts';
import { sessionName, type Names } from './names.ts';
import { readMarkedError, type ExhaustedRow, type Settler } from './settle.ts';
import type { QueueEvents } from './types.ts';

export interface SweepOptions {
  readonly pool: Pool; readonly client: SteadyClient; readonly names: Names; readonly machine: string; readonly settler: Settler; readonly log: Logger;
  readonly deadMs: number; readonly sweepMs: number;
  /** How long a lock may stand unexplained. Longer than a statement's timeout, so that an answer can't be under way any more. */
  readonly graceMs: number;
  readonly maxLosses: number; readonly historyDays: number;
  readonly emit: <K extends keyof QueueEvents>(event: K, facts: QueueEvents[K]) => void;
}

export interface SweepRequest {
  /** What is added to the dead time after an outage of the database, in ms: nodes that could not beat must have had the time to do so again. */
  readonly patienceMs: number;
  /** Pools of this node that it knows to be dead: their jobs count as lost. */
  readonly dead?: readonly string[];
}

interface Found { dead: QueueEvents['node.died'][]; lost: { id: string; reason: string; exhausted: boolean }[]; queues: number }

const exhaustedAtOnce = 100;
/** The pause after a second loss is a half of `sweepMs`, then one, two, and no more: a job that others kill must go on within seconds. */
const longestPause = 4;
const tidyMs = 3_600_000;
/** Longer than any statement may last. */
const sessionsMs = 120_000;

export class Sweeper {
  readonly #options: SweepOptions;
  readonly #free: string;
  #tidiedAt = -Infinity;
  /** Nodes that died, and until when it is looked whether they have left sessions behind. */
  readonly #left = new Map<string, number>();

  constructor(options: SweepOptions) {
    this.#options = options;
    this.#free = freeStatement(options.names);
  }

  /** @returns false where another node has the turn */
  async sweep(request: SweepRequest): Promise<boolean> {
    const { client, emit, log } = this.#options;
    // First, as what is freed is written down: after some days off today has no partition yet.
    await this.#tidy();
    const found = await client.transaction((session) => this.#sweepUnderLock(session, request));
    if (!found) return false;
    for (const each of found.dead) {
      log.warn('a node died', { node: each.nodeId, pool: each.poolId });
      emit('node.died', each);
    }
    for (const { nodeId } of found.dead) this.#left.set(nodeId, performance.now() + sessionsMs);
    await this.#endSessions();
    for (const each of found.lost) {
      log.warn('a job lost its worker', { jobId: each.id, reason: each.reason, exhausted: each.exhausted });
      emit('job.lost', { jobId: each.id, reason: each.reason, exhausted: each.exhausted });
    }
    if (found.queues > 0) {
      log.warn('named queues were locked with nothing behind them', { queues: found.queues });
      emit('queue.freed', { queues: found.queues });
    }
    await this.#collectExhausted();
    return true;
  }

  async #sweepUnderLock(session: Client, request: SweepRequest): Promise<Found | undefined> {
    const { names, deadMs, graceMs, sweepMs, maxLosses } = this.#options;
    if (!(await tryLockTransaction(session, 'queue', 'sweep'))) return undefined;
    const gone = [...(request.dead ?? []), ...(await this.#goneProcesses(session))];
    // A server that was down took no beats: the dead time begins with its start.
    const { rows: dead } = await session.query<QueueEvents['node.died']>(
      `delete from ${names.nodes} where pool_id = any($1::text[])
         or greatest(beat_at, pg_postmaster_start_time()) < clock_timestamp() - $2::float8 * interval '1 millisecond'
       returning pool_id as "poolId", node_id as "nodeId", concurrency`, [gone, deadMs + request.patienceMs]);
    const deadIds = [...new Set([...gone, ...dead.map((each) => each.poolId)])];
    const { rows: lost } = await session.query<{ id: string; reason: string; exhausted: boolean }>(this.#free, [deadIds, graceMs + request.patienceMs, maxLosses, sweepMs]);
    // The workers that wait look at once, as for a job that was added; else they would at their next poll.
    if (lost.length > 0) await session.query(`select pg_notify('jobs:insert', $1)`, [JSON.stringify({ count: lost.length })]);
    const { rowCount } = await session.query(
      `update ${names.queues} set locked_by = null, locked_at = null
       where not is_available and locked_at < clock_timestamp() - $1::float8 * interval '1 millisecond'
         and not exists (select from ${names.jobs} j where not j.is_available and j.locked_at is not null and j.job_queue_id = ${names.queues}.id)`, [sweepMs]);
    return { dead, lost, queues: rowCount ?? 0 };
  }

  /** Pools of processes that this machine no longer has: nothing to wait for. */
  async #goneProcesses(session: Client): Promise<string[]> {
    const { rows } = await session.query<{ pool_id: string; pid: number }>(`select pool_id, pid from ${this.#options.names.nodes} where machine = $1`, [this.#options.machine]);
    return rows.filter((row) => isGone(row.pid)).map((row) => row.pool_id);
  }

  /**
   * A node that is paused, or was cut off, may hold locks in a transaction that the server waits on (in the middle of a COPY for as long
   * as a statement may last), and its jobs' heirs would wait with it. Looked for until none is left; a node that is back has none ended,
   * and young transactions are left alone, as it may just be coming back.
   */
  async #endSessions(): Promise<void> {
    if (this.#left.size === 0) return;
    const { pool, names, deadMs, log } = this.#options;
    const nodes = [...this.#left.keys()];
    try {
      const { rows } = await pool.query<{ node: string; over: boolean }>(
        `with dead as (select d.node, d.name, exists (select from ${names.nodes} n where n.node_id = d.node) as back from unnest($1::text[], $2::text[]) as d (node, name)),
         sessions as (select ${unnumbered} as name, pid, xact_start from pg_stat_activity where datname = current_database() and usename = session_user and pg_has_role(usesysid, 'usage'))
         select d.node, d.back or count(s.pid) = 0 as over,
           count(case when not d.back and s.xact_start < clock_timestamp() - $3::float8 * interval '1 millisecond' then pg_terminate_backend(s.pid) end)
         from dead d left join sessions s on s.name in (d.name, d.name || ' queue') group by d.node, d.back`, [nodes, nodes.map(sessionName), deadMs / 2]);
      for (const { node, over } of rows) if (over) this.#left.delete(node);
    } catch (error) {
      log.debug('the transactions of a dead node could not be ended; tried again', { error });
    }
    for (const [node, until] of this.#left) if (performance.now() > until) this.#left.delete(node);
  }

  /** Hands jobs without attempts to `onExhausted`, each in a transaction of its own. graphile-worker keeps them for ever, and says nothing. */
  async #collectExhausted(): Promise<void> {
    const { pool, names, log } = this.#options;
    const { rows } = await pool.query<{ id: string }>(
      `select id::text from ${names.jobs} where not is_available and locked_at is null and attempts >= max_attempts order by id limit ${exhaustedAtOnce}`);
    for (const { id } of rows) {
      await withTransaction(pool, (client) => this.#collect(id, client)).catch((error: unknown) => log.error('onExhausted failed; the job stays', { jobId: id, error }));
    }
  }

  async #collect(id: string, client: PoolClient): Promise<void> {
    const { names, settler, emit } = this.#options;
    const { rows } = await client.query<ExhaustedRow & { task: string; losses: number | null; reason: string | null }>(
      `with j as (delete from ${names.jobs} where id = $1::bigint and not is_available and locked_at is null and attempts >= max_attempts returning *),
       l as (delete from ${names.losses} l using j where l.job_id = j.id returning l.losses, l.last_reason)
       select j.*, t.identifier as task, l.losses, l.last_reason as reason from j join ${names.tasks} t on t.id = j.task_id left join l on true`, [id]);
    const row = rows[0];
    if (!row) return;
    const cancelled = row.flags?.[flags.cancelled] === true;
    const marked = readMarkedError(row.last_error) ?? { code: 'queue.exhausted', message: row.last_error ?? 'The job has no attempts left.' };
    const lost = marked.code === 'queue.worker_lost';
    const error = new QueueError(marked.code as QueueErrorCode, marked.message, {
      ...(lost ? { suggestion: 'Look at what the job does: it may use up the memory, or hold the event loop. Then run it again.' } : {}),
      details: { jobId: id, losses: row.losses ?? 0, reason: lost ? 'worker lost' : 'exhausted' },
    });
    await client.query(`with h as (select $2::bigint as id, $3::int as task_id, $4::jsonb as payload, $5::int as job_queue_id, $6::text as key) ${
      insertHistory(names, 'h', { outcome: '$7::text', attempt: '$1::int', code: '$8::text', message: '$9::text', node: 'null', pool: 'null', started: 'null' })}`,
      [row.attempts, id, row.task_id, JSON.stringify(row.payload), row.job_queue_id, row.key, cancelled ? 'cancelled' : 'failed', cancelled ? null : error.code, cancelled ? null : error.message]);
    if (cancelled) return;
    await settler.tell(row, row.task, error, client);
    emit('job.exhausted', { jobId: id, task: row.task, code: error.code });
  }

  async #tidy(): Promise<void> {
    if (performance.now() - this.#tidiedAt < tidyMs) return;
    this.#tidiedAt = performance.now();
    const { pool, names, historyDays, log } = this.#options;
    try {
      const { failures } = await maintainHistory(pool, names, historyDays);
      for (const error of failures) log.warn("a partition of the history could not be kept in order; tried again in an hour", { error });
      await pool.query(`delete from ${names.losses} l where last_at < now() - interval '1 day' and not exists (select from ${names.jobs} j where j.id = l.job_id)`);
    } catch (error) {
      log.warn("the history's partitions could not be kept in order; tried again in an hour", { error });
    }
  }
}

/** $1 dead pools, $2 grace in ms, $3 losses at most, $4 first pause in ms. */
function freeStatement(names: Names): string {
  return `with lost as (
      select j.id, j.job_queue_id, j.locked_by, j.locked_at,
        case when j.locked_by = any($1::text[]) then 'its node died' when n.pool_id is null then 'its pool never registered' else 'its pool does not know it' end as reason
      from ${names.jobs} j left join ${names.nodes} n on n.pool_id = j.locked_by
      where not j.is_available and j.locked_at is not null and (
        j.locked_by = any($1::text[])
        or (n.pool_id is null and j.locked_at < clock_timestamp() - $2::float8 * interval '1 millisecond')
        or (n.pool_id is not null and j.locked_at < n.beat_at - $2::float8 * interval '1 millisecond' and j.id <> all (n.in_flight)))
      for update of j skip locked),
    counted as (
      insert into ${names.losses} as l (job_id, losses, total, last_reason) select id, 1, 1, reason from lost
      on conflict (job_id) do update set losses = l.losses + 1, total = l.total + 1, last_at = now(), last_reason = excluded.last_reason
      returning job_id, losses),
    freed as (
      update ${names.jobs} j set locked_by = null, locked_at = null, updated_at = now(),
        last_error = '[queue.worker_lost] ' || format('The job lost its worker %s times (worker lost: %s).', c.losses, lost.reason),
        run_at = clock_timestamp() + $4::float8 * case when c.losses = 1 then 0 else least(power(2, c.losses - 2), ${longestPause}) end * interval '0.5 millisecond',
        attempts = case when c.losses >= $3::int or coalesce(j.flags ? '${flags.cancelled}', false) then j.max_attempts else least(j.attempts, c.losses) end,
        flags = case when c.losses >= 2 then coalesce(j.flags, '{}') || '{"${flags.suspect}": true}' else j.flags end
      from lost join counted c on c.job_id = lost.id where j.id = lost.id
      returning j.id, j.task_id, j.payload, j.job_queue_id, j.key, j.attempts, j.max_attempts, lost.reason, lost.locked_by as pool, lost.locked_at as since),
    unlocked as (
      update ${names.queues} q set locked_by = null, locked_at = null from lost where q.id = lost.job_queue_id and q.locked_by = lost.locked_by),
    noted as (${insertHistory(names, 'freed', { outcome: "'lost'", attempt: 'h.attempts', code: "'queue.worker_lost'", message: 'h.reason', node: 'null', pool: 'h.pool', started: 'h.since' })})
    select id::text, reason, attempts >= max_attempts as exhausted from freed`;
}
