/** From what breaks now and what was known before to what stands now, and what is to be told. No I/O. */
import type { AlertMessage } from '../sdk/index.ts';
import type { Alert, Silence } from '../store/alerts.ts';
import { matches, type Breach } from './conditions.ts';
import { isQuiet } from './quiet-hours.ts';
import type { AlertRule } from './rules.ts';

export type Decided = Omit<Alert, 'id'> & { id?: string };

export interface Decision {
  /** As they stand now, changed ones and new ones. */
  alerts: Decided[];
  /** Pending ones that are over: nobody was told, so nothing is left of them. */
  dropped: string[];
}

/** What fired is over when it has not broken its rule for so long, in ms: a figure that wavers around its limit, or a node that is started anew, is one alert and not ten. */
const calmMs = 30_000;

/** Moves each alert on: pending → firing → resolved. Acknowledged ones stay so until they are over. */
export function decide(known: readonly Alert[], breaking: readonly Breach[], now: Date): Decision {
  const open = new Map(known.filter(({ state }) => state !== 'resolved').map((alert) => [alert.fingerprint, alert]));
  const alerts: Decided[] = breaking.map((breach) => holding(open.get(breach.fingerprint), breach, now));
  const held = new Set(breaking.map(({ fingerprint }) => fingerprint));
  const over = [...open.values()].filter(({ fingerprint }) => !held.has(fingerprint));
  const after = over.filter(({ state }) => state !== 'pending').map((alert): Decided => (now.getTime() - alert.seenAt.getTime() < calmMs ? alert : { ...alert, state: 'resolved', resolvedAt: now }));
  return {
    alerts: [...alerts, ...after, ...known.filter(({ state }) => state === 'resolved')],
    dropped: over.filter(({ state }) => state === 'pending').map(({ id }) => id),
  };
}

function holding(before: Alert | undefined, { rule, fingerprint, labels, value, summary, help, since }: Breach, now: Date): Decided {
  const began = before?.since ?? since ?? now;
  const fires = now.getTime() - began.getTime() >= rule.for;
  const state = before === undefined || before.state === 'pending' ? (fires ? 'firing' : 'pending') : before.state;
  return {
    ...(before ? { id: before.id } : {}), rule: rule.id, fingerprint, labels, severity: rule.severity, state, value, summary, help, since: began, seenAt: now,
    firedAt: before?.firedAt ?? (state === 'firing' ? now : null), acknowledgedAt: before?.acknowledgedAt ?? null, acknowledgedBy: before?.acknowledgedBy ?? null, resolvedAt: null, notifiedAt: before?.notifiedAt ?? null,
  };
}

/** Alerts of one rule that go into one message. */
export interface Group { rule: string; kind: Exclude<AlertMessage['kind'], 'test' | 'report'>; alerts: Decided[] }

export interface TellingOptions {
  rules: ReadonlyMap<string, AlertRule>;
  silences: readonly Silence[];
  zone: string;
  /** ms: what joins a rule's alerts so soon after a message waits. */
  group: number;
  /** ms until what still fires is told again. */
  repeat: number;
  now: Date;
}

/** What is to be told now. What is silenced or quiet stays untold: it is told afterwards, if it still holds then. */
export function toTell(alerts: readonly Decided[], options: TellingOptions): Group[] {
  const { rules, silences, zone, group, repeat, now } = options;
  const groups: Group[] = [];
  for (const [rule, all] of Map.groupBy(alerts, (alert) => alert.rule)) {
    if (isQuiet(rules.get(rule)?.quietHours, zone, now)) continue;
    const free = all.filter((alert) => !silences.some((silence) => isSilenced(alert, silence)));
    const last = Math.max(...all.map(({ notifiedAt }) => notifiedAt?.getTime() ?? -Infinity));
    if (now.getTime() - last < group) continue;
    const fresh = free.filter(({ state, notifiedAt }) => state === 'firing' && notifiedAt === null);
    const again = free.filter(({ state, notifiedAt }) => state === 'firing' && notifiedAt !== null && now.getTime() - notifiedAt.getTime() >= repeat);
    const over = free.filter(({ state, notifiedAt, resolvedAt }) => state === 'resolved' && notifiedAt !== null && resolvedAt !== null && notifiedAt < resolvedAt);
    for (const [kind, chosen] of [['firing', fresh], ['repeat', again], ['resolved', over]] as const) if (chosen.length > 0) groups.push({ rule, kind, alerts: chosen });
  }
  return groups;
}

function isSilenced({ rule, labels }: Decided, silence: Silence): boolean {
  return (silence.rule === null || silence.rule === rule) && matches(silence.labels, labels);
}
