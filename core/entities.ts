import type { Config } from './config/index.ts';
import type { CheckedConnection } from './host/index.ts';
import { compileMapping, type EntityMapping } from './pipeline/mapping/index.ts';
import { detailPaths, firstStep, mappingNumber, type Entity } from './pipeline/entity.ts';
import { takesMessages } from './webhook/index.ts';
import type { Connector, JsonObject, StreamInfo } from './sdk/index.ts';

/** The enabled entities of a checked config, ready for work. Made once per start; what could fail here was a finding before. `checked` tells the accounts. */
export function buildEntities(config: Config, connectors: ReadonlyMap<string, Connector>, checked?: ReadonlyMap<string, CheckedConnection>): Map<string, Entity> {
  const entities = new Map<string, Entity>();
  for (const [id, entity] of Object.entries(config.entities)) {
    const source = connectors.get(entity.from.connection)?.source;
    const destination = connectors.get(entity.to.connection)?.destination;
    if (!entity.enabled || !source || !destination) continue;
    const options = entity.from.with as JsonObject;
    const stream = source.describe(entity.from.stream, options);
    const mapping = compileMapping(entity, stream.fields ? { fields: stream.fields } : {});
    entities.set(id, {
      id, config: entity, connectionId: entity.from.connection, account: accountOf(checked?.get(entity.from.connection)), stream, options, source, destination, mapping,
      mappingNumber: mappingNumber(mapping.hash), wantsDetails: wantsDetails(entity, stream, mapping),
      hears: takesMessages(config, id, connectors.get(entity.from.connection)),
    });
  }
  return entities;
}

/** The account at the remote, where the plugin names it. */
function accountOf(connection: CheckedConnection | undefined): string | undefined {
  return connection?.loaded.plugin.account?.(connection.settings);
}

/**
 * `auto` asks for details when a field, an expression or a child reads something that only the detail carries; an expression that takes the
 * whole record reads that too. Of a stream whose fields nobody has listed, children are taken to stand in the detail: lists leave a
 * record's lines out.
 */
function wantsDetails(entity: Config['entities'][string], stream: StreamInfo, mapping: EntityMapping): boolean {
  if (stream.details === 'none' || entity.details === 'never') return false;
  if (entity.details === 'always') return true;
  if (!stream.fields) return Object.keys(entity.children).length > 0;
  const onlyInDetail = detailPaths(stream);
  return onlyInDetail.size > 0 && (mapping.reads.whole || [...mapping.reads.paths].some((path) => onlyInDetail.has(path) || onlyInDetail.has(firstStep(path))));
}
