import { coerceBoolean, floatCoercer, integerCoercer, numericCoercer, type Coercer } from './coerce-number.ts';
import { coerceDate, coerceTime, coerceTimestamp, coerceTimestamptz } from './coerce-moment.ts';
import { coerceJson, coerceJsonb, coerceText, coerceUuid, listCoercer, sizedTextCoercer } from './coerce-text.ts';
import type { ColumnType } from './column-type.ts';

export type { Coercer } from './coerce-number.ts';

const smallint = integerCoercer(-32_768n, 32_767n, 'smallint');
const integer = integerCoercer(-2_147_483_648n, 2_147_483_647n, 'integer');
const bigint = integerCoercer(-9_223_372_036_854_775_808n, 9_223_372_036_854_775_807n, 'bigint');

/** Whether `""` is a value of the type, and not the absence of one. */
export function keepsEmpty(type: ColumnType): boolean {
  return !type.list && (type.kind === 'text' || type.kind === 'varchar' || type.kind === 'char');
}

/** The function that makes cells of a type. What it returns is accepted by PostgreSQL for that type, but for `other`, which PostgreSQL judges. */
export function compileCoercer(type: ColumnType): Coercer {
  return type.list ? listCoercer(single(type), !keepsEmpty({ ...type, list: false })) : single(type);
}

function single(type: ColumnType): Coercer {
  switch (type.kind) {
    case 'smallint': return smallint;
    case 'integer': return integer;
    case 'bigint': return bigint;
    case 'numeric': return numericCoercer(type);
    case 'real': return floatCoercer(true);
    case 'double': return floatCoercer(false);
    case 'boolean': return coerceBoolean;
    case 'date': return coerceDate;
    case 'time': return coerceTime;
    case 'timestamp': return coerceTimestamp;
    case 'timestamptz': return coerceTimestamptz;
    case 'uuid': return coerceUuid;
    case 'json': return coerceJson;
    case 'jsonb': return coerceJsonb;
    case 'varchar':
    case 'char': return type.size === undefined ? coerceText : sizedTextCoercer(type.size);
    default: return coerceText;
  }
}
