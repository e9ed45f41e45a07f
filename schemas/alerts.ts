import type { FromSchema } from 'json-schema-to-ts'
import type { DeepReadonly, Resolved } from './vocabulary.ts'

/** Ordered: what a notifier's `severity` asks for, and all that is worse. */
export const severities = ['info', 'warning', 'critical'] as const

const quietHours = { type: 'string', pattern: '^([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9]$', examples: ['22:00-07:00'] } as const
const labels = { type: 'object', additionalProperties: { type: 'string' }, examples: [{ entity: 'invoices' }] } as const

/** A rule. No defaults here: what is left out is what the rule of the same name that ships says, else what `core/alerts/rules.ts` says. */
export const alertRuleSchema = {
  type: 'object',
  title: 'Alert rule',
  description: 'What is wrong and how bad that is. Under the name of a rule that ships, only what differs need be said.',
  additionalProperties: false,
  properties: {
    enabled: { type: 'boolean', description: '`false` switches the rule off.' },
    metric: { type: 'string', minLength: 1, maxLength: 200, description: 'The metric that is looked at; [all there are](metrics.md). Each of its series that breaks the rule is an alert of its own.', examples: ['tds_queue_oldest_job_age_seconds'] },
    event: { type: 'string', minLength: 1, maxLength: 200, description: 'Instead of a metric: what happened. It counts for as long as `lasts` says.', examples: ['token.revoked'] },
    labels: { ...labels, description: 'Only series with these labels; of an event, only those with these facts.' },
    by: { type: 'array', shorthand: 'list', maxItems: 10, items: { type: 'string', minLength: 1 }, description: 'The labels that tell alerts apart; of series alike the worst counts. Default: all labels; of an event its entity, connection, node, notifier, schedule and task.', examples: [['connection']] },
    above: { type: 'number', description: 'The alert holds while the figure is above this.' },
    below: { type: 'number', description: 'The alert holds while the figure is below this.' },
    for: { type: 'string', format: 'duration', examples: ['5m'], description: 'How long it must hold before anybody is told. Default `0s`.' },
    lasts: { type: 'string', format: 'duration', examples: ['1h'], description: 'How long an event counts after it happened last. Default `15m`.' },
    severity: { type: 'string', enum: severities, description: 'How bad it is. Default `warning`.' },
    quietHours: { ...quietHours, description: 'No messages of this rule between these times of day; what still holds then is told afterwards. Default: those of `alerts.quietHours`, but for `critical`.' },
    notifiers: { type: 'array', shorthand: 'list', maxItems: 100, items: { type: 'string', minLength: 1 }, description: 'Who is told. Default: every notifier whose `severity` fits.' },
    summary: { type: 'string', minLength: 1, maxLength: 500, description: 'What is said, in one line; `{value}` and `{name of a label}` are filled in.' },
    help: { type: 'string', minLength: 1, maxLength: 500, description: 'The command or page that helps, likewise.' },
  },
} as const

export const alertsSchema = {
  type: 'object',
  title: 'Alerts',
  description: 'Tells people what is wrong, once, with the command that helps. The rules that ship are at work without a word here; [the list](alerts.md).',
  default: {},
  additionalProperties: false,
  properties: {
    enabled: { type: 'boolean', default: true, description: '`false`: nothing is evaluated and nobody is told.' },
    defaults: { type: 'boolean', default: true, description: '`false`: only the rules that stand here, none that ship.' },
    every: { type: 'string', format: 'duration', default: '10s', description: 'How often the rules are evaluated. One node does it for all.' },
    group: { type: 'string', format: 'duration', default: '30s', description: 'What joins the alerts of a rule so soon after a message waits, and goes out together.' },
    repeat: { type: 'string', format: 'duration', default: '4h', description: 'An alert that still fires, and that nobody acknowledged, is told again after this.' },
    quietHours: { ...quietHours, description: 'No messages between these times of day, in the zone of `timezone`. What is `critical` is told all the same.' },
    keep: { type: 'string', format: 'duration', default: '30d', description: 'How long resolved alerts and messages stay in the list.' },
    rules: { type: 'object', title: 'Alert rules', description: 'Rules of your own, and changes to those that ship, each by an id.', default: {}, propertyNames: { format: 'id' }, additionalProperties: alertRuleSchema },
  },
} as const

export const notifierSchema = {
  type: 'object',
  title: 'Notifier',
  description: 'A way by which alerts reach people: a configured use of a notifier plugin.',
  required: ['plugin'],
  additionalProperties: false,
  properties: {
    plugin: { type: 'string', minLength: 1, maxLength: 100, description: 'The id of the plugin that carries the messages.', examples: ['email', 'slack'] },
    description: { type: 'string', maxLength: 2000, description: 'A note for people.' },
    severity: { type: 'string', enum: severities, default: 'info', description: 'The least bad that it is told of.' },
    with: { type: 'object', opaque: true, default: {}, additionalProperties: true, description: 'The plugin\'s own settings; `docs/alerts.md` shows them.', examples: [{ url: '${SLACK_WEBHOOK_URL}' }] },
  },
} as const

export type Severity = (typeof severities)[number]
export type AlertsConfig = DeepReadonly<FromSchema<typeof alertsSchema, Resolved>>
export type AlertRuleConfig = DeepReadonly<FromSchema<typeof alertRuleSchema, Resolved>>
export type NotifierConfig = DeepReadonly<FromSchema<typeof notifierSchema, Resolved>>
