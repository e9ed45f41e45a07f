import { createContext, runInContext, type Context } from 'node:vm';

/** Texts up to this length are matched without a clock when the pattern is at worst quadratic. */
const shortText = 2000;
/** Longer texts are not matched at all. */
const longestText = 100_000;
const milliseconds = 100;

let context: Context | undefined;

/** A match took too long or was not tried. */
export class PatternLimitError extends Error {
  override readonly name = 'PatternLimitError';
}

/**
 * Whether a pattern may take exponential or cubic time: a repeated group with repetition or choice inside, a back
 * reference, or several repetitions in a row. It errs on the safe side; the price is only a clock around the match.
 */
export function mayExplode(source: string): boolean {
  const open: boolean[] = [false];
  let repeats = source.startsWith('^') ? 0 : 1;
  for (let index = 0; index < source.length; index += 1) {
    const char = source[index];
    if (char === '\\') {
      index += 1;
      if (/[1-9k]/u.test(source[index] ?? '')) return true;
    } else if (char === '[') {
      index = endOfClass(source, index);
    } else if (char === '(') {
      open.push(false);
    } else if (char === ')') {
      const inner = open.pop() ?? false;
      if (inner && /[*+{]/u.test(source[index + 1] ?? '')) return true;
      if (inner) open[open.length - 1] = true;
    } else if (char === '*' || char === '+' || char === '{') {
      repeats += 1;
      open[open.length - 1] = true;
    } else if (char === '|') {
      open[open.length - 1] = true;
    }
    if (repeats > 2) return true;
  }
  return false;
}

function endOfClass(source: string, start: number): number {
  let index = start + 1;
  while (index < source.length && source[index] !== ']') index += source[index] === '\\' ? 2 : 1;
  return index;
}

/** Runs a match, with a clock where the pattern or the text asks for one. Throws PatternLimitError. */
export function execWithin(pattern: RegExp, text: string, risky: boolean): RegExpExecArray | null {
  if (text.length > longestText) throw new PatternLimitError(`a text of ${text.length} characters is too long to be matched`);
  if (!risky && text.length <= shortText) return pattern.exec(text);
  context ??= createContext({ job: undefined });
  try {
    context['job'] = { pattern, text };
    return runInContext('job.pattern.exec(job.text)', context, { timeout: milliseconds }) as RegExpExecArray | null;
  } catch (cause) {
    throw new PatternLimitError(`matching took longer than ${milliseconds} ms`, { cause });
  } finally {
    context['job'] = undefined;
  }
}

/** A RegExp for JSONata, which calls `exec` alone, under the same limits. */
export class LimitedRegExp extends RegExp {
  readonly #inner: RegExp;
  readonly #risky: boolean;

  constructor(pattern: RegExp | string, flags?: string) {
    super(pattern, flags);
    this.#inner = new RegExp(pattern, flags);
    this.#risky = mayExplode(this.#inner.source);
  }

  override exec(text: string): RegExpExecArray | null {
    this.#inner.lastIndex = this.lastIndex;
    const found = execWithin(this.#inner, text, this.#risky);
    this.lastIndex = this.#inner.lastIndex;
    return found;
  }
}
