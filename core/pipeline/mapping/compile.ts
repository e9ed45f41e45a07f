import type { CellValue, JsonObject, StreamField, TableSpec } from '../../sdk/index.ts';
import { compileChecks, runChecks, type Check } from './checks.ts';
import { compileChild, mapChild, specColumn, type Child } from './children.ts';
import type { Reads } from './expr-reads.ts';
import { defaultLimits, type ExprLimits } from './expr.ts';
import { mappingHash } from './hash.ts';
import { compileColumns, mapRow, mappingFault, type Column, type CompileContext } from './row.ts';
import { Session, type Slot } from './session.ts';
import type { EntityMapping, MappedRecord, MappingConfig, Problem } from './types.ts';

/** What compiling may be told beside the config. */
export interface MappingOptions {
  /** The stream's declared fields: they give the type where the config names none. */
  readonly fields?: readonly StreamField[];
  /** Limits of one evaluation by JSONata. */
  readonly exprLimits?: Partial<ExprLimits>;
}

interface Program {
  readonly columns: readonly Column[];
  readonly keyIndexes: readonly number[];
  readonly children: readonly Child[];
  readonly checks: readonly Check[];
}

const none: readonly never[] = Object.freeze([]);
/** After so many records evaluated by JSONata the event loop gets its turn. */
const turn = 32;
/** The record; its checks' expressions, which need the mapped row; the end. More is impossible. */
const mostPasses = 5;

/**
 * Compiles an entity's mapping once; the result maps sets of records.
 * Throws PermanentError with a code of `mappingCodes` when the mapping cannot work; the config's own checks find most of
 * that before, with line and column.
 */
export function compileMapping(config: MappingConfig, options: MappingOptions = {}): EntityMapping {
  const slots: Slot[] = [];
  const context: CompileContext = {
    fields: options.fields ?? [],
    limits: { ...defaultLimits, ...options.exprLimits },
    slot(expr) {
      const slot = { id: slots.length, expr };
      slots.push(slot);
      return slot;
    },
  };
  const columns = compileColumns(config.fields, '', context);
  const keyIndexes = config.key.map((name) => keyIndex(name, columns));
  const keyColumns = keyIndexes.map((index) => columns[index] as Column);
  const children = Object.entries(config.children ?? {}).map(([name, child]) => compileChild(name, child, keyColumns, context));
  const program: Program = { columns, keyIndexes, children, checks: compileChecks(config.checks ?? [], columns, context) };
  const keys: Program = { columns: keyColumns, keyIndexes: [...keyColumns.keys()], children: none, checks: none };
  const table = tableSpec(config, columns);
  return {
    table,
    children: children.map(({ name, spec }) => ({ name, spec })),
    hash: mappingHash(config, table, children.map((child) => child.spec)),
    reads: readsOfAll(columns, children),
    synchronous: slots.every((slot) => slot.expr.subset !== undefined),
    mapAll: (records) => mapAll(program, records),
    mapKeys: (records) => mapAll(keys, records),
  };
}

/** The checks see the mapped row and read nothing of the record. */
function readsOfAll(columns: readonly Column[], children: readonly Child[]): Reads {
  const exprs = columns.flatMap(({ slot }) => (slot ? [slot.expr.reads.own] : []));
  const ofLines = children.flatMap((child) => child.columns.flatMap(({ slot }) => (slot ? [slot.expr.reads.parent] : [])));
  const all = [...exprs, ...ofLines];
  const paths = columns.flatMap(({ slot, constant, origin }) => (slot || constant ? [] : [origin]));
  return { paths: new Set([...paths, ...children.map(({ from }) => from), ...all.flatMap((reads) => [...reads.paths])]), whole: all.some(({ whole }) => whole) };
}

function keyIndex(name: string, columns: readonly Column[]): number {
  const index = columns.findIndex((column) => column.name === name);
  if (index === -1) throw mappingFault('map.unknown_column', `the key names the column "${name}", which is not in the fields`);
  return index;
}

function tableSpec(config: MappingConfig, columns: readonly Column[]): TableSpec {
  const deleted = config.deletes?.mode === 'mark' ? config.deletes.column ?? 'deleted_at' : undefined;
  if (deleted !== undefined && columns.some((column) => column.name === deleted)) {
    throw mappingFault('map.column_twice', `the column "${deleted}" is both mapped and the one that marks deletions`);
  }
  return {
    table: config.to.table, managed: config.to.manage ?? true, columns: columns.map(specColumn), key: config.key,
    ...(deleted === undefined ? {} : { deletedColumn: deleted }),
    ...(config.description === undefined ? {} : { description: config.description }),
  };
}

/** A record that JSONata has to look at, and the place that is kept for what comes of it. */
interface Slow { index: number; record: JsonObject }

function mapAll(program: Program, records: Iterable<JsonObject>): MappedRecord[] | Promise<MappedRecord[]> {
  const results: MappedRecord[] = [];
  const session = new Session();
  const slow: Slow[] = [];
  for (const record of records) {
    session.reset();
    const result = mapRecord(program, record, session);
    if (session.waiting) slow.push({ index: results.length, record });
    results.push(result);
  }
  return slow.length === 0 ? results : mapSlowly(program, results, slow);
}

async function mapSlowly(program: Program, results: MappedRecord[], slow: readonly Slow[]): Promise<MappedRecord[]> {
  const session = new Session();
  for (const [done, { index, record }] of slow.entries()) {
    if (done % turn === turn - 1) await new Promise((resolve) => { setImmediate(resolve); });
    session.reset();
    let result = mapRecord(program, record, session);
    for (let pass = 0; session.waiting; pass += 1) {
      if (pass === mostPasses) throw new Error('a record waits for expressions without end');
      await session.answer();
      session.restart();
      result = mapRecord(program, record, session);
    }
    results[index] = result;
  }
  return results;
}

function mapRecord(program: Program, record: JsonObject, session: Session): MappedRecord {
  const { columns, keyIndexes } = program;
  const row: CellValue[] = [];
  mapRow(columns, { source: record, parent: undefined, row: 0, fieldPrefix: '', pathPrefix: '' }, session, row, 0);
  const key: CellValue[] = [];
  for (const index of keyIndexes) key.push(keyCell(columns[index] as Column, row[index] as CellValue, session));
  const children = program.children.length === 0 ? none : program.children.map((child) => mapChild(child, record, key, session));
  // A rule about a row that is not whole yet would be wrong; the record comes again.
  const refused = session.problems.length > 0;
  const action = session.waiting || program.checks.length === 0 ? undefined : runChecks(program.checks, row, columns, session);
  if (action !== undefined || refused) return { ok: false, action: action ?? 'quarantine', problems: session.problems };
  return { ok: true, row, key, children, warnings: session.warnings.length === 0 ? none : session.warnings as readonly Problem[] };
}

function keyCell(column: Column, cell: CellValue, session: Session): CellValue {
  if ((cell === null || cell === '') && !session.waiting && !session.problems.some((problem) => problem.field === column.name)) {
    session.refuse('map.key_missing', `${column.name} is part of the key and has no value`, { field: column.name, ...(column.origin === '' ? {} : { path: column.origin }) });
  }
  return cell;
}
