import type { FromSchema } from 'json-schema-to-ts'
import type { DeepReadonly, Resolved } from './vocabulary.ts'

export const policiesSchema = {
  type: 'object',
  title: 'Policies',
  description: 'How TDS as a whole behaves.',
  default: {},
  additionalProperties: false,
  properties: {
    sync: {
      type: 'object',
      title: 'Syncs',
      description: 'How much is done at once.',
      default: {},
      additionalProperties: false,
      properties: {
        concurrency: { type: 'integer', minimum: 1, maximum: 64, default: 4, unit: 'syncs', description: 'Entities that sync side by side in one process. Each connection\'s own limits hold besides.' },
        readAhead: { type: 'integer', minimum: 0, maximum: 64, default: 4, unit: 'pages', description: 'Pages that a sync reads ahead of the one being written. More needs more memory.' },
      },
    },
    retention: {
      type: 'object',
      title: 'Retention',
      description: 'How long TDS keeps its own records. The tables of your entities are never trimmed.',
      default: {},
      additionalProperties: false,
      properties: {
        runs: { type: 'string', format: 'duration', default: '30d', description: 'The list of runs with their counts.' },
        rawHistory: { type: 'string', format: 'duration', default: '90d', description: 'Earlier versions of raw records. The current version is kept as long as the record lives.' },
      },
    },
    log: {
      type: 'object',
      title: 'Log',
      description: 'What is written to the log.',
      default: {},
      additionalProperties: false,
      properties: {
        level: { type: 'string', enum: ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'], default: 'info', description: 'The least important line that is still written.' },
      },
    },
  },
} as const

export type PoliciesConfig = DeepReadonly<FromSchema<typeof policiesSchema, Resolved>>
