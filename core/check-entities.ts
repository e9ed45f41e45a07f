import { checkKey } from './check-key.ts';
import { Tables } from './check-tables-twice.ts';
import { didYouMean, finding, suggest, type Config, type Finding, type OutlineEntity, type Path, type Sources } from './config/index.ts';
import { compileMapping } from './pipeline/mapping/index.ts';
import { isTdsError, type Connector, type JsonObject, type StreamInfo } from './sdk/index.ts';

/** What the entities of a config are held against. */
export interface EntityChecks { connectors: ReadonlyMap<string, Connector>; config: Config | undefined; sources: Sources }

/** What only plugins can tell of entities: whether streams, paths, keys and tables are what the config takes them for. No I/O. */
export function checkEntities(entities: readonly OutlineEntity[], checks: EntityChecks): Finding[] {
  const tables = new Tables(checks.sources);
  return entities.flatMap((entity) => checkEntity(entity, checks, tables));
}

function checkEntity(entity: OutlineEntity, { connectors, config, sources }: EntityChecks, tables: Tables): Finding[] {
  const found: Finding[] = [];
  const stream = describeStream(entity, connectors, sources, found);
  const entityConfig = config?.entities[entity.id];
  if (!entityConfig) return found;
  const target = connectors.get(entityConfig.to.connection);
  if (target && !target.destination) {
    found.push(finding({ code: 'host.not_a_destination', message: `names a connection that can't be written to`, suggestion: 'name one whose plugin is a destination, such as a PostgreSQL' }, sources.locate([...entity.path, 'to', 'connection']), [...entity.path, 'to', 'connection']));
  }
  try {
    const mapping = compileMapping(entityConfig, stream?.fields ? { fields: stream.fields } : {});
    if (target?.destination) found.push(...tables.check(entity, entityConfig.to.connection, target.destination, mapping));
  } catch (error) {
    found.push(findingOf(error, entity.path, sources));
    return found;
  }
  if (stream) found.push(...checkPaths(entity, entityConfig.fields, stream, sources), ...checkKey(entity, entityConfig, stream, sources), ...checkDetails(entity, entityConfig, stream, sources));
  return found;
}

function describeStream(entity: OutlineEntity, connectors: ReadonlyMap<string, Connector>, sources: Sources, found: Finding[]): StreamInfo | undefined {
  const connector = connectors.get(entity.connection);
  if (!connector) return undefined; // told already, at the connection
  const at = [...entity.path, 'from'];
  if (!connector.source) {
    found.push(finding({ code: 'host.not_a_source', message: `names a connection that can't be read`, suggestion: 'name one whose plugin is a source' }, sources.locate([...at, 'connection']), [...at, 'connection']));
    return undefined;
  }
  const names = connector.source.streams().map((stream) => stream.name);
  try {
    return connector.source.describe(entity.stream, entity.with as JsonObject);
  } catch (error) {
    const isUnknown = !names.includes(entity.stream) && Object.keys(entity.with as object).length === 0;
    const spot = [...at, isUnknown || !sources.has([...at, 'with']) ? 'stream' : 'with'];
    found.push(isUnknown
      ? finding({ code: 'host.unknown_stream', message: `is not a stream of "${entity.connection}"`, suggestion: didYouMean(entity.stream, names) ?? `it has: ${names.join(', ')}` }, sources.locate(spot), spot)
      : findingOf(error, spot, sources));
    return undefined;
  }
}

/** A path that the stream isn't known to carry may still exist on the wire, so it is a warning, and only where a near name is known. */
function checkPaths(entity: OutlineEntity, fields: Config['entities'][string]['fields'], stream: StreamInfo, sources: Sources): Finding[] {
  const known = new Set((stream.fields ?? []).map((field) => field.path));
  if (known.size === 0) return [];
  return Object.entries(fields).flatMap(([column, field]) => {
    const wanted = field.from;
    if (wanted === undefined || wanted.includes('.') || known.has(wanted) || wanted === stream.modified || wanted.startsWith('cf_')) return [];
    const near = suggest(wanted, known);
    if (near === undefined) return [];
    const at = [...entity.path, 'fields', column];
    return [finding({ severity: 'warning', code: 'host.unknown_path', message: `reads "${wanted}", which "${stream.name}" is not known to carry`, suggestion: `did you mean "${near}"?` }, sources.locate(at), at)];
  });
}

/** Where nobody has listed which fields the list leaves out, `auto` can't know whether a mapping needs the details. */
function checkDetails(entity: OutlineEntity, { details, children }: Config['entities'][string], stream: StreamInfo, sources: Sources): Finding[] {
  if (details !== 'auto' || stream.details === 'none' || stream.fields || Object.keys(children).length > 0) return [];
  const at = [...entity.path, 'fields'];
  return [finding({
    severity: 'warning', code: 'host.details_unknown', message: `are read from the list of "${stream.name}" alone, and which fields only a call for the record gives is not known`,
    suggestion: 'write "details: always" (a call for each record that is new or changed) or "details: never"',
  }, sources.locateKey(at), at)];
}

/** An error of a plugin, or of a mapping, as a finding at its place. */
export function findingOf(error: unknown, at: Path, sources: Sources): Finding {
  const told = isTdsError(error) ? error : undefined;
  return finding({ code: told?.code ?? 'host.create_failed', message: `is not possible: ${sources.secrets.mask(error instanceof Error ? error.message : String(error))}`, suggestion: told?.suggestion && sources.secrets.mask(told.suggestion) }, sources.locate(at), at);
}
