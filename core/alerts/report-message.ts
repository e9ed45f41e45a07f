/** A report on its way to people: a message for each notifier, written with the report itself, delivered by the same jobs as alerts. */
import { hash } from 'node:crypto';
import type { AlertFact, AlertMessage, SqlSession } from '../sdk/index.ts';
import { addNotification } from '../store/notifications.ts';
import type { Channel, EvaluatorDeps } from './evaluator.ts';
import { hears } from './messages.ts';

/** What was made, in words. */
export interface ReportToTell {
  id: string;
  schedule: string;
  from: Date;
  to: Date;
  /** One line. */
  headline: string;
  /** What a person should look at. None: all is well. */
  attention: readonly string[];
  text: string;
  html: string;
  /** Who is told; undefined: all whose severity fits. Names that are not there are passed over. */
  notifiers: readonly string[] | undefined;
}

/** Things to look at that go into a short message one by one; the whole report has all. */
const mostFacts = 20;

/** Writes the messages and their jobs, in the session's transaction. Answers who will be told. */
export async function addReportMessages(session: SqlSession, report: ReportToTell, { channels, source, enqueue, at }: { channels: readonly Channel[]; source: string; enqueue: EvaluatorDeps['enqueue']; at: Date }): Promise<string[]> {
  const severity = report.attention.length === 0 ? 'info' : 'warning';
  const told = channels.filter(({ id, severity: least }) => report.notifiers?.includes(id) ?? hears(least, severity));
  for (const { id: notifier } of told) {
    const message = { ...messageOf(report, severity), id: hash('sha256', JSON.stringify([notifier, 'report', report.id, at.toISOString()])).slice(0, 32), source, at };
    await enqueue(session, await addNotification(session, { notifier, kind: 'report', rule: 'report', message, at, claimSeconds: 0 }));
  }
  return told.map(({ id }) => id);
}

function messageOf({ id, schedule, from, headline, attention, text, html }: ReportToTell, severity: AlertMessage['severity']): Omit<AlertMessage, 'id' | 'source' | 'at'> {
  const fact = (summary: string, at: number): AlertFact => ({ id: `tds-report-${schedule}-${at}`, severity, summary, help: `tds report ${id}`, labels: { schedule }, value: null, since: from, resolvedAt: null });
  return { kind: 'report', rule: 'report', severity, alerts: [headline, ...attention.slice(0, mostFacts)].map(fact), document: { text, html } };
}
