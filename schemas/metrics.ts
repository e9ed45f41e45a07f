import type { FromSchema } from 'json-schema-to-ts'
import type { DeepReadonly, Resolved } from './vocabulary.ts'

export const metricsSchema = {
  type: 'object',
  title: 'Metrics',
  description: 'What Prometheus scrapes from `/metrics` of the API, and what is pushed.',
  default: {},
  additionalProperties: false,
  properties: {
    enabled: { type: 'boolean', default: true, description: '`false`: nothing is measured; alert rules about metrics are silent too.' },
    remoteWrite: {
      type: 'object',
      title: 'Remote write',
      description: 'Pushes the same metrics to a receiver of Prometheus\' remote write, for machines that nobody can scrape.',
      default: {},
      additionalProperties: false,
      properties: {
        url: { type: 'string', default: '', description: 'Where to push. Empty: nowhere.', examples: ['https://prometheus.example.com/api/v1/write'] },
        every: { type: 'string', format: 'duration', default: '15s', description: 'How often.' },
        timeout: { type: 'string', format: 'duration', default: '10s', description: 'How long one push may take.' },
        headers: { type: 'object', default: {}, additionalProperties: { type: 'string', secret: true }, description: 'Headers of each push, such as the sign-in.', examples: [{ Authorization: 'Bearer ${REMOTE_WRITE_TOKEN}' }] },
        labels: { type: 'object', default: {}, additionalProperties: { type: 'string' }, description: 'Labels that are added to every series.', examples: [{ instance: 'erp-1' }] },
        buffer: { type: 'integer', minimum: 1, maximum: 10_000_000, default: 100_000, unit: 'samples', description: 'What is kept while the receiver is away; then the oldest go.' },
      },
    },
  },
} as const

export type MetricsConfig = DeepReadonly<FromSchema<typeof metricsSchema, Resolved>>
