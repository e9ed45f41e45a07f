import { PermanentError } from '../../sdk/index.ts';
import { mappingCodes } from './codes.ts';
import { isRawNumber } from './raw-number.ts';

/** Reads one value out of a record or an element of a list; undefined where any step is missing. */
export type PathReader = (source: unknown) => unknown;

/** Names that an object may answer to without being given them: inherited ones, and the digits of a raw number. */
function isTreacherous(name: string): boolean {
  return name in Object.prototype || name === 'rawJSON';
}

function isPlainObject(source: unknown): source is Record<string, unknown> {
  return typeof source === 'object' && source !== null && !isRawNumber(source);
}

/** Reads an own property. `__proto__` and `constructor` are names like any other. */
export function propertyReader(name: string): PathReader {
  if (isTreacherous(name)) return (source) => (isPlainObject(source) && Object.hasOwn(source, name) ? source[name] : undefined);
  return (source) => (typeof source === 'object' && source !== null ? (source as Record<string, unknown>)[name] : undefined);
}

/** A step that is a number is the place in a list, or a property of that name. Nothing else is read from a list. */
function stepReader(name: string): PathReader {
  const property = propertyReader(name);
  const index = /^(?:0|[1-9]\d{0,8})$/u.test(name) ? Number(name) : -1;
  return (source) => {
    if (Array.isArray(source)) return index >= 0 ? (source as unknown[])[index] : undefined;
    return property(source);
  };
}

/** Makes a dotted path (`contact.address.city`, `lines.0.rate`) ready. The source of the first step is a record, so a lone name needs no look at lists. */
export function compilePath(path: string): PathReader {
  const steps = path.split('.');
  if (steps.includes('')) throw new PermanentError('map.bad_path', `the path "${path.slice(0, 100)}" has an empty step`, { suggestion: mappingCodes['map.bad_path'].cure });
  const first = stepReader(steps[0] as string);
  if (steps.length === 1) return propertyOrElement(steps[0] as string);
  const rest = steps.slice(1).map(stepReader);
  if (rest.length === 1) {
    const second = rest[0] as PathReader;
    return (source) => second(first(source));
  }
  return (source) => {
    let value = first(source);
    for (const step of rest) {
      if (value === undefined) return undefined;
      value = step(value);
    }
    return value;
  };
}

// `length` is an own property of a list, and the only such name.
function propertyOrElement(name: string): PathReader {
  return name === 'length' ? stepReader(name) : propertyReader(name);
}
