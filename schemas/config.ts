import type { FromSchema } from 'json-schema-to-ts'
import { alertsSchema, notifierSchema } from './alerts.ts'
import { connectionSchema } from './connection.ts'
import { entitySchema } from './entity.ts'
import { metricsSchema } from './metrics.ts'
import { policiesSchema } from './policies.ts'
import { scheduleSchema } from './schedule.ts'
import { tracingSchema } from './tracing.ts'
import type { DeepReadonly, Resolved } from './vocabulary.ts'

/** All that `tds.config.yaml` may say. Validation, types, editor help and the reference page come from here. */
export const configSchema = {
  type: 'object',
  title: 'TDS config',
  description: 'What TDS reads, where it writes, and when. Top-level keys that begin with `x-` are ignored: a place for YAML anchors.',
  additionalProperties: false,
  patternProperties: { '^x-': { opaque: true, description: 'Ignored.' } },
  properties: {
    include: { type: 'array', shorthand: 'list', default: [], maxItems: 100, items: { type: 'string', minLength: 1, maxLength: 500 }, description: 'More files of this kind, relative to the file that names them; `*` stands for any name.', examples: [['./entities/*.yaml']] },
    plugins: { type: 'array', shorthand: 'list', default: [], maxItems: 100, items: { type: 'string', minLength: 1, maxLength: 500 }, description: 'More folders with plugins, relative to the file that names them. The project\'s `plugins/` is always searched. In the loaded config these are absolute.', examples: [['./my-plugins']] },
    timezone: { type: 'string', format: 'time-zone', default: 'UTC', description: 'The IANA time zone of schedules that name none.', examples: ['Asia/Baghdad'] },
    database: {
      type: 'object',
      title: 'Database',
      description: 'TDS\'s own PostgreSQL: its queue, runs, positions and raw records.',
      default: {},
      additionalProperties: false,
      properties: {
        url: { type: 'string', default: '', secret: true, description: 'A PostgreSQL connection string. Empty: a PostgreSQL of its own is started.', examples: ['${TDS_DATABASE_URL:-}'] },
        schema: { type: 'string', format: 'identifier', default: 'tds', description: 'The schema for TDS\'s own tables.' },
        poolSize: { type: 'integer', minimum: 2, maximum: 200, default: 10, unit: 'connections', description: 'The most database connections that one process opens for its work.' },
      },
    },
    api: {
      type: 'object',
      title: 'API',
      description: 'Where the API listens.',
      default: {},
      additionalProperties: false,
      properties: {
        adminToken: { type: 'string', pattern: '^([A-Za-z0-9_-]{32,200})?$', default: '', secret: true, description: 'A token that may do all, made known to TDS at its start: for a first start where nobody can make one, as in a container. 32 to 200 letters, digits, - and _, drawn by chance, such as by `openssl rand -hex 32`, and best kept in a file: `${file:/run/secrets/tds_admin_token}`. Another one in its place revokes the one before. Empty: none.' },
        host: { type: 'string', minLength: 1, maxLength: 255, default: '127.0.0.1', description: 'The address to listen on. `0.0.0.0` listens on all.' },
        publicUrl: { type: 'string', pattern: '^(https?://[^\\s?#]+)?$', default: '', description: 'The address under which others reach this API, such as a proxy\'s. Empty: where it listens. `tds webhooks urls` begins with it.', examples: ['https://hooks.example.com'] },
        proxies: { type: 'array', shorthand: 'list', default: [], maxItems: 50, items: { type: 'string', pattern: '^[0-9a-fA-F.:]{2,45}(/\\d{1,3})?$' }, description: 'Addresses and networks of load balancers and proxies before this API. Who asks is then taken from their `X-Forwarded-For`, for the audit and for slowing down those who try bad tokens; without it all who come by a proxy are one address. With any, TDS does not start without a token that is good (`tds token create`).', examples: [['127.0.0.1'], ['10.89.0.0/16']] },
        origins: {
          type: 'array', uniqueItems: true, maxItems: 100, default: [], items: { type: 'string', pattern: '^https?://[A-Za-z0-9.\\-\\[\\]:]+$' },
          description: 'Origins of other web pages that may ask the API from a browser (CORS). They need a token: neither a session nor the open API of this machine is theirs.', examples: [['https://intranet.example.com']],
        },
        port: { type: 'integer', minimum: 0, maximum: 65_535, default: 8080, description: 'The port. `0` takes any free one.' },
      },
    },
    node: {
      type: 'object',
      title: 'Node',
      description: 'What this process does where several work on one database.',
      default: {},
      additionalProperties: false,
      properties: {
        roles: { type: 'string', pattern: '^(all|(api|worker|scheduler)( *, *(api|worker|scheduler)){0,2})$', default: 'all', description: '`all`, or some of `api` (answers people and programs, takes messages of services), `worker` (does syncs and applies messages) and `scheduler` (ticks schedules, heals), with commas. Every node serves `/healthz`, `/readyz` and `/metrics`; at least one of each role must live somewhere. `tds start --roles` wins.', examples: ['api', 'worker,scheduler'] },
      },
    },
    connections: { type: 'object', title: 'Connections', description: 'The systems that TDS speaks with, each by an id.', default: {}, propertyNames: { format: 'id' }, additionalProperties: connectionSchema },
    entities: { type: 'object', title: 'Entities', description: 'What is brought over, each by an id.', default: {}, propertyNames: { format: 'id' }, additionalProperties: entitySchema },
    schedules: { type: 'object', title: 'Schedules', description: 'When work starts by itself, each by an id.', default: {}, propertyNames: { format: 'id' }, additionalProperties: scheduleSchema },
    policies: policiesSchema,
    metrics: metricsSchema,
    tracing: tracingSchema,
    alerts: alertsSchema,
    notifiers: { type: 'object', title: 'Notifiers', description: 'The ways by which alerts reach people, each by an id.', default: {}, propertyNames: { format: 'id' }, additionalProperties: notifierSchema },
  },
} as const

/** A loaded config: every default filled in, durations in ms, sizes in bytes, shares as fractions, shorthands written out, frozen. */
export type Config = DeepReadonly<FromSchema<typeof configSchema, Resolved>>
