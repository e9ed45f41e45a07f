/** From alerts to what notifiers carry. */
import { hash } from 'node:crypto';
import type { AlertFact, AlertMessage, JsonObject } from '../sdk/index.ts';
import type { Decided, Group } from './decide.ts';

const order = ['info', 'warning', 'critical'] as const;
/** Alerts in one message at most; the services have limits of their own. */
const mostAlerts = 100;

/** What a notifier of this least severity hears of a group. A channel that is down is not told of itself. */
export function messageFor({ rule, kind, alerts }: Group, notifier: { id: string; severity: AlertMessage['severity']; named: boolean }, facts: { source: string; at: Date }): AlertMessage | undefined {
  const heard = alerts.filter(({ severity, labels }) => (notifier.named || hears(notifier.severity, severity)) && labels['notifier'] !== notifier.id);
  if (heard.length === 0) return undefined;
  const chosen = heard.slice(0, mostAlerts).map(factOf);
  const worst = heard.reduce<AlertMessage['severity']>((one, { severity }) => (order.indexOf(severity) > order.indexOf(one) ? severity : one), 'info');
  // the same alerts in the same state at the same moment are the same message, whoever sends it
  const id = hash('sha256', JSON.stringify([notifier.id, kind, facts.at.toISOString(), ...chosen.map((alert) => alert.id)])).slice(0, 32);
  return { id, kind, rule, severity: worst, alerts: chosen, source: facts.source, at: facts.at };
}

/** Whether a notifier of this least severity hears of what is so bad. */
export function hears(least: AlertMessage['severity'], severity: AlertMessage['severity']): boolean {
  return order.indexOf(severity) >= order.indexOf(least);
}

function factOf({ fingerprint, severity, summary, help, labels, value, since, resolvedAt }: Decided): AlertFact {
  return { id: `tds-${hash('sha256', fingerprint).slice(0, 32)}`, severity, summary, help, labels, value, since, resolvedAt };
}

/** What `tds alerts test` sends. */
export function testMessage(notifier: string, facts: { source: string; at: Date; id: string }): AlertMessage {
  const alert: AlertFact = { id: `tds-test-${facts.id}`, severity: 'info', summary: `a test of the notifier "${notifier}": messages get through`, help: 'tds alerts list', labels: { notifier }, value: null, since: facts.at, resolvedAt: null };
  return { id: facts.id, kind: 'test', rule: 'test', severity: 'info', alerts: [alert], source: facts.source, at: facts.at };
}

/** A message as it comes out of the database, where times are text. */
export function revive(message: JsonObject): AlertMessage {
  const stored = message as unknown as AlertMessage;
  const date = (value: unknown): Date => new Date(value as string);
  return { ...stored, at: date(stored.at), alerts: stored.alerts.map((alert) => ({ ...alert, since: date(alert.since), resolvedAt: alert.resolvedAt === null ? null : date(alert.resolvedAt) })) };
}
