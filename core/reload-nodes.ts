/** A reload reaches all nodes through the database: one asks by a row, each looks for it once a second and answers by another one. */
import { OperationError } from './operations/errors.ts';
import type { NodeReload, ReloadReport } from './operations/reload.ts';
import type { NodeInfo } from './queue/types.ts';
import type { Reloader } from './reload.ts';
import type { Clock, DatabaseAccess, JsonObject, Logger } from './sdk/index.ts';
import { answerReload, askReload, lastReload, reloadAnswers } from './store/reloads.ts';

export interface NodeReloadDeps { database: DatabaseAccess; clock: Clock; log: Logger; nodeId: () => string; reloader: Reloader }

const lookMs = 1000;
/** Between two looks of one who waits for answers. */
const waitMs = 200;
/** A node that has said nothing by then is told as silent. */
const patienceMs = 20_000;
/** A node that was not heard of for so long is dead. */
const deadSeconds = 10;

/** Reloads this node whenever somebody asks all of them to. Answers what ends that. */
export function answerReloads({ database, clock, log, nodeId, reloader }: NodeReloadDeps): () => Promise<void> {
  const stop = new AbortController();
  let done: string | undefined;
  const look = async (): Promise<void> => {
    const { id, answered } = await database.transaction((session) => lastReload(session, nodeId()));
    if (id !== done && !answered) {
      const report = await reloader.reload().catch((error: unknown) => ({ error: error instanceof Error ? error.message : String(error) }));
      await database.transaction((session) => answerReload(session, id, nodeId(), report as unknown as JsonObject));
    }
    done = id;
  };
  const loop = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      await look().catch((error: unknown) => log.debug('it could not be seen whether a reload is asked for', { error }));
      await clock.sleep(lookMs, stop.signal).catch(() => undefined);
    }
  };
  const looping = loop();
  return async () => {
    stop.abort();
    await looping;
  };
}

/** Reloads this node at once, and asks the others to do the same. */
export async function reloadHere({ database, nodeId, reloader }: NodeReloadDeps): Promise<ReloadReport> {
  const report = await reloader.reload();
  if (report.applied) await database.transaction(async (session) => answerReload(session, await askReload(session), nodeId(), report as unknown as JsonObject));
  return report;
}

/** Asks all nodes that live, and waits for their answers. @throws OperationError `operation.no_node` */
export async function reloadNodes({ database, clock, nodes }: Pick<NodeReloadDeps, 'database' | 'clock'> & { nodes: () => Promise<NodeInfo[]> }): Promise<NodeReload[]> {
  const alive = (await nodes()).filter(({ concurrency, roles, secondsSinceBeat }) => (concurrency > 0 || roles !== null) && secondsSinceBeat < deadSeconds);
  if (alive.length === 0) throw new OperationError('operation.no_node', 'no TDS is running that could take over the config');
  const id = await database.transaction((session) => askReload(session));
  const end = clock.now().getTime() + patienceMs;
  for (;;) {
    const answers = await database.transaction((session) => reloadAnswers(session, id));
    if (alive.every(({ nodeId }) => answers.has(nodeId)) || clock.now().getTime() >= end) return alive.map(({ nodeId, host }) => ({ node: nodeId, host, ...told(answers.get(nodeId)) }));
    await clock.sleep(waitMs);
  }
}

function told(answer: JsonObject | undefined): Pick<NodeReload, 'report' | 'error'> {
  if (!answer) return { report: null, error: 'it did not answer; it may still do it' };
  return typeof answer['error'] === 'string' ? { report: null, error: answer['error'] } : { report: answer as unknown as ReloadReport, error: null };
}
