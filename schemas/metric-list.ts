/** The metrics and the alert rules that ship, as pages. A tool's part: it may know the core. */
import { rulesOf } from '../core/alerts/rules.ts'
import { createMetrics } from '../core/monitor/metrics/index.ts'

const generated = '<!-- Made by `npm run generate` from core/monitor/metrics. Change it there. -->'

/** The page of metrics, as Markdown. */
export function metricsPage(): string {
  const rows = createMetrics().registry.declared.map(({ name, type, labels, scope, help }) => `| \`${name}\` | ${type} | ${labels.map((label) => `\`${label}\``).join(', ')} | ${scope} | ${help.replaceAll('|', '\\|')} |`)
  return `${generated}

# Metrics

What \`/metrics\` tells, and what is pushed where \`metrics.remoteWrite.url\` is set. Durations are in seconds, sizes in bytes.

- **node**: the figure of one process. Sum over the nodes, or look at each.
- **all**: the figure comes out of the database and is the same on every node. Take \`max without (instance)\`, never a sum.

| metric | kind | labels | whose | meaning |
| --- | --- | --- | --- | --- |
${rows.join('\n')}
`
}

/** The page of the alert rules that ship, as Markdown. */
export function alertsPage(): string {
  const rules = rulesOf({ defaults: true, rules: {}, quietHours: undefined as never })
  const rows = rules.map(({ id, severity, metric, event, labels, above, below, for: lasting, lasts, summary, help }) => {
    const only = Object.entries(labels).map(([name, value]) => ` with ${name} ${value}`).join('')
    const condition = event === undefined ? `\`${metric}\`${only}${above === undefined ? '' : ` above ${above}`}${below === undefined ? '' : ` below ${below}`}${lasting > 0 ? ` for ${lasting / 1000} s` : ''}` : `\`${event}\` within ${lasts / 60_000} min`
    return `| \`${id}\` | ${severity} | ${condition} | ${summary.replaceAll('|', '\\|')} | ${help.startsWith('tds ') ? `\`${help.replaceAll('{', '<').replaceAll('}', '>')}\`` : help} |`
  })
  return `${generated.replace('core/monitor/metrics', 'core/alerts/default-rules.ts')}

# The alert rules that ship

They are at work without a word in the config; [docs/alerts.md](../alerts.md) shows how to change them and how to write others. Each names the
command that helps.

| rule | severity | breaks when | says | helps |
| --- | --- | --- | --- | --- |
${rows.join('\n')}
`
}
