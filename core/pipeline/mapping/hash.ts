import { createHash } from 'node:crypto';
import type { TableSpec } from '../../sdk/index.ts';
import type { MappingConfig } from './types.ts';

/** Raised when this code makes other rows of the same records. */
const mappingVersion = 1;

/**
 * The identity of what a mapping makes of a record: tables, types, keys, fields, checks. Descriptions, messages, and the
 * order in which fields are written do not count.
 */
export function mappingHash(config: MappingConfig, table: TableSpec, children: readonly TableSpec[]): string {
  const meaning = {
    mappingVersion,
    tables: [table, ...[...children].sort((a, b) => byName([a.table], [b.table]))].map((spec) => ({ table: spec.table, key: spec.key, types: spec.columns.map(({ name, type }) => [name, type]).sort(byName) })),
    fields: fieldsOf(config.fields),
    children: Object.entries(config.children ?? {}).map(([name, child]) => [name, child.from, child.table, child.key, fieldsOf(child.fields)] as const).sort(byName),
    checks: (config.checks ?? []).map((check) => sorted({ onFail: 'quarantine', ...check }, ['message'])),
  };
  return createHash('sha256').update(JSON.stringify(meaning)).digest('hex');
}

function fieldsOf(fields: MappingConfig['fields']): unknown {
  return Object.entries(fields).map(([name, field]) => [name, sorted({ required: false, ...field }, ['description', 'type'])] as const).sort(byName);
}

function sorted(object: object, without: readonly string[]): unknown[] {
  return Object.entries(object).filter(([name]) => !without.includes(name)).sort(byName);
}

// By code unit and not by locale: the hash must be the same on every machine.
function byName([a]: readonly unknown[], [b]: readonly unknown[]): number {
  if (a === b) return 0;
  return String(a) < String(b) ? -1 : 1;
}
