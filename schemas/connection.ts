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
    reserve: { type: ['string', 'integer'], format: 'reserve', minimum: 0, maximum: 999_999_999, unit: 'calls', description: 'Calls of the day that are kept for webhooks, persons and repairs: a share of `perDay`, or a number; 10% where neither you nor the plugin says. When only these are left, full and incremental reads, details and comparisons wait for the next day, and go on by themselves.', examples: ['15%', 150] },
    paths: {
      type: 'array',
      shorthand: 'list',
      maxItems: 100,
      description: 'Stricter limits of some paths, beside those of all calls.',
      examples: [[{ path: '/invoices/{id}', perMinute: 30 }]],
      items: {
        type: 'object',
        required: ['path'],
        additionalProperties: false,
        properties: {
          path: { type: 'string', minLength: 1, maxLength: 500, description: 'The end of the address\'s path; `{…}` stands for any one part of it.', examples: ['/invoices/{id}'] },
          perMinute: { type: 'integer', minimum: 1, maximum: 1_000_000, unit: 'calls', description: 'Calls there in any one minute.', examples: [30] },
          concurrent: { type: 'integer', minimum: 1, maximum: 1000, unit: 'calls', description: 'Calls there at the same time.', examples: [2] },
        },
      },
    },
  },
} as const

export const cacheSchema = {
  type: 'object',
  title: 'Cache',
  description: 'Records that were asked for one by one, or in bulk by their keys, are kept for a while, so that the next who wants the same details makes no call. A sync never reads a list from here, and no record that is known to have changed since.',
  default: {},
  additionalProperties: false,
  properties: {
    enabled: { type: 'boolean', default: true, description: '`false`: each detail is a call.' },
    maxSize: { type: 'string', format: 'size', default: '32MB', description: 'Memory that one process takes for it; what was not used for longest goes first. With `REDIS_URL` it is kept in Redis, for all nodes.' },
    times: { type: 'object', description: 'How long the records of a stream are kept, by the name of the stream. What is left out is taken from the plugin; `0s`: not at all.', additionalProperties: { type: 'string', format: 'duration' }, examples: [{ items: '5m', contacts: '10m' }] },
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

/** The secrets by which messages are known to come from the service. */
const webhookSecrets = {
  secret: { type: 'string', maxLength: 500, secret: true, description: 'The secret that the service signs its messages with. Empty or left out: no messages are taken.', examples: ['${ZOHO_WEBHOOK_SECRET:-}'] },
  previousSecret: { type: 'string', maxLength: 500, secret: true, description: 'The secret before, good too while you change it at the service.' },
} as const

export const webhooksSchema = {
  type: 'object',
  title: 'Webhooks',
  description: 'How messages of the service about its changes are known to be genuine. They arrive at `/webhooks/<connection>/<entity>/<changed|deleted>`; `tds webhooks urls` tells how to set them up.',
  additionalProperties: false,
  properties: {
    ...webhookSecrets,
    maxBody: { type: 'string', format: 'size', default: '1MB', description: 'The largest message that is read; a larger one is refused (413).' },
  },
} as const

export const entityWebhookSchema = {
  type: 'object',
  title: 'Webhook',
  description: 'What is done with the service\'s messages about records of this entity. They are taken where the connection, or this, has a secret.',
  default: {},
  additionalProperties: false,
  properties: {
    enabled: { type: 'boolean', default: true, description: '`false`: this entity takes no messages.' },
    ...webhookSecrets,
    apply: { type: 'string', enum: ['auto', 'payload', 'refetch'], default: 'auto', description: '`payload`: the record inside the message is taken; `refetch`: each record is asked for again; `auto`: the message where it is whole and certainly the newest, else the source.' },
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
    cache: cacheSchema,
    webhooks: webhooksSchema,
    maxBody: { type: 'string', format: 'size', default: '50MB', description: 'The largest answer that is read; a larger one ends the call.' },
  },
} as const

/** One entry of `connections`, resolved: durations in ms, sizes in bytes. `limits` is absent when the file names none. */
export type ConnectionConfig = DeepReadonly<FromSchema<typeof connectionSchema, Resolved>>
export type EntityWebhookConfig = DeepReadonly<FromSchema<typeof entityWebhookSchema, Resolved>>
export type LimitsConfig = DeepReadonly<FromSchema<typeof limitsSchema, Resolved>>
export type CacheConfig = DeepReadonly<FromSchema<typeof cacheSchema, Resolved>>
export type RetryConfig = DeepReadonly<FromSchema<typeof retrySchema, Resolved>>
export type BreakerConfig = DeepReadonly<FromSchema<typeof breakerSchema, Resolved>>
export type TimeoutConfig = DeepReadonly<FromSchema<typeof timeoutSchema, Resolved>>
