import { refuseMisfits } from './check-tables.ts';
import { fetchDetails } from './details.ts';
import { readPart, readSource } from './read-source.ts';
import { replayRecords } from './replay.ts';
import { retryLetters } from './retry.ts';
import { ensureRecordPartition } from '../store/records.ts';
import type { DatabaseAccess } from '../sdk/index.ts';
import type { Entity } from './entity.ts';
import type { RunContext, RunOutcome } from './run-context.ts';

/**
 * One attempt of a run, from where the last one stopped. Called by the run's job; an attempt that is broken off at any
 * point is called again and ends as if it had not been (promises 3 and 10).
 * Throws SDK errors as they come from the source; the job decides whether to try again, to wait or to give up.
 */
export async function executeRun(context: RunContext): Promise<RunOutcome> {
  await prepareEntity(context.entity, context.database);
  switch (context.run.mode) {
    case 'details': return fetchDetails(context);
    case 'replay': return replayRecords(context);
    case 'retry': return retryLetters(context);
    case 'part': return readPart(context);
    default: return readSource(context);
  }
}

/** Makes the tables that an entity's records land in, or extends them. Before the first write of a run, and of a process that applies messages. */
export async function prepareEntity(entity: Entity, database: DatabaseAccess): Promise<void> {
  await refuseMisfits(entity);
  await database.transaction((session) => ensureRecordPartition(session, entity.id));
  await entity.destination.prepare(entity.mapping.table);
  for (const child of entity.mapping.children) await entity.destination.prepare(child.spec);
}
