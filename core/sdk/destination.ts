import type { SqlSession } from './services.ts';

/** A value ready for a column: numbers without loss and JSON are text already. */
export type CellValue = string | number | boolean | null;

/** One column as the mapping asks for it. */
export interface ColumnSpec {
  name: string;
  /** As written in the config and checked there, e.g. `numeric(15,4)`, `timestamptz`, `text[]`. */
  type: string;
  /** For the column's comment. */
  description?: string;
}

/** One table as the mapping asks for it. */
export interface TableSpec {
  /** `table` or `schema.table`; any text is possible and must be quoted. */
  table: string;
  /** True: the destination creates it and adds columns. False: it belongs to the user and is only checked. */
  managed: boolean;
  columns: readonly ColumnSpec[];
  /** Column names that identify a row. */
  key: readonly string[];
  /** Column that is set to the time of the deletion when rows are marked as deleted; absent where they are removed or kept. */
  deletedColumn?: string;
  /** For a child table: the leading columns of `key` that repeat the parent's key. */
  parentKey?: readonly string[];
  /** For the table's comment. */
  description?: string;
}

/** A fault of the real table against its spec. */
export interface TableFinding {
  severity: 'error' | 'warning';
  /** `table.missing`, `table.column_missing`, `table.column_type`, `table.no_unique_key`, `table.not_writable`, … */
  code: string;
  message: string;
  suggestion?: string;
  /** The column concerned, so that the host can point at its line in the config. */
  column?: string;
}

/** Rows to insert or to overwrite. */
export interface RowUpserts {
  /** One array per row, in the order of `spec.columns`. No key occurs twice. */
  rows: readonly (readonly CellValue[])[];
  /** True when the host knows that none of these rows was written before: an insert without looking first may be tried. */
  allNew: boolean;
}

/** Rows to mark or to remove. */
export interface RowDeletes {
  /** Key values in the order of `spec.key`. */
  keys: readonly (readonly CellValue[])[];
  mode: 'mark' | 'remove';
  /** Of each key, when the source was seen not to have it any more: what is marked. */
  at: readonly Date[];
}

/** What is to happen to one table in one batch, in this order: deletes, replaced children, upserts. */
export interface TableWrite {
  spec: TableSpec;
  upserts?: RowUpserts;
  deletes?: RowDeletes;
  /** Child table: parents (values of `parentKey`) whose rows are replaced by those in `upserts`; their other rows go. */
  replaceParents?: readonly (readonly CellValue[])[];
}

/** The writing side of a connector. */
export interface Destination {
  /**
   * True when the tables live in TDS's own database: `write` then gets the session of the transaction that also saves
   * the raw records and the position. False: `write` commits by itself, and a repeat must change nothing.
   */
  readonly transactional: boolean;
  /** Compares the real table with the spec; called by validate and check. Changes nothing. */
  inspect(spec: TableSpec): Promise<TableFinding[]>;
  /**
   * Where a table lies, without I/O: at validation, so that no two entities write into one table, and by `tds backup`, which takes the managed
   * tables of a `transactional` destination along. `database` names the database for two connections that lead to the same one; absent:
   * TDS's own, or else none but this connection's. Throws where there can't be such a table.
   */
  locate?(spec: TableSpec): { database?: string; schema: string; table: string };
  /** Makes a managed table fit (create, add columns); called before the first write of a run. Never drops anything. */
  prepare(spec: TableSpec): Promise<void>;
  /**
   * Applies the writes of one batch, all or nothing. Guarding against older data is the host's work: what arrives here
   * is to be written. Throws pg's own errors, so that the host can find the bad row by splitting the batch; a row that the table does not
   * let go is one, and none that is passed over.
   */
  write(writes: readonly TableWrite[], session: SqlSession | undefined): Promise<void>;
}
