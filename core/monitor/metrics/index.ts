/**
 * All metrics of TDS. A group of metrics is a file here that declares them and says by which calls they are fed; add it below, and the
 * reference page, `/metrics`, the remote write and the alert rules know it.
 */
import { connectionMetrics, type ConnectionMetrics } from './connections.ts';
import { dataMetrics, type DataMetrics } from './data.ts';
import { eventMetrics, type EventMetrics } from './events.ts';
import { jobMetrics, type JobMetrics } from './jobs.ts';
import { processMetrics, type ProcessMetrics } from './process.ts';
import { Metrics } from './registry.ts';
import { runMetrics, type RunMetrics } from './runs.ts';
import { scheduleMetrics, type ScheduleMetrics } from './schedules.ts';
import { traceMetrics, type TraceMetrics } from './traces.ts';
import { webhookMetrics, type WebhookMetrics } from './webhooks.ts';
import { writeMetrics, type WriteMetrics } from './writes.ts';

export { Metrics, type MetricFacts, type MetricSample } from './registry.ts';
export type { ConnectionFigures } from './connections.ts';
export type { DataFigures } from './data.ts';
export type { TraceMetrics } from './traces.ts';
export type { AppliedSet, WebhookMetrics } from './webhooks.ts';
export type { WriteMetrics } from './writes.ts';

export interface TdsMetrics {
  registry: Metrics;
  runs: RunMetrics; jobs: JobMetrics; connections: ConnectionMetrics; data: DataMetrics; events: EventMetrics; process: ProcessMetrics; traces: TraceMetrics; webhooks: WebhookMetrics; writes: WriteMetrics; schedules: ScheduleMetrics;
}

/** Declares them all; nothing is measured before it is fed. */
export function createMetrics(): TdsMetrics {
  const registry = new Metrics();
  return {
    registry, runs: runMetrics(registry), jobs: jobMetrics(registry), connections: connectionMetrics(registry), data: dataMetrics(registry),
    events: eventMetrics(registry), process: processMetrics(registry), traces: traceMetrics(registry), webhooks: webhookMetrics(registry), writes: writeMetrics(registry), schedules: scheduleMetrics(registry),
  };
}
