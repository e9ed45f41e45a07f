/** Keeps secrets out of whatever is written (promise 8): by the names of fields and by the values themselves. */

export const mask = '[secret]';
/** Shorter texts would turn up in ordinary words. */
const shortest = 6;
/** A token of the API, wherever it turns up: nobody has to have told of it. Its prefix is no secret. */
const apiToken = /(tds_[0-9a-f]{12}_)[\w-]{43}/g;
const deepest = 12;
const mostItems = 200;
const secretName = /(?:^|_|-)(?:password|passphrase|passwd|pwd|secret|secrets|token|authorization|cookie|api_?key|private_?key|credentials?|signature)$/;
/** Names that look like secrets and are none. */
const harmless = new Set(['has_token', 'token_type', 'tokens']);

export class Redactor {
  #secrets = new Set<string>();
  #pattern: RegExp | undefined;

  constructor(secrets: Iterable<string> = []) {
    for (const secret of secrets) this.add(secret);
  }

  /** Masks this value from now on, also where it is part of a text, and as it stands in URLs, JSON and base64 (as in `Basic`). Texts under 6 characters are left out. */
  add(secret: string): void {
    if (this.#secrets.has(secret)) return;
    for (const form of formsOf(secret)) {
      if (form.length >= shortest && !this.#secrets.has(form)) {
        this.#secrets.add(form);
        this.#pattern = undefined;
      }
    }
  }

  /** The text with each secret masked. */
  text(text: string): string {
    return this.#known(text.includes('tds_') ? text.replace(apiToken, `$1${mask}`) : text);
  }

  #known(text: string): string {
    if (this.#secrets.size === 0 || text.length < shortest) return text;
    // Longer ones first, so that nothing of a secret that holds another is left.
    this.#pattern ??= new RegExp([...this.#secrets].sort((a, b) => b.length - a.length).map((each) => escapePattern(each)).join('|'), 'g');
    return text.replace(this.#pattern, mask);
  }

  /** A copy fit for JSON with secrets masked at any depth; errors become objects. `name` is the field that holds the value. */
  value(value: unknown, name = ''): unknown {
    return this.#copy(value, name, 0, new Set());
  }

  #copy(value: unknown, name: string, depth: number, above: Set<object>): unknown {
    if (value === undefined || value === null || typeof value === 'boolean' || typeof value === 'number') return isSecretName(name) && typeof value === 'number' ? mask : value;
    if (isSecretName(name)) return mask;
    if (typeof value === 'string') return this.text(value);
    if (typeof value === 'bigint') return value.toString();
    if (typeof value !== 'object') return `[${typeof value}]`;
    if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
    if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
    if (above.has(value)) return '[circular]';
    if (depth >= deepest) return '[too deep]';
    above.add(value);
    try {
      return this.#copyObject(value, depth, above);
    } finally {
      above.delete(value);
    }
  }

  #copyObject(value: object, depth: number, above: Set<object>): unknown {
    const inner = (each: unknown, name: string): unknown => this.#copy(each, name, depth + 1, above);
    if (value instanceof Error) return errorFacts(value, inner);
    if (Array.isArray(value)) {
      const items = value.slice(0, mostItems).map((item) => inner(item, ''));
      return value.length > mostItems ? [...items, `[${value.length - mostItems} more]`] : items;
    }
    if (value instanceof URL) return this.text(value.href);
    const entries: [string, unknown][] = value instanceof Map ? [...value].map(([name, each]) => [String(name), each]) : value instanceof Set ? [...value].map((each, index) => [String(index), each]) : Object.entries(value);
    // fromEntries makes `__proto__` a name like any other.
    return Object.fromEntries(entries.slice(0, mostItems).map(([name, each]) => [this.text(name), inner(each, name)]));
  }
}

/** A secret as it may stand in a text. */
function formsOf(secret: string): string[] {
  const encoded = encodeURIComponent(secret.toWellFormed());
  const strict = encoded.replaceAll(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
  const inBase64 = [0, 1, 2].map((before) => base64Within(secret, before));
  return [secret, encoded, strict, strict.replaceAll('%20', '+'), JSON.stringify(secret).slice(1, -1), Buffer.from(secret).toString('base64'), ...inBase64, ...inBase64.map((text) => text.replaceAll('+', '-').replaceAll('/', '_'))];
}

/** What is sure of a secret's base64 when so many bytes (modulo 3) stand before it: a name and a colon, say. Empty where that is too little to go by. */
function base64Within(secret: string, before: number): string {
  const bytes = Buffer.concat([Buffer.alloc(before), Buffer.from(secret)]);
  const sure = bytes.toString('base64').slice(before === 0 ? 0 : before + 1, Math.floor((bytes.length * 8) / 6));
  return sure.length < 2 * shortest ? '' : sure;
}

/** Whether a field of this name holds a secret: `refreshToken`, `client_secret`, `Authorization`, `password` … */
export function isSecretName(name: string): boolean {
  if (name === '') return false;
  const snake = name.replaceAll(/([a-z0-9])([A-Z])/g, '$1_$2').toLowerCase();
  return secretName.test(snake) && !harmless.has(snake);
}

/** What the log keeps of an error: class, code, message, facts, stack, and the errors that led to it. */
function errorFacts(error: Error, inner: (value: unknown, name: string) => unknown): Record<string, unknown> {
  const facts: Record<string, unknown> = { name: error.name, message: inner(error.message, '') };
  for (const name of ['code', 'suggestion', 'details', 'resumesAt', 'retryAfterMs', 'position', 'constraint', 'table', 'column'] as const) {
    const value = (error as unknown as Record<string, unknown>)[name];
    if (value !== undefined && !(name === 'details' && Object.keys(value as object).length === 0)) facts[name] = inner(value, '');
  }
  if (typeof error.stack === 'string') facts['stack'] = inner(error.stack.split('\n').slice(1, 9).map((line) => line.trim()).join('\n'), '');
  if (error.cause !== undefined) facts['cause'] = inner(error.cause, '');
  if (error instanceof AggregateError) facts['errors'] = inner(error.errors, '');
  return facts;
}

function escapePattern(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, String.raw`\$&`);
}
