import { stat } from 'node:fs/promises';
import path from 'node:path';
import type { Alerting } from './alerts/index.ts';
import { enqueueBy } from './compose-queue.ts';
import type { LiveWebhooks } from './compose-webhooks.ts';
import { withCallContext } from './connection/index.ts';
import type { Healing } from './healing/index.ts';
import { systemClock } from './monitor/clock.ts';
import type { Redactor } from './monitor/redact.ts';
import type { ConfigRead } from './operations/config.ts';
import { createOperations, type OperationsDeps } from './operations/create-operations.ts';
import type { Operations } from './operations/operations.ts';
import { loadProject, type Project } from './project.ts';
import type { LiveConfig, Reloader } from './reload.ts';
import { reloadHere, reloadNodes } from './reload-nodes.ts';
import { overdueBy, type Schedules } from './schedule/index.ts';
import type { Logger } from './sdk/index.ts';
import type { Pool } from './store/pool.ts';
import { version } from './version.ts';

/** What the operations are made of. */
export interface OperationsParts extends Pick<OperationsDeps, 'entities' | 'database' | 'queue' | 'connections' | 'metrics' | 'events'> {
  project: Project; pool: Pool; live: LiveConfig; log: Logger; env: Readonly<Record<string, string | undefined>>; redactor: Redactor; healing: Healing; alerting: Alerting; schedules: Schedules; webhooks: LiveWebhooks; reloader: Reloader;
}

/** Puts the operations together for `main.ts`. */
export function composeOperations({ project, pool, live, log, env, redactor, healing, alerting, schedules, webhooks, reloader, ...parts }: OperationsParts): Operations {
  const around = { database: parts.database, clock: systemClock, log, nodeId: () => parts.queue.nodeId, reloader };
  return createOperations({
    ...parts, log, messageQueue: () => webhooks.workers, get config() { return live.current; }, version, poolUse: () => ({ most: pool.options.max, open: pool.totalCount, idle: pool.idleCount, waiting: pool.waitingCount }), plugins: project.plugins, file: project.file, enqueue: enqueueBy(parts.queue),
    redact: (text) => redactor.text(text), redactValue: (value) => redactor.value(value),
    // What was secret at the start stays so, as what wants a restart is shown as it was.
    isSecret: (path) => project.secrets.has(path) || live.secrets.has(path),
    read: readings(() => loadProject({ file: project.file, env, cwd: process.cwd(), log }), project.files),
    forPerson: (entity, work) => withCallContext({ entity, purpose: 'person' }, work), overdue: overdueBy(() => live.current), healing: healing.operations, alerts: alerting.operations, schedules: schedules.operations, webhooks: webhooks.operations, reload: () => reloadHere(around), reloadNodes: () => reloadNodes({ ...around, nodes: () => parts.queue.nodes() }),
  });
}

/** Reads the files again, for who may take what was read before only where none of them, nor a folder of theirs, has changed since. */
function readings(load: () => Promise<Project>, known: readonly string[]): OperationsDeps['read'] {
  let files = known;
  let kept: { stamp: string; read: ConfigRead } | undefined;
  return async ({ anew }) => {
    const stamp = await stampOf(files); // before they are read: a change after that is seen the next time
    if (!anew && kept?.stamp === stamp) return kept.read;
    const { config, findings, secrets, files: now } = await load();
    const read: ConfigRead = { ...(config ? { config } : {}), findings, isSecret: (place) => secrets.has(place) };
    kept = now.join() === files.join() ? { stamp, read } : undefined;
    files = now;
    return read;
  };
}

async function stampOf(files: readonly string[]): Promise<string> {
  const places = [...new Set(files.flatMap((file) => [file, path.dirname(file)]))];
  return (await Promise.all(places.map(async (place) => stat(place).then(({ mtimeMs, size }) => `${place} ${mtimeMs} ${size}`, () => `${place} gone`)))).join();
}
