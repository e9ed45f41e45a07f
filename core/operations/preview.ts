import type { Entity } from '../pipeline/entity.ts';
import { previewRecords, readSome, type Preview } from '../pipeline/preview.ts';
import type { Config } from '../config/index.ts';
import type { DatabaseAccess } from '../sdk/index.ts';
import { OperationError } from './errors.ts';

/** Milliseconds that a source may take for a preview: somebody waits. */
const patienceMs = 60_000;

/**
 * Reads some records of an entity and says what a sync would do with them; calls the source, writes nothing.
 * @throws OperationError `operation.unknown_entity`, `operation.disabled_entity`, `operation.preview` with what the source said
 */
export async function previewEntity(deps: { config: Config; entities: ReadonlyMap<string, Entity>; database: DatabaseAccess; redact: (text: string) => string; forPerson: <T>(entity: string, work: () => Promise<T>) => Promise<T> }, id: string, { records: most, signal }: { records: number; signal: AbortSignal }): Promise<Preview> {
  const entity = deps.entities.get(id);
  if (!entity) throw missing(deps.config, id);
  const read = await deps.forPerson(id, () => readSome(entity, most, AbortSignal.any([signal, AbortSignal.timeout(patienceMs)]))).catch((error: unknown) => {
    throw new OperationError('operation.preview', `the source could not be read: ${deps.redact(error instanceof Error ? error.message : String(error))}`, { cause: error });
  });
  const records = await deps.database.transaction((session) => previewRecords(entity, session, read.incoming));
  return { records, withoutKey: read.withoutKey, complete: read.complete, withoutDetails: entity.wantsDetails };
}

function missing({ entities }: Config, id: string): OperationError {
  if (Object.hasOwn(entities, id)) return new OperationError('operation.disabled_entity', `the entity "${id}" is switched off in the config`, { suggestion: `Set entities.${id}.enabled to true.` });
  return new OperationError('operation.unknown_entity', `there is no entity "${id}"`, { suggestion: `The config has: ${Object.keys(entities).join(', ') || 'none'}.` });
}
