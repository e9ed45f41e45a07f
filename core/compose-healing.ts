import { createHealing, type Healing, type RulesDeps } from './healing/index.ts';
import type { Connection } from './connection/index.ts';
import { systemClock } from './monitor/clock.ts';
import { deadLetterOperations } from './operations/dead-letters.ts';
import { runJob, type Enqueue } from './operations/request-run.ts';
import type { Entity } from './pipeline/entity.ts';
import type { Project } from './project.ts';
import { namesOf, type Queue } from './queue/index.ts';
import type { Clock, Connector, DatabaseAccess, Logger } from './sdk/index.ts';
import type { Pool } from './store/pool.ts';
import { noteRunJob } from './store/runs.ts';

/** What the healing is made of. */
export interface HealingParts {
  project: Project; pool: Pool; database: DatabaseAccess; queue: Queue; enqueue: Enqueue; log: Logger; redact: (text: string) => string;
  /** The clock of the connections. */
  connectionClock: Clock;
  /** How long what is kept, as the config in force says. */
  retention: () => RulesDeps['policies']['retention'];
  catchUp: RulesDeps['catchUp'];
  entities: ReadonlyMap<string, Entity>; connections: ReadonlyMap<string, Connection>; connectors: ReadonlyMap<string, Connector>;
}

/** Puts the healing together for `main.ts`. */
export function composeHealing(parts: HealingParts): Healing {
  const { project, pool, database, queue, enqueue, log, redact, entities } = parts;
  const config = project.config as NonNullable<Project['config']>;
  const letters = deadLetterOperations({ entities, database, enqueue });
  return createHealing({
    policies: config.policies, retention: parts.retention, catchUp: parts.catchUp, names: namesOf(config.database.schema), pool, database, clock: systemClock, log, redact, nodeId: () => queue.nodeId,
    connectionClock: parts.connectionClock, connections: connectionsToHeal(parts), causeOf: (id) => causeOf(project, entities.get(id)),
    async retry({ entity, fingerprint, most }) {
      const { runs: [asked] } = await letters.retryDeadLetters({ filter: { kind: 'record', entity, fingerprint }, trigger: 'healing', ...(most === undefined ? {} : { most }) });
      return asked && { runId: asked.run.id };
    },
    async requeue(session, run) {
      const jobId = await enqueue(session, runJob(run));
      await noteRunJob(session, run.id, jobId);
      return jobId;
    },
  });
}

/** The mapping, and the plugins on both sides: when any of them is another one, what failed may pass. */
function causeOf({ connections }: Project, entity: Entity | undefined): string | undefined {
  if (!entity) return undefined;
  const versions = [entity.connectionId, entity.config.to.connection].map((id) => connections.get(id)?.loaded).map((loaded) => (loaded ? `${loaded.id}@${loaded.plugin.version}` : '?'));
  return [entity.mapping.hash, ...versions].join(' ');
}

/** Connections that call a remote; those of the own database have neither breaker nor tokens. */
function connectionsToHeal({ connections, connectors, entities }: HealingParts): RulesDeps['connections'] {
  return [...connections.values()].map((connection) => ({
    id: connection.id, account: connection.accountName, breaker: () => connection.status().breaker,
    get entities() { // they may change at run time
      return [...entities.values()].filter((entity) => entity.connectionId === connection.id || entity.config.to.connection === connection.id).map((entity) => entity.id);
    },
    check: async (signal) => (await connectors.get(connection.id)?.check(signal)) ?? [],
    renewing: (ms, work) => connection.renewingTokens(ms, work),
  }));
}
