import jsonata from 'jsonata'
import { validateDetailed } from 'node-cron'
import { parseDuration, parseReserve, parseShare, parseSize } from '../../schemas/units.ts'
import { columnTypeFault } from './column-type.ts'
import type { ConfigCode } from './codes.ts'
import { didYouMean } from './suggest.ts'

/** What a `format` of a schema asks of a text. `fault` gives what is wrong and a cure, or nothing; it never throws. */
export interface Format {
  readonly code: ConfigCode
  /** What a text of the wrong form is, in words that do not repeat the text: for values that must not be shown. */
  readonly wrong: string
  fault(text: string): FormatFault | undefined
  /** For formats that become a number: that number. */
  readonly parse?: (text: string) => number | undefined
}

export interface FormatFault {
  readonly message: string
  readonly suggestion?: string | undefined
}

/** Every format that a schema here or in a plugin may use, besides those of `ajv-formats`. */
export const formats: Readonly<Record<string, Format>> = {
  duration: unit('config.bad_duration', parseDuration, 'is no length of time', 'write a number and a unit, such as 500ms, 60s, 15m, 1h30m or 30d'),
  size: unit('config.bad_size', parseSize, 'is no size', 'write a number and a unit, such as 64kB or 1MB'),
  share: unit('config.bad_share', parseShare, 'is no share', 'write a percentage from 0% to 100%, such as 10%'),
  reserve: unit('config.bad_reserve', parseReserve, 'is no reserve', 'write a percentage below 100%, such as 15%, or a number of calls, such as 150'),
  id: { code: 'config.bad_id', wrong: 'is no id', fault: idFault },
  identifier: { code: 'config.bad_identifier', wrong: 'is no name for a column or table', fault: identifierFault },
  table: { code: 'config.bad_identifier', wrong: 'is no name for a table', fault: tableFault },
  'column-type': { code: 'config.bad_column_type', wrong: 'is no column type that TDS makes', fault: columnTypeFault },
  cron: { code: 'config.bad_cron', wrong: 'is no cron line', fault: cronFault },
  'time-zone': { code: 'config.bad_time_zone', wrong: 'is no time zone of the IANA list', fault: timeZoneFault },
  jsonata: { code: 'config.bad_expression', wrong: 'is no valid JSONata expression', fault: expressionFault },
  regex: { code: 'config.bad_pattern', wrong: 'is no valid regular expression', fault: patternFault },
}

function unit(code: ConfigCode, parse: (text: string) => number | undefined, message: string, suggestion: string): Format {
  return { code, wrong: message, parse, fault: (text) => (parse(text) === undefined ? { message, suggestion } : undefined) }
}

function idFault(text: string): FormatFault | undefined {
  if (text === 'all') return { message: 'is a reserved word', suggestion: 'choose another id' }
  if (/^[A-Za-z][A-Za-z0-9_-]{0,62}$/u.test(text)) return undefined
  return { message: 'is no id', suggestion: 'use letters, digits, "_" and "-", beginning with a letter, 63 at most' }
}

function identifierFault(text: string): FormatFault | undefined {
  if (text === '') return { message: 'is an empty name', suggestion: 'give it a name' }
  const bytes = Buffer.byteLength(text)
  if (bytes > 63) return { message: `is ${bytes} bytes long; PostgreSQL cuts names after 63`, suggestion: 'shorten it' }
  return /\p{Cc}/u.test(text) ? { message: 'has a control character in its name', suggestion: 'take it out' } : undefined
}

function tableFault(text: string): FormatFault | undefined {
  const parts = text.split('.')
  if (parts.length > 2) return { message: 'has more than one dot', suggestion: 'write table or schema.table' }
  return parts.map(identifierFault).find((fault) => fault !== undefined)
}

function cronFault(text: string): FormatFault | undefined {
  const suggestion = 'write five fields: minute, hour, day of the month, month, day of the week, such as "0 2 * * *"'
  if (text.length > 200) return { message: 'is too long for a cron line', suggestion }
  try {
    const { valid, errors } = validateDetailed(text)
    if (valid) return undefined
    const first = errors[0]
    if (first?.field === 'expression') return { message: `is no cron line: ${first.message.replace(/^expected 5 or 6 fields but got/u, 'it should have five fields, but has')}`, suggestion }
    return { message: `is no cron line: the ${words(first?.field ?? 'line')} can't be ${JSON.stringify(first?.value ?? '')}`, suggestion }
  } catch {
    return { message: 'is no cron line', suggestion }
  }
}

function words(field: string): string {
  return field.replaceAll(/[A-Z]/gu, (sign) => ` ${sign.toLowerCase()}`)
}

function timeZoneFault(text: string): FormatFault | undefined {
  const message = 'is no time zone of the IANA list'
  const suggestion = (): string => didYouMean(text, Intl.supportedValuesOf('timeZone')) ?? 'use a name such as Asia/Baghdad or UTC'
  // Intl also takes offsets such as +03:00, which know nothing of clock changes.
  if (!/^[A-Za-z]/u.test(text)) return { message, suggestion: suggestion() }
  try {
    Intl.DateTimeFormat('en', { timeZone: text })
    return undefined
  } catch {
    return { message, suggestion: suggestion() }
  }
}

function expressionFault(text: string): FormatFault | undefined {
  try {
    jsonata(text)
    return undefined
  } catch (error) {
    // JSONata throws plain objects for faults of the expression, and a RangeError when it is nested too deep.
    const { message, position } = error as { message?: string; position?: number }
    const where = typeof position === 'number' ? `, at character ${position}` : ''
    const reason = error instanceof RangeError ? 'it is nested too deep' : (message ?? 'it can\'t be read')
    return { message: `is no valid JSONata expression: ${reason}${where}`, suggestion: 'mend it; text stands in quotes, and = compares' }
  }
}

function patternFault(text: string): FormatFault | undefined {
  try {
    RegExp(text, 'u')
    return undefined
  } catch (error) {
    const reason = (error as Error).message.split(': ').at(-1) ?? ''
    return { message: `is no valid regular expression: ${reason.charAt(0).toLowerCase()}${reason.slice(1)}`, suggestion: 'mend it; in YAML, single quotes keep backslashes as they are' }
  }
}
