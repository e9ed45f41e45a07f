import type { FromSchema } from 'json-schema-to-ts'
import type { DeepReadonly, Resolved } from './vocabulary.ts'

export const scheduleSchema = {
  type: 'object',
  title: 'Schedule',
  description: 'Work that starts by itself. Exactly one of `cron` and `every`.',
  required: ['run'],
  additionalProperties: false,
  properties: {
    description: { type: 'string', maxLength: 2000, description: 'A note for people.' },
    enabled: { type: 'boolean', default: true, description: '`false` keeps the schedule in the file but does not run it.' },
    cron: { type: 'string', format: 'cron', description: 'Five fields: minute, hour, day of the month, month, day of the week.', examples: ['0 2 * * *', '*/15 * * * *'] },
    every: { type: 'string', format: 'duration', description: 'A fixed pause between two starts.', examples: ['15m', '1h'] },
    timezone: { type: 'string', format: 'time-zone', description: 'The zone in which `cron` is meant. Left out: the file\'s `timezone`.', examples: ['Asia/Baghdad'] },
    run: { type: 'string', enum: ['sync', 'compare', 'heal', 'report', 'maintain'], description: 'What to do.' },
    entities: { type: 'array', shorthand: 'list', default: ['all'], minItems: 1, uniqueItems: true, items: { type: 'string', minLength: 1 }, description: 'The entities that it is about, or `all`. In the loaded config this is always the list of ids.', examples: ['all', ['stock', 'products']] },
    mode: { type: 'string', enum: ['full', 'incremental'], description: 'For `sync`: read all, or what changed. Left out: `incremental`.' },
  },
} as const

/** One entry of `schedules`, resolved: `every` in ms, `entities` the list of entity ids. */
export type ScheduleConfig = DeepReadonly<FromSchema<typeof scheduleSchema, Resolved>>
