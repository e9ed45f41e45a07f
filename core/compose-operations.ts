import type { Alerting } from './alerts/index.ts';
import { enqueueBy } from './compose-queue.ts';
import { withCallContext } from './connection/index.ts';
import type { Healing } from './healing/index.ts';
import type { Redactor } from './monitor/redact.ts';
import { createOperations, type OperationsDeps } from './operations/create-operations.ts';
import type { Operations } from './operations/operations.ts';
import { loadProject, type Project } from './project.ts';
import type { Logger } from './sdk/index.ts';
import { version } from './version.ts';
import type { Webhooks } from './webhook/index.ts';

/** What the operations are made of. */
export interface OperationsParts extends Pick<OperationsDeps, 'config' | 'entities' | 'database' | 'queue' | 'connections' | 'metrics' | 'events'> {
  project: Project; log: Logger; env: Readonly<Record<string, string | undefined>>; redactor: Redactor; healing: Healing; alerting: Alerting; webhooks: Webhooks;
}

/** Puts the operations together for `main.ts`. */
export function composeOperations({ project, log, env, redactor, healing, alerting, webhooks, ...parts }: OperationsParts): Operations {
  return createOperations({
    ...parts, version, plugins: project.plugins, file: project.file, enqueue: enqueueBy(parts.queue),
    redact: (text) => redactor.text(text), redactValue: (value) => redactor.value(value),
    isSecret: (path) => project.secrets.has(path),
    validate: async () => (await loadProject({ file: project.file, env, cwd: process.cwd(), log })).findings,
    forPerson: (entity, work) => withCallContext({ entity, purpose: 'person' }, work), healing: healing.operations, alerts: alerting.operations, webhooks: webhooks.operations,
  });
}
