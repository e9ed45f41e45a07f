import type { CellValue, JsonObject, TableSpec } from '../../sdk/index.ts';
import type { MappingCode } from './codes.ts';
import type { Reads } from './expr-reads.ts';

/** How one column is made; the resolved form of a field in the config. Without `from`, `expr` and `value` the column's name is the path. */
export interface FieldMapping {
  readonly from?: string;
  readonly expr?: string;
  readonly value?: unknown;
  readonly type?: string;
  readonly default?: unknown;
  readonly required?: boolean;
  readonly empty?: 'null' | 'keep';
  readonly description?: string;
}

/** How one child table is made. `key` left out, empty, or a lone `position` that is not in `fields`: rows are numbered from 1. */
export interface ChildMapping {
  readonly from: string;
  readonly table: string;
  readonly key?: readonly string[];
  readonly fields: Readonly<Record<string, FieldMapping>>;
  readonly manage?: boolean;
}

/** What happens to a record that fails a check. */
export type OnFail = 'quarantine' | 'drop' | 'warn';

/** One rule about the mapped row; exactly one of the rules stands. */
export interface CheckMapping {
  readonly field?: string;
  readonly required?: boolean;
  readonly min?: number;
  readonly max?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly oneOf?: readonly unknown[];
  readonly expr?: string;
  readonly message?: string;
  readonly onFail?: OnFail;
}

/** The part of an entity's config that the mapping reads; a loaded `EntityConfig` fits. */
export interface MappingConfig {
  readonly description?: string;
  readonly to: { readonly table: string; readonly manage?: boolean };
  readonly key: readonly string[];
  readonly fields: Readonly<Record<string, FieldMapping>>;
  readonly children?: Readonly<Record<string, ChildMapping>>;
  readonly checks?: readonly CheckMapping[];
  readonly deletes?: { readonly mode?: 'mark' | 'remove' | 'keep'; readonly column?: string };
}

/** One thing that is wrong with a record, or that was mended in it. */
export interface Problem {
  code: MappingCode;
  /** The column; `child.column` for a child table. */
  field?: string;
  /** The path in the record, with the index of the list's element where there is one. */
  path?: string;
  message: string;
  /** The offending value, shortened. */
  value?: string;
  suggestion?: string;
}

/** What became of one record. */
export type MappedRecord =
  | {
    ok: true;
    /** In the order of the table's columns. */
    row: CellValue[];
    /** Values of the key's columns. */
    key: CellValue[];
    /** Per child table its rows; undefined where the record carries no such list (a head without details): that table stays as it is. */
    children: readonly (CellValue[][] | undefined)[];
    warnings: readonly Problem[];
  }
  | { ok: false; action: 'quarantine' | 'drop'; problems: Problem[] };

/** A compiled mapping of one entity. Holds no state of a run; one is shared by all jobs. */
export interface EntityMapping {
  readonly table: TableSpec;
  readonly children: readonly { readonly name: string; readonly spec: TableSpec }[];
  /** Changes when the meaning of the mapping changes: the sign to map the stored raw records once more. */
  readonly hash: string;
  /** True when every expression was compiled to plain code. Even then a record may need JSONata itself (a list on a path): see `mapAll`. */
  readonly synchronous: boolean;
  /** What of a record the mapping looks at: paths of fields, of lists, and those that expressions read. */
  readonly reads: Reads;
  /** Maps a set of records, in order. A promise only when a record of the set needs JSONata itself. */
  mapAll(records: Iterable<JsonObject>): MappedRecord[] | Promise<MappedRecord[]>;
  /** Maps the key's columns alone: which row a record has, or had, is known though the rest of it may be refused. */
  mapKeys(records: Iterable<JsonObject>): MappedRecord[] | Promise<MappedRecord[]>;
}
