import type { EntityConfig } from '../../schemas/index.ts';
import type { Destination, JsonObject, Source, StreamInfo } from '../sdk/index.ts';
import type { ReadFrom } from '../store/entities.ts';
import type { EntityMapping } from './mapping/index.ts';

/** An entity ready for work: its config with the stream, the compiled mapping and the two sides. Made once per start by `main.ts`. */
export interface Entity {
  id: string;
  config: EntityConfig;
  /** The connection that is read. */
  connectionId: string;
  /** The account at the remote that the connection reads; undefined where its plugin names none. */
  account?: string | undefined;
  stream: StreamInfo;
  /** `from.with`. */
  options: JsonObject;
  source: Source;
  destination: Destination;
  mapping: EntityMapping;
  /** The mapping's hash as a 32-bit number; stored with each record, so that a mended mapping is noticed. */
  mappingNumber: number;
  /** Whether records are asked for one by one after the list. */
  wantsDetails: boolean;
  /** Messages of the source tell of its changes; set by `main.ts` where they are taken. */
  hears?: boolean;
}

/** What the entity reads: when it changes, old cursors mean nothing. */
export function sourceOf(entity: Entity): ReadFrom {
  return { source: JSON.stringify([entity.connectionId, entity.stream.name, entity.options]), account: entity.account ?? null };
}

/** What of a stream only the details carry, as far as it is listed. */
export function detailPaths(stream: Pick<StreamInfo, 'fields'>): Set<string> {
  return new Set((stream.fields ?? []).filter(({ only }) => only === 'detail').map(({ path }) => path));
}

/** `billing_address` of `billing_address.city`. */
export function firstStep(path: string): string {
  return path.split('.', 1)[0] ?? path;
}

/** A mapping's hash as the 32-bit number that PostgreSQL's `integer` holds. */
export function mappingNumber(hash: string): number {
  return Number.parseInt(hash.slice(0, 8), 16) | 0;
}
