/** `node sandbox/zoho/main.ts`: a Zoho sandbox of its own. Prints one line of JSON when it listens. */

import { parseArgs } from 'node:util'
import type { SandboxOptions, Scale } from './options.ts'
import { startZohoSandbox } from './server.ts'

const help = `Usage: node sandbox/zoho/main.ts [options]
Every option can be given as an environment variable too: --days-of-orders is TDS_SANDBOX_DAYS_OF_ORDERS.

  --port N             0 (the default) takes any free port
  --seed N             another shop of the same size
  --scale WORD         shop (default), small, none
  --items N            number of items; a million is fine
  --days-of-orders N   days of trade, at thirty orders a day
  --record-bytes N     about how many bytes an item has in a list
  --zone NAME          the organization's time zone (Asia/Baghdad)
  --latency MS         wait before each answer
  --activity MS        one realistic change each so many milliseconds
  --gzip               compress answers for callers that accept it
  --no-limits          no limit of calls or tokens
  --exit-with-parent   exit when standard input closes
`

const { values } = parseArgs({
  options: {
    port: { type: 'string' }, seed: { type: 'string' }, scale: { type: 'string' }, items: { type: 'string' }, 'days-of-orders': { type: 'string' },
    'record-bytes': { type: 'string' }, zone: { type: 'string' }, latency: { type: 'string' }, activity: { type: 'string' },
    gzip: { type: 'boolean' }, 'no-limits': { type: 'boolean' }, 'exit-with-parent': { type: 'boolean' }, help: { type: 'boolean' },
  },
})

function text(name: keyof typeof values): string | undefined {
  const given = values[name]
  return typeof given === 'string' ? given : process.env[`TDS_SANDBOX_${name.toUpperCase().replaceAll('-', '_')}`]
}

function flag(name: keyof typeof values): boolean {
  return values[name] === true || ['1', 'true', 'yes'].includes(text(name) ?? '')
}

function number(name: keyof typeof values): number | undefined {
  const given = text(name)
  if (given === undefined || given === '') return undefined
  const value = Number(given)
  if (!Number.isFinite(value) || value < 0) throw new Error(`--${name} must be a number, 0 or more; it is "${given}".`)
  return value
}

function options(): SandboxOptions {
  const given = {
    port: number('port'), seed: number('seed'), items: number('items'), daysOfOrders: number('days-of-orders'), recordBytes: number('record-bytes'),
    latency: number('latency'), activity: number('activity'), zone: text('zone'), scale: text('scale') as Scale | undefined,
  }
  const set = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as SandboxOptions
  return { ...set, gzip: flag('gzip'), ...(flag('no-limits') ? { limits: false } : {}) }
}

if (values.help) {
  process.stdout.write(help)
} else {
  const sandbox = await startZohoSandbox(options())
  const { url, accountsUrl, apiUrl, credentials } = sandbox
  process.stdout.write(`${JSON.stringify({ url, accountsUrl, apiUrl, ...credentials })}\n`)
  let stopping = false
  const stop = (): void => {
    if (stopping) return
    stopping = true
    void sandbox.close().then(() => process.exit(0))
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
  if (flag('exit-with-parent')) {
    process.stdin.on('end', stop).on('close', stop)
    process.stdin.resume()
  }
}
