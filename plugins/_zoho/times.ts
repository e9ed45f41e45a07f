/** Zoho's timestamps: `2026-06-09T09:45:44-0400`, in the organization's zone, to the second, no colon in the offset. */

import { commonInstant } from 'tds/sdk';

const stamp = /^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}:\d{2})(?:\.\d+)?\s*(Z|[+-]\d{2}:?\d{2})$/;

/** The instant of a timestamp in milliseconds, or undefined where it is none (`''`, a date alone, no text). */
export function instantOf(value: unknown): number | undefined {
  if (typeof value !== 'string') return undefined;
  return commonInstant(value) ?? readInstant(value);
}

function readInstant(value: string): number | undefined {
  const found = stamp.exec(value);
  if (!found) return undefined;
  const [, day, time, offset] = found as unknown as [string, string, string, string];
  const zone = offset === 'Z' || offset.includes(':') ? offset : `${offset.slice(0, 3)}:${offset.slice(3)}`;
  const instant = Date.parse(`${day}T${time}${zone}`);
  return Number.isNaN(instant) ? undefined : instant;
}

/** The offset as the timestamp writes it, without a colon; `+0000` where there is none. */
export function offsetOf(value: unknown): string {
  const offset = typeof value === 'string' ? stamp.exec(value)?.[3] : undefined;
  return offset === undefined || offset === 'Z' ? '+0000' : offset.replace(':', '');
}

/** An instant as Zoho writes it, in a zone given by its offset. Parts of a second are cut off. */
export function stampOf(instant: number, offset = '+0000'): string {
  const minutes = (offset.startsWith('-') ? -1 : 1) * (Number(offset.slice(1, 3)) * 60 + Number(offset.slice(3, 5)));
  return new Date(instant + minutes * 60_000).toISOString().slice(0, 19) + offset;
}
