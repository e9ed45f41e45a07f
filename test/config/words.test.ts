/** The small parts that the rest stands on: units, suggestions, column types. */
import t from 'tap'
import { columnTypes, didYouMean, renderFinding, renderPath, suggest } from '../../core/config/index.ts'
import { formats } from '../../core/config/formats.ts'
import { parseDuration, parseShare, parseSize } from '../../schemas/index.ts'

void t.test('durations are whole milliseconds', async (t) => {
  const good: Readonly<Record<string, number>> = { '0s': 0, '500ms': 500, '60s': 60_000, '1.5h': 5_400_000, '1h30m': 5_400_000, '30d': 2_592_000_000, '2w': 1_209_600_000 }
  for (const [text, value] of Object.entries(good)) t.equal(parseDuration(text), value, text)
  for (const text of ['', '5', 's', '-5s', '5 s', '5S', '1y', '5s ', '1e3s', '٥s', '9999999999s', `${'9'.repeat(9)}w`.repeat(100)]) t.equal(parseDuration(text), undefined, JSON.stringify(text))
})

void t.test('sizes are whole bytes', async (t) => {
  const good: Readonly<Record<string, number>> = { '0B': 0, '64kB': 64_000, '1 MB': 1_000_000, '1.5MB': 1_500_000, '1KiB': 1024, '2GiB': 2_147_483_648 }
  for (const [text, value] of Object.entries(good)) t.equal(parseSize(text), value, text)
  for (const text of ['', '5', 'MB', '5mb', '-1MB', '1MB 2kB', '1TB']) t.equal(parseSize(text), undefined, JSON.stringify(text))
})

void t.test('shares are fractions from 0 to 1', async (t) => {
  const good: Readonly<Record<string, number>> = { '0%': 0, '0.1%': 0.001, '10%': 0.1, '33.333%': 0.333_33, '100 %': 1, '100.0%': 1 }
  for (const [text, value] of Object.entries(good)) t.equal(parseShare(text), value, text)
  for (const text of ['', '10', '101%', '100.1%', '-1%', '%']) t.equal(parseShare(text), undefined, JSON.stringify(text))
})

void t.test('a near word is suggested, a far one is not', async (t) => {
  t.equal(suggest('pirce', ['name', 'price']), 'price', 'two letters swapped')
  t.equal(suggest('organisation_id', ['organizationId', 'apiUrl']), 'organizationId', 'another style of writing')
  t.equal(suggest('invoice', ['invoices', 'bills']), 'invoices', 'one for many')
  t.equal(suggest('x', ['name', 'price']), undefined)
  t.equal(suggest('a'.repeat(100_000), ['a']), undefined, 'and no time is lost on long ones')
  t.equal(didYouMean('zzz', ['one']), 'there is only one')
  t.equal(didYouMean('zzz', ['one', 'two']), 'known are one, two')
  t.equal(didYouMean('zzz', []), undefined)
})

void t.test('a path is written as people write it', async (t) => {
  t.equal(renderPath(['entities', 'products', 'checks', 0, 'field']), 'entities.products.checks[0].field')
  t.equal(renderPath(['with', 'a.b', 'x y', 'اسم']), 'with["a.b"]["x y"].اسم')
})

void t.test('a finding is one line', async (t) => {
  const found = { code: 'config.unknown_field', severity: 'error', file: 'tds.config.yaml', line: 7, column: 17, path: 'connections.books.with.organisationId', message: 'is not a known setting', suggestion: 'did you mean "organizationId"?' } as const
  t.equal(renderFinding(found), 'tds.config.yaml:7:17 connections.books.with.organisationId is not a known setting; did you mean "organizationId"? (config.unknown_field)')
  t.match(renderFinding({ ...found, severity: 'warning' }), /:7:17 warning: connections/u)
})

void t.test('every column type of the list is taken, and as an array', async (t) => {
  for (const type of [...columnTypes, 'varchar(20)', 'char(3)', 'numeric(15)', 'numeric(15,4)', 'numeric(15, 4)[]']) {
    t.equal(formats['column-type']?.fault(type), undefined, type)
    t.equal(formats['column-type']?.fault(type.endsWith('[]') ? type : `${type}[]`), undefined, `${type}[]`)
  }
})

void t.test('names of types from elsewhere lead to PostgreSQL\'s', async (t) => {
  const pairs: Readonly<Record<string, string>> = { int: 'integer', string: 'text', datetime: 'timestamptz', decimal: 'numeric', 'decimal(10,2)': 'numeric', bool: 'boolean', 'timestamp with time zone': 'timestamptz' }
  for (const [name, type] of Object.entries(pairs)) t.equal(formats['column-type']?.fault(name)?.suggestion, `did you mean "${type}"?`, name)
})

void t.test('no format throws, whatever the text', async (t) => {
  for (const [name, format] of Object.entries(formats)) {
    for (const text of ['', ' ', '\u0000', '('.repeat(10_000), '['.repeat(10_000), '٣', '__proto__', '${', '*/0 * * * *', '* '.repeat(1000)]) t.doesNotThrow(() => format.fault(text), name)
  }
})
