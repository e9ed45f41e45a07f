/** How the sending of traces itself goes. */
import type { Metrics } from './registry.ts';

export interface TraceMetrics { ended(outcome: 'sent' | 'failed' | 'dropped', spans: number): void }

export function traceMetrics(metrics: Metrics): TraceMetrics {
  const spans = metrics.counter({ name: 'tds_trace_spans_total', help: 'Spans that were sent, those that their receiver did not take, and those that were dropped since too many waited.', labels: ['outcome'], scope: 'node' });
  return { ended: (outcome, count) => spans.inc({ outcome }, count) };
}
