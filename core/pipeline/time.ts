import { commonInstant, type JsonValue } from '../sdk/index.ts';

const basic = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?)\s*(Z|[+-]\d{2}(?::?\d{2})?)?)?$/i;

/**
 * The moment that a record's own modified time names; null when there is none or it can't be understood.
 * Takes ISO 8601 with or without a colon in the offset (Zoho sends `2026-06-09T09:45:44-0400`); without an offset UTC is meant.
 */
export function readModifiedTime(value: JsonValue | undefined): Date | null {
  if (typeof value === 'number' && Number.isFinite(value)) return dateOrNull(value);
  if (typeof value !== 'string') return null;
  const common = commonInstant(value);
  if (common !== undefined) return new Date(common);
  const parts = basic.exec(value.trim());
  if (!parts) return null;
  const time = parts[2] ?? '00:00:00';
  return dateOrNull(Date.parse(`${parts[1]}T${time}${readOffset(parts[3])}`));
}

function readOffset(offset: string | undefined): string {
  if (offset === undefined || offset === 'Z' || offset === 'z') return 'Z';
  if (offset.length === 3) return `${offset}:00`;
  return offset.includes(':') ? offset : `${offset.slice(0, 3)}:${offset.slice(3)}`;
}

function dateOrNull(milliseconds: number): Date | null {
  return Number.isNaN(milliseconds) || Math.abs(milliseconds) > 8.64e15 ? null : new Date(milliseconds);
}
