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
        parts: { type: 'integer', minimum: 1, maximum: 16, unit: 'parts', description: 'Into how many parts a full read of a large entity is divided, which nodes then read side by side, where the service has lists that can be. 1: never. Default: as many as nodes work, 8 at most.' },
        readAhead: { type: 'integer', minimum: 0, maximum: 64, default: 12, unit: 'pages', description: 'Pages that a sync reads ahead of the one being written. More needs more memory.' },
      },
    },
    webhooks: {
      type: 'object',
      title: 'Webhooks',
      description: 'How messages of services are taken.',
      default: {},
      additionalProperties: false,
      properties: {
        concurrency: { type: 'integer', minimum: 1, maximum: 16, default: 4, unit: 'entities', description: 'Entities whose messages are applied side by side in one process, beside the syncs.' },
        maxWaiting: { type: 'integer', minimum: 10, maximum: 100_000, default: 5000, unit: 'messages', description: 'Messages that one process holds in memory until they are saved; those beyond are answered 503, to be sent again. While it takes longer than 150 ms until one is saved, fewer are held.' },
        maxMemory: { type: 'string', format: 'size', default: '32MB', description: 'The same by size.' },
        lossAlert: { type: 'string', format: 'share', default: '2%', description: 'When more than this share of the changes of an entity came without a message, its polling is made denser until it is well again.' },
      },
    },
    retention: {
      type: 'object',
      title: 'Retention',
      description: 'How long TDS keeps its own records. The tables of your entities are never trimmed.',
      default: {},
      additionalProperties: false,
      properties: {
        runs: { type: 'string', format: 'duration', default: '30d', description: 'The list of runs with their counts, the ticks of schedules, and reports.' },
        webhooks: { type: 'string', format: 'duration', default: '14d', description: 'Messages of services as they arrived, with what became of them. Whole days are dropped.' },
        rawHistory: { type: 'string', format: 'duration', default: '90d', description: 'Earlier versions of raw records. The current version is kept as long as the record lives.' },
        audit: { type: 'string', format: 'duration', default: '400d', description: 'Who did what: `tds audit`. Whole months are dropped.' },
        quota: { type: 'string', format: 'duration', default: '90d', description: 'The ledger of remote calls, by day, entity and purpose.' },
        resolvedDeadLetters: { type: 'string', format: 'duration', default: '365d', description: 'Dead letters that were resolved: by a retry, or by a newer version of the record. Each removal is told by `tds healing`. Open and discarded ones are never removed.' },
      },
    },
    watchdog: {
      type: 'object',
      title: 'Watchdog',
      description: 'A process whose event loop hangs (an expression or a plugin that never comes back) is killed, and `tds start` starts it again. Its jobs count the loss: what hangs goes aside after some tries.',
      default: {},
      additionalProperties: false,
      properties: {
        enabled: { type: 'boolean', default: true, description: 'Whether a process that hangs is ended.' },
        after: { type: 'string', format: 'duration', default: '15s', description: 'For how long the event loop may stand still. The time in which the whole process was paused (SIGSTOP, a machine that slept) does not count. After 4 seconds other nodes take its jobs in any case.' },
      },
    },
    healing: {
      type: 'object',
      title: 'Healing',
      description: 'What TDS mends by itself. Each act is kept, with what was seen and what came of it: `tds healing`. What can not be mended is told to a person, and left alone until `tds healing reset`.',
      default: {},
      additionalProperties: false,
      properties: {
        enabled: { type: 'boolean', default: true, description: '`false`: nothing is done by itself; `tds healing run` still does it when asked.' },
        every: { type: 'string', format: 'duration', default: '10s', description: 'How often the rules may look. One node does it for all.' },
        cap: { type: 'integer', minimum: 1, maximum: 1000, default: 5, unit: 'acts', description: 'Acts on one thing within 24 hours; then a person is told. Stuck jobs, orphaned runs and dead letters have caps of their own.' },
        stuckJobs: {
          type: 'object',
          title: 'Stuck jobs',
          description: 'Jobs that a living node works on without getting on. They are taken back and run again once, then given up. Jobs of dead nodes are freed within seconds, whatever stands here.',
          default: {},
          additionalProperties: false,
          properties: {
            enabled: { type: 'boolean', default: true, description: 'Whether the rule is at work.' },
            after: { type: 'string', format: 'duration', default: '5m', description: 'Without progress for so long a job is stuck. Longer than the longest call of your connections takes.' },
          },
        },
        orphanedRuns: {
          type: 'object',
          title: 'Orphaned runs',
          description: 'Runs without a job behind them. They are given another job, three times at most, or closed.',
          default: {},
          additionalProperties: false,
          properties: {
            enabled: { type: 'boolean', default: true, description: 'Whether the rule is at work.' },
            after: { type: 'string', format: 'duration', default: '1m', description: 'How long a run may stand without a job.' },
          },
        },
        deadLetters: {
          type: 'object',
          title: 'Dead letters',
          description: 'They are tried again by themselves, and at once after a change of the mapping or a plugin: a few first, the rest when most of these pass. No call to the source is made.',
          default: {},
          additionalProperties: false,
          properties: {
            enabled: { type: 'boolean', default: true, description: 'Whether the rule is at work.' },
            for: { type: 'string', format: 'duration', default: '24h', description: 'How long a fault is tried again; then a person is told.' },
            firstPause: { type: 'string', format: 'duration', default: '1m', description: 'The first pause. Each one after it is four times as long: 1, 4, 16 minutes, about 1, 4 and 17 hours.' },
            canary: { type: 'integer', minimum: 1, maximum: 10_000, default: 5, unit: 'letters', description: 'How many are tried first.' },
            cap: { type: 'integer', minimum: 1, maximum: 1000, default: 10, unit: 'retries', description: 'Retries of one fault within 24 hours, canaries included; then a person is told. A changed mapping begins anew.' },
          },
        },
        breakers: {
          type: 'object',
          title: 'Breakers',
          description: 'An open breaker is probed with one call when its rest is over.',
          default: {},
          additionalProperties: false,
          properties: { enabled: { type: 'boolean', default: true, description: 'Whether the rule is at work.' } },
        },
        tokens: {
          type: 'object',
          title: 'Access tokens',
          description: 'Tokens of connections in use are renewed before they end, and a person is told when the other side refuses.',
          default: {},
          additionalProperties: false,
          properties: {
            enabled: { type: 'boolean', default: true, description: 'Whether the rule is at work.' },
            before: { type: 'string', format: 'duration', default: '5m', description: 'How long before its end a token is renewed.' },
          },
        },
        missedSchedules: {
          type: 'object',
          title: 'Missed schedules',
          description: 'Planned times that no node has ticked although nodes are at work. What was missed while none was is made up by the schedules themselves, and stands among the acts of this rule.',
          default: {},
          additionalProperties: false,
          properties: {
            enabled: { type: 'boolean', default: true, description: 'Whether the rule is at work.' },
            after: { type: 'string', format: 'duration', default: '2m', description: 'How late a planned time may be.' },
          },
        },
        maintenance: {
          type: 'object',
          title: 'Maintenance',
          description: 'Removes what is older than `policies.retention` says, and makes the partitions of the days to come.',
          default: {},
          additionalProperties: false,
          properties: {
            enabled: { type: 'boolean', default: true, description: 'Whether the rule is at work.' },
            every: { type: 'string', format: 'duration', default: '1h', description: 'How often.' },
          },
        },
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
