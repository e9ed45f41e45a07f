/** A number that a double cannot hold, as `JSON.rawJSON` made it. */
export interface RawNumber { readonly rawJSON: string }

const raw = JSON as unknown as { isRawJSON(value: unknown): boolean };

/** Whether an object of a record stands for a number that a double cannot hold. */
export function isRawNumber(value: object): value is RawNumber {
  return raw.isRawJSON(value);
}
