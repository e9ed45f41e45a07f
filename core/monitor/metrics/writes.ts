/** How the pushing of metrics itself goes. */
import type { Metrics } from './registry.ts';

export interface WriteMetrics {
  sent(samples: number): void;
  dropped(samples: number): void;
  waiting(samples: number): void;
}

export function writeMetrics(metrics: Metrics): WriteMetrics {
  const samples = metrics.counter({ name: 'tds_remote_write_samples_total', help: 'Samples that were pushed, and those that were given up: refused by the receiver, or too many while it was away.', labels: ['outcome'], scope: 'node' });
  const waiting = metrics.gauge({ name: 'tds_remote_write_waiting_samples', help: 'Samples that wait for the receiver.', scope: 'node' });
  return {
    sent: (count) => samples.inc({ outcome: 'sent' }, count),
    dropped: (count) => samples.inc({ outcome: 'dropped' }, count),
    waiting: (count) => waiting.set(count),
  };
}
