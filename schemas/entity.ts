import type { FromSchema } from 'json-schema-to-ts'
import { entityWebhookSchema } from './connection.ts'
import type { DeepReadonly, Resolved } from './vocabulary.ts'

/** One column. Exactly one of `from`, `expr` and `value` is given, or the column's own name is the path: see the loader's checks. */
export const fieldSchema = {
  type: 'object',
  title: 'Field',
  description: 'Where a column\'s value comes from. Plain text is a path in the record; the long form says more. Exactly one of `from`, `expr` and `value`.',
  shorthand: 'from',
  additionalProperties: false,
  properties: {
    from: { type: 'string', minLength: 1, maxLength: 500, description: 'The path of the value in the record, with dots between the steps.', examples: ['rate', 'billing_address.city'] },
    expr: { type: 'string', minLength: 1, maxLength: 10_000, format: 'jsonata', description: 'A JSONata expression over the record, where a path is not enough.', examples: ["status = 'active'"] },
    value: { description: 'The same value for every row.', examples: ['zoho'] },
    type: { type: 'string', maxLength: 100, format: 'column-type', description: 'The column\'s PostgreSQL type. Left out: what the stream declares for the path, else `text`.', examples: ['numeric(15,4)', 'timestamptz', 'text[]'] },
    default: { description: 'The value where the record has none.', examples: [0] },
    required: { type: 'boolean', default: false, description: 'A record without a value here is refused and goes to the dead letters.' },
    empty: { type: 'string', enum: ['null', 'keep'], description: 'What empty text `""` becomes: no value, or what it is. Left out: `null` for every type but text, `keep` for text.' },
    description: { type: 'string', maxLength: 2000, description: 'A note for people; the table\'s column gets it as its comment.' },
  },
} as const

export const fieldsSchema = {
  type: 'object',
  title: 'Fields',
  description: 'The columns of the table, each by its name.',
  minProperties: 1,
  maxProperties: 1000,
  propertyNames: { format: 'identifier' },
  additionalProperties: fieldSchema,
} as const

const keySchema = {
  type: 'array',
  shorthand: 'list',
  minItems: 1,
  maxItems: 16,
  uniqueItems: true,
  items: { type: 'string', minLength: 1, format: 'identifier' },
} as const

export const childSchema = {
  type: 'object',
  title: 'Child table',
  description: 'A list inside each record that lands in a table of its own, such as the lines of an invoice. The key columns of the parent are added to it.',
  required: ['from', 'table', 'key', 'fields'],
  additionalProperties: false,
  properties: {
    from: { type: 'string', minLength: 1, maxLength: 500, description: 'The path of the list in the record.', examples: ['line_items'] },
    table: { type: 'string', format: 'table', description: 'The table, as `table` or `schema.table`, in the parent\'s connection.', examples: ['invoice_lines'] },
    key: { ...keySchema, description: 'The column or columns that tell the lines of one parent apart. `position` numbers them, where they carry nothing of the kind.', examples: ['line_item_id', 'position'] },
    fields: fieldsSchema,
    manage: { type: 'boolean', default: true, description: 'Make and extend the table. `false`: the table is yours, and the mapping is checked against it.' },
  },
} as const

/** What a rule may ask. Exactly one of these per check. */
export const checkRules = ['required', 'min', 'max', 'minLength', 'maxLength', 'pattern', 'oneOf', 'expr'] as const

export const checkSchema = {
  type: 'object',
  title: 'Check',
  description: 'A rule that a mapped row must keep. One rule per check; a column may have several checks.',
  additionalProperties: false,
  properties: {
    field: { type: 'string', minLength: 1, description: 'The column that the rule is about. Only `expr` may do without.', examples: ['price'] },
    required: { type: 'boolean', const: true, description: 'There must be a value.' },
    min: { type: 'number', description: 'The smallest allowed number.', examples: [0] },
    max: { type: 'number', description: 'The largest allowed number.' },
    minLength: { type: 'integer', minimum: 0, unit: 'characters', description: 'The shortest allowed text.' },
    maxLength: { type: 'integer', minimum: 0, unit: 'characters', description: 'The longest allowed text.' },
    pattern: { type: 'string', maxLength: 1000, format: 'regex', description: 'A regular expression that the text must match.', examples: ['^[A-Z]{3}$'] },
    oneOf: { type: 'array', minItems: 1, maxItems: 1000, items: {}, description: 'The allowed values.', examples: [['draft', 'sent', 'paid']] },
    expr: { type: 'string', minLength: 1, maxLength: 10_000, format: 'jsonata', description: 'A JSONata expression over the mapped row that must be true.', examples: ['total >= balance'] },
    message: { type: 'string', maxLength: 500, description: 'What to tell the person who looks at a row that failed.' },
    onFail: { type: 'string', enum: ['quarantine', 'drop', 'warn'], default: 'quarantine', description: '`quarantine` sets the record aside with the reason; `drop` leaves it out and counts it; `warn` writes it and counts it.' },
  },
} as const

export const deletesSchema = {
  type: 'object',
  title: 'Deletions',
  description: 'What happens to a row whose record is gone at the source. Only a complete read, or the source\'s own word, may tell.',
  default: {},
  additionalProperties: false,
  properties: {
    mode: { type: 'string', enum: ['mark', 'remove', 'keep'], default: 'mark', description: '`mark` writes the time into a column; `remove` deletes the row; `keep` leaves it as it is.' },
    column: { type: 'string', format: 'identifier', default: 'deleted_at', description: 'The column for `mark`.' },
    maxShare: { type: 'string', format: 'share', default: '10%', description: 'When a read would take away more than this share of the rows, none is taken and a person is asked.' },
    alwaysAllow: { type: 'integer', minimum: 0, maximum: 1_000_000, default: 5, unit: 'rows', description: 'So many rows may go whatever the share, so that small tables are not held up.' },
  },
} as const

export const entitySchema = {
  type: 'object',
  title: 'Entity',
  description: 'The mapping of one stream to one table.',
  required: ['from', 'to', 'key', 'fields'],
  additionalProperties: false,
  properties: {
    description: { type: 'string', maxLength: 2000, description: 'A note for people.' },
    enabled: { type: 'boolean', default: true, description: '`false` leaves the entity out of every sync; its table stays.' },
    from: {
      type: 'object',
      title: 'Source',
      description: 'What is read.',
      required: ['connection', 'stream'],
      additionalProperties: false,
      properties: {
        connection: { type: 'string', minLength: 1, description: 'A connection of this file.', examples: ['inventory'] },
        stream: { type: 'string', minLength: 1, maxLength: 100, description: 'A stream of the connection\'s plugin.', examples: ['items'] },
        with: { type: 'object', opaque: true, default: {}, additionalProperties: true, description: 'The stream\'s own settings; the plugin\'s page says which there are.' },
      },
    },
    to: {
      type: 'object',
      title: 'Destination',
      description: 'Where the rows go.',
      required: ['connection', 'table'],
      additionalProperties: false,
      properties: {
        connection: { type: 'string', minLength: 1, description: 'A connection of this file.', examples: ['erp'] },
        table: { type: 'string', format: 'table', description: 'The table, as `table` or `schema.table`. Without a schema it is the connection\'s.', examples: ['products', 'sales.invoices'] },
        manage: { type: 'boolean', default: true, description: 'Make and extend the table. `false`: the table is yours, and the mapping is checked against it.' },
      },
    },
    key: { ...keySchema, description: 'The column or columns that tell the records apart: those that hold what the stream tells its records apart by.', examples: ['item_id', ['item_id', 'location_id']] },
    modified: { type: 'string', minLength: 1, maxLength: 500, description: 'The path of the record\'s own modified time, by which newer wins over older. Left out: what the stream declares.', examples: ['last_modified_time'] },
    fields: fieldsSchema,
    children: { type: 'object', title: 'Children', description: 'Lists inside the record, each by a name, that land in tables of their own.', default: {}, propertyNames: { format: 'id' }, additionalProperties: childSchema },
    checks: { type: 'array', title: 'Checks', description: 'Rules that every row must keep.', default: [], maxItems: 1000, items: checkSchema },
    details: { type: 'string', enum: ['auto', 'always', 'never'], default: 'auto', description: 'Whether records are read one by one after the list. `auto`: when a field, an expression or a child needs what only the detail has.' },
    deletes: deletesSchema,
    webhook: entityWebhookSchema,
    batchSize: { type: 'integer', minimum: 1, maximum: 10_000, default: 3000, unit: 'rows', description: 'Rows written by one statement.' },
  },
} as const

/** One entry of `entities`, resolved: `key` is always a list, every field is in its long form, `maxShare` is a fraction. */
export type EntityConfig = DeepReadonly<FromSchema<typeof entitySchema, Resolved>>
export type FieldConfig = DeepReadonly<FromSchema<typeof fieldSchema, Resolved>>
export type ChildConfig = DeepReadonly<FromSchema<typeof childSchema, Resolved>>
export type CheckConfig = DeepReadonly<FromSchema<typeof checkSchema, Resolved>>
export type DeletesConfig = DeepReadonly<FromSchema<typeof deletesSchema, Resolved>>
