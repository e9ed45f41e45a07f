import { suggest } from './suggest.ts'

/** The column types that TDS makes and knows how to fill. `varchar`, `char` and `numeric` may carry their sizes; each may be an array (`text[]`). */
export const columnTypes = [
  'text', 'varchar', 'char', 'smallint', 'integer', 'bigint', 'numeric', 'real', 'double precision', 'boolean',
  'date', 'time', 'timestamp', 'timestamptz', 'uuid', 'json', 'jsonb', 'bytea',
] as const

/** Names that people bring along from elsewhere. */
const otherNames: Readonly<Record<string, string>> = {
  string: 'text', str: 'text', clob: 'text', 'character varying': 'varchar', character: 'char', int: 'integer', int2: 'smallint', int4: 'integer',
  int8: 'bigint', long: 'bigint', serial: 'integer', bigserial: 'bigint', decimal: 'numeric', number: 'numeric', money: 'numeric(15,4)', float: 'double precision',
  float4: 'real', float8: 'double precision', double: 'double precision', bool: 'boolean', datetime: 'timestamptz', datetime2: 'timestamptz',
  'timestamp with time zone': 'timestamptz', 'timestamp without time zone': 'timestamp', guid: 'uuid', object: 'jsonb', blob: 'bytea', binary: 'bytea',
}

/** What is wrong with a column type, or nothing. */
export function columnTypeFault(text: string): { message: string; suggestion?: string } | undefined {
  const [, name = '', first, second] = /^([a-z][a-z0-9 ]*?)(?:\((\d{1,9})(?:, ?(\d{1,9}))?\))?(?:\[\])?$/u.exec(text.trim().toLowerCase()) ?? []
  if (text !== text.trim().toLowerCase() && isType(name)) return { message: 'must be written in small letters', suggestion: `write ${JSON.stringify(text.trim().toLowerCase())}` }
  if (!isType(name)) {
    const plain = (name || text.toLowerCase()).replace(/\(.*$/u, '').trim()
    const meant = otherNames[plain] ?? suggest(plain, columnTypes)
    return { message: 'is no column type that TDS makes', suggestion: meant ? `did you mean ${JSON.stringify(meant)}?` : `use one of ${columnTypes.join(', ')}, or one of them with [] for an array` }
  }
  return sizeFault(name, first === undefined ? undefined : Number(first), second === undefined ? undefined : Number(second))
}

function isType(name: string): boolean {
  return (columnTypes as readonly string[]).includes(name)
}

function sizeFault(name: string, first: number | undefined, second: number | undefined): { message: string; suggestion?: string } | undefined {
  if (first === undefined) return undefined
  if (name === 'numeric') {
    if (first < 1 || first > 1000) return { message: 'must have 1 to 1000 digits', suggestion: 'write for example "numeric(15,4)"' }
    return (second ?? 0) > first ? { message: 'has more digits after the point than in all', suggestion: 'write for example "numeric(15,4)": 15 in all, 4 of them after the point' } : undefined
  }
  if (name !== 'varchar' && name !== 'char') return { message: 'takes no size', suggestion: `write ${JSON.stringify(name)}` }
  if (second !== undefined || first < 1 || first > 10_485_760) return { message: 'must have one size, from 1 to 10485760', suggestion: `write for example "${name}(100)"` }
  return undefined
}
