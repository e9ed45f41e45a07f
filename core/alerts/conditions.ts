/** Which rules break now, and on what. No state and no I/O. */
import type { MetricSample } from '../monitor/metrics/index.ts';
import type { StoredEvent } from '../store/alerts.ts';
import { eventLabels, type AlertRule } from './rules.ts';

/** A rule that breaks on one thing. */
export interface Breach {
  rule: AlertRule;
  /** The same rule on the same thing. */
  fingerprint: string;
  labels: Record<string, string>;
  value: number | null;
  summary: string;
  help: string;
  /** When it began, as far as it can be told without looking back; undefined: now. */
  since: Date | undefined;
}

/** @param samples those of all nodes; @param events those that may still count, the oldest first */
export function breaches(rules: readonly AlertRule[], samples: readonly MetricSample[], events: readonly StoredEvent[], now: Date): Breach[] {
  const byName = Map.groupBy(samples, ({ name }) => name);
  return rules.flatMap((rule) => (rule.metric === undefined ? ofEvents(rule, events, now) : ofSamples(rule, byName.get(rule.metric) ?? [])));
}

function ofSamples(rule: AlertRule, samples: readonly MetricSample[]): Breach[] {
  const worst = new Map<string, Breach>();
  for (const { labels, value } of samples) {
    if (!breaks(rule, value) || !matches(rule.labels, labels)) continue;
    const breach = breachOf(rule, pick(labels, rule.by ?? Object.keys(labels)), value, undefined);
    const known = worst.get(breach.fingerprint);
    if (!known || isWorse(rule, value, known.value ?? 0)) worst.set(breach.fingerprint, breach);
  }
  return [...worst.values()];
}

function ofEvents(rule: AlertRule, events: readonly StoredEvent[], now: Date): Breach[] {
  const found = new Map<string, Breach>();
  for (const { name, detail, at } of events) {
    if (name !== rule.event || at.getTime() + rule.lasts <= now.getTime()) continue;
    const facts = Object.fromEntries(Object.entries(detail).map(([label, value]) => [label, typeof value === 'string' ? value : JSON.stringify(value)]));
    if (!matches(rule.labels, facts)) continue;
    const breach = breachOf(rule, pick(facts, rule.by ?? eventLabels), 1, at, facts);
    const known = found.get(breach.fingerprint);
    found.set(breach.fingerprint, known ? { ...breach, value: (known.value ?? 0) + 1, since: known.since } : breach);
  }
  return [...found.values()];
}

function breachOf(rule: AlertRule, labels: Record<string, string>, value: number, since: Date | undefined, facts: Record<string, string> = labels): Breach {
  const fill = (text: string): string => text.replaceAll(/\{([a-z_]+)\}/g, (whole, name: string) => (name === 'value' ? shown(value, rule) : facts[name] === '' ? 'none' : (facts[name] ?? whole)));
  return { rule, labels, value, since, summary: fill(rule.summary), help: fill(rule.help), fingerprint: fingerprintOf(rule.id, labels) };
}

/** The rule with its labels in a fixed order. */
export function fingerprintOf(rule: string, labels: Readonly<Record<string, string>>): string {
  return JSON.stringify([rule, ...Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)).flat()]);
}

function breaks({ above, below }: AlertRule, value: number): boolean {
  return (above !== undefined && value > above) || (below !== undefined && value < below);
}

function isWorse({ above, below }: AlertRule, value: number, than: number): boolean {
  return above === undefined && below !== undefined ? value < than : value > than;
}

/** Whether `labels` has all that is wanted. */
export function matches(wanted: Readonly<Record<string, string>>, labels: Readonly<Record<string, string>>): boolean {
  return Object.entries(wanted).every(([name, value]) => labels[name] === value);
}

function pick(labels: Record<string, string>, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.flatMap((name) => (labels[name] === undefined ? [] : [[name, labels[name]]])));
}

/** A ratio as a percentage, seconds as a length of time; else at most two places after the point. */
function shown(value: number, { metric }: AlertRule): string {
  if (metric?.endsWith('_ratio')) return `${Math.round(value * 100)} %`;
  if (metric?.endsWith('_seconds')) return lasted(value);
  return Number.isInteger(value) ? String(value) : value.toFixed(value < 10 ? 2 : 0);
}

function lasted(seconds: number): string {
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86_400)} days`;
}
