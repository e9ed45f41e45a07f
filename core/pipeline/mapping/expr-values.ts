/** Says that a value left the part of JSONata that is compiled. Thrown as a signal, made once: it is part of the way, not a fault. */
export const leaveSignal: Error = new Error('the value is for JSONata itself');

/** Leaves the compiled part. */
export function leave(): never {
  throw leaveSignal;
}

/** A number for arithmetic: missing stays missing, all else is JSONata's own affair (it throws). */
export function number(value: unknown): number | undefined {
  if (value === undefined) return undefined;
  return typeof value === 'number' && Number.isFinite(value) ? value : leave();
}

/** A text for a function: missing stays missing. */
export function text(value: unknown): string | undefined {
  if (value === undefined) return undefined;
  return typeof value === 'string' ? value : leave();
}

/** JSONata's truth of a single value. */
export function truth(value: unknown): boolean {
  switch (typeof value) {
    case 'boolean': return value;
    case 'string': return value !== '';
    case 'number': return Number.isFinite(value) ? value !== 0 : leave();
    case 'undefined': return false;
    default: return value === null ? false : leave();
  }
}

/** JSONata's `$string` of a single value that is there. */
export function asText(value: unknown): string {
  switch (typeof value) {
    case 'string': return value;
    case 'boolean': return value ? 'true' : 'false';
    case 'number': return numberAsText(value);
    default: return value === null ? 'null' : leave();
  }
}

/** What `&` takes a value for: a missing one is no text at all. */
export function concatenated(value: unknown): string {
  return value === undefined ? '' : asText(value);
}

// JSONata shows 15 digits, so that 0.1 + 0.2 reads 0.3.
function numberAsText(value: number): string {
  if (!Number.isFinite(value)) return leave();
  return String(Number.isInteger(value) ? value : Number(value.toPrecision(15)));
}
