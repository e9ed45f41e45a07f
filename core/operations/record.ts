/** "What happened to item 4711": one record with its versions, changes and dead letters. */
import type { Entity } from '../pipeline/entity.ts';
import { tellVersions, type RecordTold } from '../pipeline/story.ts';
import { joinKey } from '../sdk/index.ts';
import type { Database } from '../store/session.ts';
import { listDeadLetters, type DeadLetter } from '../store/dead-letter-queries.ts';
import { readVersions } from '../store/record-history.ts';
import { OperationError } from './errors.ts';

export interface RecordStory extends RecordTold {
  entity: string;
  key: string;
  /** `unknown`: it never could be stored; there are only dead letters of it. */
  state: 'live' | 'deleted' | 'refused' | 'unknown';
  /** The newest first. */
  deadLetters: DeadLetter[];
}

const mostVersions = 200;
const mostLetters = 100;

/** @throws OperationError `operation.unknown_entity`, `operation.unknown_record` */
export async function readRecord({ database, entities, known }: { database: Database; entities: ReadonlyMap<string, Entity>; known: readonly string[] }, id: string, typed: string): Promise<RecordStory> {
  const entity = entities.get(id);
  const keys = keysOf(typed, entity?.stream.key.length ?? 1);
  const versions = await readVersions(database.reads, id, keys, mostVersions);
  const wanted = versions[0] ? [versions[0].key] : keys;
  const letters = (await Promise.all(wanted.map((key) => listDeadLetters(database.reads, { entity: id, key, limit: mostLetters })))).flat();
  const key = versions[0]?.key ?? letters[0]?.key;
  if (key === undefined || key === null) throw unknown(id, typed, entity, known);
  const mayKill = letters.some(({ code, status }) => code === 'record.poison' && status !== 'resolved');
  const told = await tellVersions(versions, entity, !mayKill);
  const [current] = versions;
  const state = !current ? 'unknown' : current.refused ? 'refused' : current.deletedAt ? 'deleted' : 'live';
  return { entity: id, key, state, ...told, deadLetters: letters };
}

/** What a person may mean: the key as it is, and of a key of several parts these without the spaces around them, parted by `/` or by commas. */
function keysOf(typed: string, parts: number): string[] {
  const keys = [typed, typed.trim()];
  if (parts > 1) {
    for (const mark of ['/', ',']) {
      const given = typed.split(mark).map((part) => part.trim());
      if (given.length === parts) keys.push(joinKey(given), given.join('/'));
    }
  }
  return [...new Set(keys)].filter((key) => key !== '' && !key.includes('\0'));
}

function unknown(id: string, typed: string, entity: Entity | undefined, known: readonly string[]): OperationError {
  if (!known.includes(id)) return new OperationError('operation.unknown_entity', `there is no entity "${id}"`, { suggestion: `The config has: ${known.join(', ') || 'none'}.` });
  const form = (entity?.stream.key.length ?? 1) > 1 ? ` Its key is ${entity?.stream.key.join('/')}.` : entity ? ` Its key is ${entity.stream.key[0]}.` : '';
  return new OperationError('operation.unknown_record', `${id} has no record ${JSON.stringify(typed.slice(0, 200))}, and no history of one`, { suggestion: `Give the key as the source has it.${form}` });
}
