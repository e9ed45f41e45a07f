import { isRawNumber } from './raw-number.ts';
import type { MappingCode } from './codes.ts';

/** Says why a value does not fit its column. No error: a bad value is an ordinary event, and all of a record are collected. */
export class Refusal {
  readonly code: MappingCode;
  readonly message: string;
  /** A text that can stand in for the value: then this is a warning and no refusal. */
  readonly use: string | undefined;

  constructor(code: MappingCode, message: string, use?: string) {
    this.code = code;
    this.message = message;
    this.use = use;
  }
}

const shown = 80;

/** A value for people, never long, whatever a record holds. */
export function shorten(value: unknown): string {
  if (typeof value === 'string') return value.length > shown ? `${value.slice(0, shown).toWellFormed()}… (${value.length} characters)` : value.toWellFormed();
  if (typeof value !== 'object' || value === null) return String(value);
  if (isRawNumber(value)) return shorten(value.rawJSON);
  if (Array.isArray(value)) return `a list of ${value.length}`;
  const names = Object.keys(value);
  return `an object {${names.slice(0, 5).map((name) => name.slice(0, 20).toWellFormed()).join(', ')}${names.length > 5 ? ', …' : ''}}`;
}
