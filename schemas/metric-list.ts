/** The metrics and the alert rules that ship, as pages. A tool's part: it may know the core. */
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
