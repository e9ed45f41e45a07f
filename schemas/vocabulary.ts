/**
 * The dialect of JSON Schema in which every setting of TDS is declared, plugins' settings included.
 *
 * It is JSON Schema 7 with a few additions. They keep a schema the description of the *resolved* value, the one that
 * code reads, so that its TypeScript type comes from it, while people may write shorter forms:
 *
 * - `format: duration | size | share`: written as text with a unit (`60s`, `1MB`, `10%`), read as a number of
 *   milliseconds, bytes, or a fraction between 0 and 1. `format: reserve`: a share below 100%, or a plain number.
 * - `shorthand: 'name'` on an object: plain text `x` stands for `{ name: x }`.
 * - `shorthand: 'list'` on an array: a single value `x` stands for `[x]`.
 * - `opaque: true`: what lies below belongs to someone else's schema (a plugin's) and is passed on as it is.
 * - `secret: true` (or JSON Schema's own `writeOnly: true`): a secret; its value is never shown.
 * - `unit`: the unit of a plain number, for the reference page.
 */
export interface SettingSchema {
  readonly type?: 'object' | 'array' | 'string' | 'number' | 'integer' | 'boolean' | 'null' | readonly string[]
  readonly title?: string
  readonly description?: string
  readonly default?: unknown
  readonly examples?: readonly unknown[]
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly format?: string
  readonly properties?: Readonly<Record<string, SettingSchema>>
  readonly required?: readonly string[]
  readonly additionalProperties?: boolean | SettingSchema
  readonly patternProperties?: Readonly<Record<string, SettingSchema>>
  readonly propertyNames?: SettingSchema
  readonly items?: SettingSchema
  readonly shorthand?: string
  readonly opaque?: boolean
  readonly secret?: boolean
  readonly writeOnly?: boolean
  readonly unit?: string
  readonly [keyword: string]: unknown
}

/** How `FromSchema` reads the formats above: as the numbers they become. Give it to `FromSchema` with every schema. */
export type Resolved = {
  deserialize: [
    { pattern: { format: 'duration' }; output: number },
    { pattern: { format: 'size' }; output: number },
    { pattern: { format: 'share' }; output: number },
    { pattern: { format: 'reserve' }; output: number },
  ]
}

/** A value and all below it, read only: a loaded config is frozen. */
export type DeepReadonly<T> = T extends readonly (infer Item)[]
  ? readonly DeepReadonly<Item>[]
  : T extends object
    ? { readonly [Key in keyof T]: DeepReadonly<T[Key]> }
    : T
