/** What people and programs ask of the alerts. `core/alerts` does it. */
import type { Alert, AlertFilter, Silence } from '../store/alerts.ts';

/** A rule that is at work. Durations in milliseconds. */
export interface AlertRuleStatus {
  id: string; severity: string;
  /** `tds_… above 10 for 5 min`, in words. */
  condition: string;
  summary: string; help: string;
  /** Who is told. */
  notifiers: string[];
}

/** How a try of one notifier went. */
export interface NotifierTest { notifier: string; plugin: string; ok: boolean; message: string; milliseconds: number }

export interface SilenceRequest {
  /** Absent: any rule. */
  rule?: string | undefined;
  labels: Record<string, string>;
  /** Milliseconds from now. */
  lasts: number;
  reason: string;
  by: string;
}

export interface AlertOperations {
  /** False: `alerts.enabled` is off. */
  readonly enabled: boolean;
  list(filter: AlertFilter): Promise<Alert[]>;
  rules(): AlertRuleStatus[];
  /** Says that somebody looks after an alert, or after `all` that fire. Answers how many. @throws OperationError `operation.unknown_alert` */
  acknowledge(id: string, by: string): Promise<number>;
  silences(): Promise<Silence[]>;
  /** @throws OperationError `operation.unknown_alert_rule` */
  silence(request: SilenceRequest): Promise<Silence>;
  /** Ends a silence before its time. @throws OperationError `operation.unknown_silence` */
  endSilence(id: string): Promise<void>;
  /** Sends a test message by one notifier, or by each. @throws OperationError `operation.unknown_notifier` */
  test(notifier: string | undefined, signal: AbortSignal): Promise<NotifierTest[]>;
}
