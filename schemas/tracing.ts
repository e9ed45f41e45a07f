import type { FromSchema } from 'json-schema-to-ts'
import type { DeepReadonly, Resolved } from './vocabulary.ts'

export const tracingSchema = {
  type: 'object',
  title: 'Tracing',
  description: 'Sends what a run spends its time on, as OpenTelemetry traces by OTLP over HTTP: run, page, map, apply, remote call. Off where no address is set.',
  default: {},
  additionalProperties: false,
  properties: {
    url: { type: 'string', pattern: '^(https?://[^\\s]+)?$', default: '', description: 'Where to send, with its path. Empty: nothing is traced.', examples: ['http://127.0.0.1:4318/v1/traces'] },
    headers: { type: 'object', default: {}, additionalProperties: { type: 'string', secret: true }, description: 'Headers of each push, such as the sign-in.', examples: [{ Authorization: 'Bearer ${OTLP_TOKEN}' }] },
    share: { type: 'string', format: 'share', default: '100%', description: 'The share of the runs that are traced.', examples: ['10%'] },
    timeout: { type: 'string', format: 'duration', default: '10s', description: 'How long one push may take.' },
  },
} as const

export type TracingConfig = DeepReadonly<FromSchema<typeof tracingSchema, Resolved>>
