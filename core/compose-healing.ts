import { scryptSync } from 'node:crypto';
import { createHealing, type Healing, type RulesDeps } from './healing/index.ts';
import { withCallContext, type Connection } from './connection/index.ts';
import { systemClock } from './monitor/clock.ts';
import type { Events } from './monitor/events.ts';
import { deadLetterOperations, healingTrigger } from './operations/dead-letters.ts';
import { runJob, type Enqueue } from './operations/request-run.ts';
import type { Entity } from './pipeline/entity.ts';
import type { Project } from './project.ts';
import { namesOf, type Queue } from './queue/index.ts';
import type { Clock, Connector, Logger } from './sdk/index.ts';
import type { Database } from './store/session.ts';
import type { Pool } from './store/pool.ts';
import { noteRunJob } from './store/runs.ts';

/** What the healing is made of. */
export interface HealingParts {
  project: Project; pool: Pool; database: Database; queue: Queue; enqueue: Enqueue; log: Logger; redact: (text: string) => string;
  /** The clock of the connections. */
  connectionClock: Clock;
  events: Pick<Events, 'emit'>;
  /** How long what is kept, as the config in force says. */
  retention: () => RulesDeps['policies']['retention'];
  /** Entities that may take messages. */
  hearing: () => readonly string[];
  catchUp: RulesDeps['catchUp'];
  entities: ReadonlyMap<string, Entity>; connections: ReadonlyMap<string, Connection>; connectors: ReadonlyMap<string, Connector>;
}

/** Puts the healing together for `main.ts`. */
export function composeHealing(parts: HealingParts): Healing {
  const { project, pool, database, queue, enqueue, log, redact, entities } = parts;
  const config = project.config as NonNullable<Project['config']>;
  const letters = deadLetterOperations({ entities, database, enqueue });
  const jobCauses = causesOfJobs(project, entities);
  return createHealing({
    policies: config.policies, retention: parts.retention, hearing: parts.hearing, catchUp: parts.catchUp, names: namesOf(config.database.schema), pool, database, clock: systemClock, log, redact, nodeId: () => queue.nodeId,
    connectionClock: parts.connectionClock, begunAt: systemClock.now(), connections: connectionsToHeal(parts), causeOf: (id, kind) => (kind === 'job' ? jobCauses(id) : causeOf(project, entities.get(id))),
    async retry({ kind, entity, fingerprint, letter, most }) {
      const { runs: [asked], jobs } = await letters.retryDeadLetters({ filter: { kind, ...(letter === undefined ? { fingerprint } : { ids: [letter] }), ...(entity === '' ? {} : { entity }) }, trigger: healingTrigger, ...(most === undefined ? {} : { most }) });
      if (kind === 'job') return jobs.length === 0 ? undefined : { jobs };
      return asked && { runId: asked.run.id };
    },
    onRunClosed: ({ id, entity, mode }, reason) => parts.events.emit('run.finished', { run: id, entity, mode, state: 'failed', reason }),
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

/**
 * What a job's failure hangs on: its entity and the connections on both sides as the config has them, with the plugins; a mended password is
 * a change as well. Secrets are in it, so it goes by a hash that is dear to guess by.
 */
function causesOfJobs(project: Project, entities: ReadonlyMap<string, Entity>): (entity: string) => string | undefined {
  const known = new Map<string, string>();
  const config = project.config as NonNullable<Project['config']>;
  return (id) => {
    const entity = entities.get(id);
    if (!entity && id !== '') return undefined;
    const connections = entity ? [entity.connectionId, entity.config.to.connection] : Object.keys(config.connections);
    const text = (): string => JSON.stringify([entity ? entity.config : null, connections.map((name) => config.connections[name])]);
    const plugins = connections.map((name) => project.connections.get(name)?.loaded.plugin.version ?? '?');
    const hashed = known.get(id) ?? scryptSync(text(), 'tds causes', 9).toString('base64url');
    known.set(id, hashed);
    return [hashed, ...plugins].join(' ');
  };
}

/** Connections that call a remote; those of the own database have neither breaker nor tokens. */
function connectionsToHeal({ connections, connectors, entities }: HealingParts): RulesDeps['connections'] {
  return [...connections.values()].map((connection) => ({
    id: connection.id, signIn: connection.signInName, breaker: () => connection.lookAtBreaker(),
    get entities() { // they may change at run time
      return [...entities.values()].filter((entity) => entity.connectionId === connection.id || entity.config.to.connection === connection.id).map((entity) => entity.id);
    },
    check: async (signal) => (await withCallContext({ purpose: 'check' }, () => connectors.get(connection.id)?.check(signal))) ?? [],
    renewing: (ms, work) => connection.renewingTokens(ms, work),
  }));
}
