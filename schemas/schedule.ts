import type { FromSchema } from 'json-schema-to-ts'
import type { DeepReadonly, Resolved } from './vocabulary.ts'

const excludeSchema = {
  type: 'object',
  title: 'Exclusions',
  description: 'Planned times that are left out, in the schedule\'s time zone. A time that any of these names is not run.',
  default: {},
  additionalProperties: false,
  properties: {
    days: { type: 'array', shorthand: 'list', default: [], uniqueItems: true, maxItems: 7, items: { type: 'string', enum: ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] }, description: 'Days of the week.', examples: [['fri', 'sat']] },
    hours: { type: 'array', shorthand: 'list', default: [], uniqueItems: true, maxItems: 24, items: { type: 'string', pattern: '^([01]\\d|2[0-3]):[0-5]\\d-([01]\\d:[0-5]\\d|2[0-3]:[0-5]\\d|24:00)$', examples: ['22:00-06:00'] }, description: 'Spans of the day, the end not included. One that ends before it begins goes over midnight.', examples: [['08:00-09:30', '22:00-06:00']] },
    dates: { type: 'array', shorthand: 'list', default: [], uniqueItems: true, maxItems: 500, items: { type: 'string', pattern: '^(\\d{4}-)?(0[1-9]|1[0-2])-(0[1-9]|[12]\\d|3[01])$', examples: ['2026-12-25', '12-25'] }, description: 'Dates, as `2026-12-25`, or of each year, as `12-25`.', examples: [['12-25', '2026-04-03']] },
  },
} as const

/** The rules of healing, by which `rules` names them. */
export const healingRuleIds = ['stuck-jobs', 'orphaned-runs', 'dead-letters', 'breakers', 'tokens', 'missed-schedules', 'maintenance'] as const

export const scheduleSchema = {
  type: 'object',
  title: 'Schedule',
  description: 'Work that starts by itself. Exactly one of `cron` and `every`.',
  required: ['run'],
  additionalProperties: false,
  properties: {
    description: { type: 'string', maxLength: 2000, description: 'A note for people.' },
    enabled: { type: 'boolean', default: true, description: '`false` keeps the schedule in the file but does not run it.' },
    cron: { type: 'string', format: 'cron', description: 'Five fields: minute, hour, day of the month, month, day of the week. All five must fit: `0 8 1 * mon` is the first of the month where that is a Monday. The times of a wall clock: one that does not exist, as the clocks go forward, runs at the next one that does; one that comes twice, as they go back, runs once.', examples: ['0 2 * * *', '*/15 * * * *'] },
    every: { type: 'string', format: 'duration', description: 'A steady pace, whatever the clocks of the zone do. It is counted from 1970-01-01T00:00Z, so that `15m` falls on the full quarters of an hour.', examples: ['15m', '1h'] },
    timezone: { type: 'string', format: 'time-zone', description: 'The zone in which `cron`, `exclude` and `until` are meant. Left out: the file\'s `timezone`.', examples: ['Asia/Baghdad'] },
    until: { type: 'string', pattern: '^\\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\\d|3[01])(T([01]\\d|2[0-3]):[0-5]\\d)?$', description: 'The end: nothing is planned from this moment on. A date, or a date with a time.', examples: ['2027-01-01', '2026-12-31T18:00'] },
    run: { type: 'string', enum: ['sync', 'compare', 'heal', 'report', 'maintain'], description: 'What to do. `sync`: bring entities up to date. `heal`: let the rules of healing look now. `report`: the summary of the time since the last one, see `tds report`. `maintain`: remove what is older than `policies.retention`. `compare`: not in this version yet; such a time is noted as skipped, with that reason.' },
    entities: { type: 'array', shorthand: 'list', default: ['all'], minItems: 1, uniqueItems: true, items: { type: 'string', minLength: 1 }, description: 'The entities that it is about, or `all`. In the loaded config this is always the list of ids.', examples: ['all', ['stock', 'products']] },
    mode: { type: 'string', enum: ['full', 'incremental'], description: 'For `sync`: read all, or what changed. Left out: `incremental`.' },
    rules: { type: 'array', shorthand: 'list', default: [], uniqueItems: true, maxItems: 20, items: { type: 'string', enum: healingRuleIds }, description: 'For `heal`: the rules that look. Left out: all.', examples: ['stuck-jobs'] },
    notifiers: { type: 'array', shorthand: 'list', uniqueItems: true, maxItems: 100, items: { type: 'string', minLength: 1 }, description: 'For `report`: who gets it; an empty list is nobody. Left out: every notifier whose `severity` fits, where a report is `info`, and `warning` when there is something to look at.', examples: [['mail']] },
    priority: { type: 'string', enum: ['high', 'normal', 'low'], default: 'normal', description: 'Which work goes first where there is more than can be done at once. `high` runs before what people ask for, `low` after all else.' },
    jitter: { type: 'string', format: 'duration', default: '0s', description: 'Each start is put off by a part of this, another one each time, so that not all begins at the full hour.', examples: ['2m'] },
    overlap: { type: 'string', enum: ['skip', 'queue', 'cancel'], default: 'skip', description: 'What happens to a time that comes while the one before is still at work. `skip`: it is left out. `queue`: it waits. `cancel`: the one before is cancelled.' },
    missed: { type: 'string', enum: ['last', 'all', 'none'], default: 'last', description: 'What is made up of the times that passed while no node was at work (or the database was away).' },
    missedWithin: { type: 'string', format: 'duration', default: '24h', description: 'Missed times that are older than this are not made up.' },
    pauseOnFailure: { type: 'integer', minimum: 0, maximum: 1000, default: 0, unit: 'failures', description: 'After so many failures in a row the schedule is paused, until `tds schedules resume`. 0: never.' },
    exclude: excludeSchema,
  },
} as const

/** One entry of `schedules`, resolved: durations in ms, `entities` the list of entity ids. */
export type ScheduleConfig = DeepReadonly<FromSchema<typeof scheduleSchema, Resolved>>
