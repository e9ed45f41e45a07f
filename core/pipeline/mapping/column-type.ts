import { PermanentError } from '../../sdk/index.ts';
import { mappingCodes } from './codes.ts';

/** How values of a type are treated. `other`: a type that only PostgreSQL knows (an enum, `citext`, `inet`), given as text. */
export type ColumnKind =
  | 'text' | 'varchar' | 'char' | 'smallint' | 'integer' | 'bigint' | 'numeric' | 'real' | 'double' | 'boolean'
  | 'date' | 'time' | 'timestamp' | 'timestamptz' | 'uuid' | 'json' | 'jsonb' | 'other';

/** A column type taken apart. */
export interface ColumnType {
  readonly kind: ColumnKind;
  /** A list (`text[]`) of the kind. */
  readonly list: boolean;
  /** Of `varchar(n)`, `char(n)`: characters. Of `numeric(p,s)`: digits in all. */
  readonly size?: number;
  /** Of `numeric(p,s)`: decimals. */
  readonly scale?: number;
}

const kinds: ReadonlyMap<string, ColumnKind> = new Map([
  ['text', 'text'], ['varchar', 'varchar'], ['character varying', 'varchar'], ['char', 'char'], ['character', 'char'], ['bpchar', 'text'],
  ['smallint', 'smallint'], ['int2', 'smallint'], ['integer', 'integer'], ['int', 'integer'], ['int4', 'integer'],
  ['bigint', 'bigint'], ['int8', 'bigint'], ['numeric', 'numeric'], ['decimal', 'numeric'],
  ['real', 'real'], ['float4', 'real'], ['double precision', 'double'], ['float8', 'double'], ['float', 'double'],
  ['boolean', 'boolean'], ['bool', 'boolean'], ['date', 'date'],
  ['time', 'time'], ['time without time zone', 'time'],
  ['timestamp', 'timestamp'], ['timestamp without time zone', 'timestamp'],
  ['timestamptz', 'timestamptz'], ['timestamp with time zone', 'timestamptz'],
  ['uuid', 'uuid'], ['json', 'json'], ['jsonb', 'jsonb'],
]);
const sized: ReadonlySet<ColumnKind> = new Set(['varchar', 'char']);
const timed: ReadonlySet<ColumnKind> = new Set(['time', 'timestamp', 'timestamptz']);
const form = /^([a-z_][\w$. ]*?) ?(?:\( ?(\d{1,8}) ?(?:, ?(-?\d{1,4}) ?)?\))?((?: (?:with|without) time zone)?)((?:\[\d*\])*)$/u;

/**
 * Takes a type as written in the config apart. A name that is not known is `other`: the user's own table may have types
 * that only PostgreSQL knows. Throws PermanentError `map.unknown_type` for what can be no type, and for `bytea`.
 */
export function parseColumnType(text: string): ColumnType {
  const found = form.exec(text.trim().toLowerCase().replaceAll(/\s+/gu, ' '));
  if (found === null) throw unknownType(text, 'is no column type');
  const name = (found[1] ?? '') + (found[3 + 1] ?? '');
  const size = found[2] === undefined ? undefined : Number(found[2]);
  const scale = found[3] === undefined ? undefined : Number(found[3]);
  const lists = found[5] ?? '';
  if (name === 'bytea') throw unknownType(text, 'cannot be mapped: JSON carries no bytes');
  if (lists.indexOf(']') !== lists.lastIndexOf(']')) throw unknownType(text, 'has more than one dimension; use jsonb');
  const kind = kinds.get(name) ?? 'other';
  return { kind, list: lists !== '', ...limits(text, kind, size, scale) };
}

function limits(text: string, kind: ColumnKind, size: number | undefined, scale: number | undefined): { size?: number; scale?: number } {
  if (kind === 'other' || timed.has(kind)) return {};
  if (kind === 'numeric' && size !== undefined) {
    if (size < 1 || size > 1000 || Math.abs(scale ?? 0) > 1000) throw unknownType(text, 'has more digits than PostgreSQL knows (1 to 1000)');
    return { size, scale: scale ?? 0 };
  }
  if (sized.has(kind)) {
    if (scale !== undefined || size === 0) throw unknownType(text, 'has no such length');
    if (size === undefined) return kind === 'char' ? { size: 1 } : {};
    return { size };
  }
  // `float(24)` and the like change the type; the plain names say the same without a trap.
  if (size !== undefined) throw unknownType(text, 'takes no length');
  return {};
}

function unknownType(text: string, fault: string): PermanentError {
  return new PermanentError('map.unknown_type', `the type "${text.slice(0, 100)}" ${fault}`, { suggestion: mappingCodes['map.unknown_type'].cure });
}
