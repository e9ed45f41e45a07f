import type { Config } from './config/index.ts';
import { compileMapping } from './pipeline/mapping/index.ts';
import { mappingNumber, type Entity } from './pipeline/entity.ts';
import { takesMessages } from './webhook/index.ts';
import type { Connector, JsonObject, StreamInfo } from './sdk/index.ts';

/** The enabled entities of a checked config, ready for work. Made once per start; what could fail here was a finding before. */
export function buildEntities(config: Config, connectors: ReadonlyMap<string, Connector>): Map<string, Entity> {
  const entities = new Map<string, Entity>();
  for (const [id, entity] of Object.entries(config.entities)) {
    const source = connectors.get(entity.from.connection)?.source;
    const destination = connectors.get(entity.to.connection)?.destination;
    if (!entity.enabled || !source || !destination) continue;
    const options = entity.from.with as JsonObject;
    const stream = source.describe(entity.from.stream, options);
    const mapping = compileMapping(entity, stream.fields ? { fields: stream.fields } : {});
    entities.set(id, {
      id, config: entity, connectionId: entity.from.connection, stream, options, source, destination, mapping,
      mappingNumber: mappingNumber(mapping.hash), wantsDetails: wantsDetails(entity, stream),
      hears: takesMessages(config, id, connectors.get(entity.from.connection)),
    });
  }
  return entities;
}

/**
 * `auto` asks for details when a field or a child reads something that only the detail carries. Of a stream whose fields
 * nobody has listed, children are taken to stand in the detail: lists leave a record's lines out.
 */
function wantsDetails(entity: Config['entities'][string], stream: StreamInfo): boolean {
  if (stream.details === 'none' || entity.details === 'never') return false;
  if (entity.details === 'always') return true;
  if (!stream.fields) return Object.keys(entity.children).length > 0;
  const onlyInDetail = new Set((stream.fields ?? []).filter((field) => field.only === 'detail').map((field) => field.path));
  const first = (path: string): string => path.split('.', 1)[0] ?? path;
  const isDetail = (path: string): boolean => onlyInDetail.has(path) || onlyInDetail.has(first(path));
  return Object.entries(entity.fields).some(([column, field]) => field.expr === undefined && field.value === undefined && isDetail(field.from ?? column))
    || Object.values(entity.children).some((child) => isDetail(child.from));
}
