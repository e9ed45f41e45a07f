/** JSON as text, or as the bytes in UTF-8 that it came in: most of it goes into the database as it is and is never made a string. */
export type JsonText = string | Buffer;

/** As a string. */
export function stringOf<T extends JsonText | null>(text: T): T extends null ? null : string;
export function stringOf(text: JsonText | null): string | null {
  return typeof text === 'string' || text === null ? text : text.toString('utf8');
}
