/** Putting names and texts into SQL where a parameter can't go. Values belong into parameters. */
import { StoreError } from './errors.ts';

/** PostgreSQL cuts longer names off silently, so that two of them could become one. */
const longestIdentifier = 63;

/** `name` as a quoted SQL identifier, whatever it holds. @throws StoreError `store.identifier`: empty, NUL, over 63 bytes */
export function quoteIdentifier(name: string): string {
  const problem =
    name === '' ? 'is empty'
    : name.includes('\0') ? 'holds a NUL character'
    : !name.isWellFormed() ? 'holds half a character (a lone surrogate)'
    : Buffer.byteLength(name) > longestIdentifier ? `has ${Buffer.byteLength(name)} bytes; PostgreSQL takes ${longestIdentifier}`
    : undefined;
  if (problem !== undefined) throw new StoreError('store.identifier', `The name ${JSON.stringify(name.slice(0, 80))} ${problem}.`, 'Choose another name.');
  return `"${name.replaceAll('"', '""')}"`;
}

/** `schema.name`, both quoted; the name alone where the schema is undefined. */
export function quoteQualified(schema: string | undefined, name: string): string {
  return schema === undefined ? quoteIdentifier(name) : `${quoteIdentifier(schema)}.${quoteIdentifier(name)}`;
}

/** `text` as an SQL string literal, safe under either setting of `standard_conforming_strings`. @throws StoreError `store.literal`: NUL */
export function quoteLiteral(text: string): string {
  if (text.includes('\0')) throw new StoreError('store.literal', 'A text holds a NUL character, which PostgreSQL cannot store.', 'Remove it.');
  if (!text.isWellFormed()) throw new StoreError('store.literal', 'A text holds half a character (a lone surrogate).', 'Remove it.');
  const quoted = `'${text.replaceAll("'", "''").replaceAll('\\', '\\\\')}'`;
  return text.includes('\\') ? ` E${quoted}` : quoted;
}
