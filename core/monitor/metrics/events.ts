/** What happened, counted by its name: whatever is emitted shows here without anything more to do. */
import type { Metrics } from './registry.ts';

export interface EventMetrics { happened(event: string): void }

export function eventMetrics(metrics: Metrics): EventMetrics {
  const events = metrics.counter({ name: 'tds_events_total', help: 'What happened on this node, by the names that alert rules use too.', labels: ['event'], scope: 'node' });
  return { happened: (event) => events.inc({ event }) };
}
