/** Whether this process can do its work. */
import type { Queue } from '../queue/types.ts';
import type { Database } from '../store/session.ts';
import type { Health } from './operations.ts';

/** The database connections of this process. */
export interface PoolUse { readonly most: number; readonly idle: number; readonly open: number; readonly waiting: number }

export interface HealthDeps {
  database: Pick<Database, 'work'>;
  queue: Pick<Queue, 'health' | 'nodeId'>;
  /** The workers for messages, where this process has some. */
  messageQueue?: () => Pick<Queue, 'health'> | undefined;
  version: string;
  /** Absent: not known. */
  poolUse?: () => PoolUse;
  /** How long the database is given to answer, in ms. Default 3,000. */
  patienceMs?: number;
}

/** Who asks is a supervisor that waits no longer. */
const usualPatienceMs = 3_000;
/** `too_many_connections`: the server, the database or the role has no more of them. */
const noneLeft = '53300';

/** Answers what is asked again and again. Never throws; one question at a time goes to the database. */
export function healthReader(deps: HealthDeps): () => Promise<Health> {
  const { patienceMs = usualPatienceMs } = deps;
  let asking: ReturnType<typeof askDatabase> | undefined;
  return async () => {
    asking ??= askDatabase(deps.database).finally(() => (asking = undefined));
    const answer = await within(patienceMs, asking);
    const reasons: string[] = [];
    if (answer === undefined) reasons.push(silence(patienceMs, deps.poolUse?.()));
    else if (answer === 'read only') reasons.push('the database refuses writes: it is read only');
    else if (answer instanceof Error) reasons.push((answer as { code?: unknown }).code === noneLeft ? `the database has no connection left for this process (${noneLeft})` : `the database can't be reached${codeOf(answer)}`);
    const { state } = deps.queue.health();
    if (state !== 'running') reasons.push(`the queue is ${state}`);
    const messages = deps.messageQueue?.()?.health().state ?? 'running';
    if (messages !== 'running') reasons.push(`the queue of messages is ${messages}`);
    const up = answer === 'writes' || answer === 'read only';
    return { ready: reasons.length === 0, reasons, node: deps.queue.nodeId, version: deps.version, database: up ? 'up' : 'down', queue: state, ...(answer instanceof Error ? { fault: answer.message } : {}) };
  };
}

function codeOf(error: Error): string {
  const { code } = error as { code?: unknown };
  return typeof code === 'string' && /^\w{1,40}$/.test(code) ? ` (${code})` : '';
}

async function askDatabase({ work }: HealthDeps['database']): Promise<'writes' | 'read only' | Error> {
  try {
    const { rows } = await work.query(`SELECT current_setting('transaction_read_only') AS mode`);
    return rows[0]?.['mode'] === 'on' ? 'read only' : 'writes';
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

function silence(patienceMs: number, use: PoolUse | undefined): string {
  if (use && use.open >= use.most && use.idle === 0) {
    return `all ${use.most} database connections of this process are in use, and ${use.waiting} wait for one: see pg_stat_activity for what lasts so long, or raise database.poolSize`;
  }
  return `the database has given no answer for ${patienceMs / 1000} s`;
}

/** The work's result, or undefined when it takes longer than so many ms. It is not ended by that. */
async function within<T>(ms: number, work: Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), ms);
  });
  try {
    return await Promise.race([work, over]);
  } finally {
    clearTimeout(timer);
  }
}
