/** A JSON value. A number that a double cannot hold arrives as `JSON.rawJSON(digits)`, so that no digit is lost. */
export type JsonValue = string | number | boolean | null | JsonValue[] | JsonObject;
/** A JSON object. */
export interface JsonObject { [name: string]: JsonValue }

/** Whether a value is a plain JSON object: not null, not an array, not a raw number. */
export function isRecord(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !isRawNumber(value);
}

function isRawNumber(value: object): boolean {
  return (JSON as unknown as { isRawJSON(value: unknown): boolean }).isRawJSON(value);
}

/**
 * The value at a dotted path (`contact.address.city`, `lines.0.rate`), or undefined where any step is missing.
 * Own properties only: `__proto__` and `constructor` are names like any other.
 */
export function readPath(record: JsonObject, path: string): JsonValue | undefined {
  // most paths are one step, and this runs for every record
  if (!path.includes('.')) return path in Object.prototype && !Object.hasOwn(record, path) ? undefined : record[path];
  let value: JsonValue | undefined = record;
  for (const step of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined;
    value = (value as JsonObject)[step];
  }
  return value;
}

/**
 * Joins the parts of a record's key into the one text by which TDS knows the record: parts are separated by `/`, with
 * `~` and `/` inside a part written `~0` and `~1` (as in JSON Pointer, RFC 6901).
 */
export function joinKey(parts: readonly string[]): string {
  if (parts.length === 1) return parts[0] as string;
  return parts.map((part) => part.replaceAll('~', '~0').replaceAll('/', '~1')).join('/');
}

/** The parts of a key made by {@link joinKey}; `count` is the number of parts that the stream's key has. */
export function splitKey(key: string, count: number): string[] {
  if (count === 1) return [key];
  return key.split('/').map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
}
