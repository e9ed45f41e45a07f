import { finding, type EntityConfig, type Finding, type Path } from './config/index.ts';
import { createConnector } from './host/index.ts';
import { inertContext } from './inert-context.ts';
import { compileMapping } from './pipeline/mapping/index.ts';
import type { Project } from './project.ts';
import type { Destination, JsonObject, Logger, StreamField, TableSpec } from './sdk/index.ts';
import { startEmbeddedPostgres } from './store/embedded-postgres.ts';
import { embeddedDirectory } from './store/open-database.ts';
import { createPool } from './store/pool.ts';
import { databaseAccess } from './store/session.ts';

export interface InspectOptions {
  log: Logger;
  /** Where the embedded PostgreSQL lies, for a project without a database of its own. */
  dataDirectory: string;
}

/**
 * Holds the mapping of each table that belongs to the user (`manage: false`) against the real table: a missing column, a
 * wrong type, no unique key, each at its line in the config. Opens a database only when there is such a table, and changes
 * nothing in it. A database that can't be reached is a warning, since a config can be right on a machine without one.
 */
export async function inspectTables(project: Project, options: InspectOptions): Promise<Finding[]> {
  const { config } = project;
  if (!config) return [];
  const owned = Object.entries(config.entities).filter(([, entity]) => entity.enabled && (!entity.to.manage || Object.values(entity.children).some((child) => !child.manage)));
  if (owned.length === 0) return [];
  const embedded = config.database.url === '' ? await startEmbeddedPostgres({ dataDirectory: embeddedDirectory(options.dataDirectory), log: options.log }) : undefined;
  const pool = createPool({ url: embedded?.url ?? config.database.url, schema: config.database.schema, max: 2 });
  const findings: Finding[] = [];
  try {
    for (const [id, entity] of owned) findings.push(...await inspectEntity(project, id, entity, databaseAccess(pool)));
  } finally {
    await pool.end();
    await embedded?.stop();
  }
  return findings;
}

async function inspectEntity(project: Project, id: string, entity: EntityConfig, database: ReturnType<typeof databaseAccess>): Promise<Finding[]> {
  const checked = project.connections.get(entity.to.connection);
  if (!checked) return [];
  const connector = createConnector(checked.loaded, { ...inertContext(checked.id, checked.settings), database });
  const mapping = compileMapping(entity, fieldsOf(project, entity));
  const at: Path = ['entities', id];
  const tables: { spec: TableSpec; at: Path }[] = [
    { spec: mapping.table, at },
    ...mapping.children.map(({ name, spec }) => ({ spec, at: [...at, 'children', name] })),
  ];
  try {
    const found: Finding[] = [];
    for (const table of tables) if (!table.spec.managed && connector.destination) found.push(...await inspectTable(project, connector.destination, table));
    return found;
  } finally {
    await connector.close?.();
  }
}

/** What the stream declares gives a column its type where the config names none, here as in a run. */
function fieldsOf(project: Project, { from }: EntityConfig): { fields?: readonly StreamField[] } {
  const checked = project.connections.get(from.connection);
  const source = checked && createConnector(checked.loaded, inertContext(checked.id, checked.settings)).source;
  const fields = source?.describe(from.stream, from.with as JsonObject).fields;
  return fields ? { fields } : {};
}

async function inspectTable({ sources }: Project, destination: Destination, { spec, at }: { spec: TableSpec; at: Path }): Promise<Finding[]> {
  const tableAt = at.length === 2 ? [...at, 'to', 'table'] : [...at, 'table'];
  try {
    return (await destination.inspect(spec)).map(({ severity, code, message, suggestion, column }) => {
      const fieldAt = column === undefined ? undefined : [...at, 'fields', column];
      const spot = fieldAt && sources.has(fieldAt) ? fieldAt : tableAt;
      return finding({ severity, code, message: `does not fit: ${message}`, suggestion }, sources.locate(spot), spot);
    });
  } catch (error) {
    const message = `could not be compared with the real table: ${error instanceof Error ? error.message : String(error)}`;
    return [finding({ severity: 'warning', code: 'table.not_compared', message, suggestion: 'check that the database runs, then: tds check' }, sources.locate(tableAt), tableAt)];
  }
}
