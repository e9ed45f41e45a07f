import type { FromSchema } from 'json-schema-to-ts'
import type { DeepReadonly, Resolved } from './vocabulary.ts'

/** How much a connection may ask of the other side. No defaults here: what is left out is what the plugin declares. */
export const limitsSchema = {
  type: 'object',
  title: 'Limits',
  description: 'How much this connection may ask of the other side. What is left out is taken from the plugin, which knows its service.',
  additionalProperties: false,
  properties: {
    perMinute: { type: 'integer', minimum: 1, maximum: 1_000_000, unit: 'calls', description: 'Calls in any one minute.', examples: [100] },
    perDay: { type: 'integer', minimum: 1, maximum: 1_000_000_000, unit: 'calls', description: 'Calls in one day of the service. Zoho counts the day in the organization\'s time zone.', examples: [10_000] },
    concurrent: { type: 'integer', minimum: 1, maximum: 1000, unit: 'calls', description: 'Calls at the same time.', examples: [10] },
  },
} as const

export const retrySchema = {
  type: 'object',
  title: 'Retry',
  description: 'What happens after a call that failed for a passing reason: the network, a timeout, an answer of 500, or a rate limit.',
  default: {},
  additionalProperties: false,
  properties: {
    attempts: { type: 'integer', minimum: 1, maximum: 20, default: 3, unit: 'calls', description: 'Calls in all, the first one included. `1` means no retry.' },
    backoff: { type: 'string', enum: ['exponential', 'linear', 'fixed'], default: 'exponential', description: 'How the pause grows: doubled each time, by the same step each time, or not at all.' },
    first: { type: 'string', format: 'duration', default: '4s', description: 'The pause before the first retry.' },
    max: { type: 'string', format: 'duration', default: '60s', description: 'No pause is longer than this, unless the service itself asks for it (`Retry-After`).' },
    jitter: { type: 'string', enum: ['full', 'none'], default: 'full', description: '`full` takes a random pause between nothing and the computed one, so that many callers do not come back at the same moment.' },
  },
} as const

export const breakerSchema = {
  type: 'object',
  title: 'Breaker',
  description: 'When the other side is down, calls stop for a while instead of failing one by one.',
  default: {},
  additionalProperties: false,
  properties: {
    failures: { type: 'integer', minimum: 1, maximum: 1000, default: 5, unit: 'failures', description: 'Failures in a row that open the breaker.' },
    coolDown: { type: 'string', format: 'duration', default: '60s', description: 'How long it stays open before one call may try.' },
  },
} as const

export const timeoutSchema = {
  type: 'object',
  title: 'Timeouts',
  description: 'How long one call may take, part by part.',
  default: {},
  additionalProperties: false,
  properties: {
    connect: { type: 'string', format: 'duration', default: '10s', description: 'Until the connection stands, TLS included.' },
    headers: { type: 'string', format: 'duration', default: '30s', description: 'From the request sent to the first line of the answer.' },
    body: { type: 'string', format: 'duration', default: '60s', description: 'From the headers to the end of the body.' },
    total: { type: 'string', format: 'duration', default: '120s', description: 'For one attempt as a whole.' },
  },
} as const

export const connectionSchema = {
  type: 'object',
  title: 'Connection',
  description: 'A configured use of a plugin: an account of a service, or a database.',
  required: ['plugin'],
  additionalProperties: false,
  properties: {
    plugin: { type: 'string', minLength: 1, maxLength: 100, description: 'The id of the plugin that speaks this system\'s language. `tds check` lists the plugins that were found.', examples: ['zoho-books', 'postgres'] },
    description: { type: 'string', maxLength: 2000, description: 'A note for people.' },
    with: { type: 'object', opaque: true, default: {}, additionalProperties: true, description: 'The plugin\'s own settings; the plugin\'s page says which there are.', examples: [{ organizationId: '${ZOHO_ORGANIZATION_ID}' }] },
    limits: limitsSchema,
    retry: retrySchema,
    breaker: breakerSchema,
    timeout: timeoutSchema,
    maxBody: { type: 'string', format: 'size', default: '50MB', description: 'The largest answer that is read; a larger one ends the call.' },
  },
} as const

/** One entry of `connections`, resolved: durations in ms, sizes in bytes. `limits` is absent when the file names none. */
export type ConnectionConfig = DeepReadonly<FromSchema<typeof connectionSchema, Resolved>>
export type LimitsConfig = DeepReadonly<FromSchema<typeof limitsSchema, Resolved>>
export type RetryConfig = DeepReadonly<FromSchema<typeof retrySchema, Resolved>>
export type BreakerConfig = DeepReadonly<FromSchema<typeof breakerSchema, Resolved>>
export type TimeoutConfig = DeepReadonly<FromSchema<typeof timeoutSchema, Resolved>>
