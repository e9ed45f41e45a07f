/** A rule as it is at work: what the config says over what ships over these defaults. */
import type { AlertRuleConfig, AlertsConfig, Severity } from '../config/index.ts';
import { defaultRules } from './default-rules.ts';

export interface AlertRule {
  id: string;
  metric: string | undefined;
  event: string | undefined;
  labels: Readonly<Record<string, string>>;
  /** Undefined: all labels tell alerts apart; of an event, those of {@link eventLabels}. */
  by: readonly string[] | undefined;
  above: number | undefined;
  below: number | undefined;
  /** ms */
  for: number;
  /** ms */
  lasts: number;
  severity: Severity;
  /** `22:00-07:00`; undefined: never quiet. */
  quietHours: string | undefined;
  notifiers: readonly string[] | undefined;
  summary: string;
  help: string;
}

/** The facts of an event that tell what it is about. */
export const eventLabels: readonly string[] = ['entity', 'connection', 'node', 'notifier', 'schedule', 'task'];

const defaultLasts = 15 * 60_000;

/** A rule of the config over the one of its name that ships. */
export function mergedRule(id: string, config: Pick<AlertsConfig, 'defaults' | 'rules'>): AlertRuleConfig {
  const shipped = config.defaults ? defaultRules[id] : undefined;
  const given = config.rules[id];
  // another subject is another rule: the condition of the old one says nothing about it
  const base = given && (given.metric ?? given.event) !== undefined ? {} : shipped;
  return { ...base, ...Object.fromEntries(Object.entries(given ?? {}).filter(([, value]) => value !== undefined)) };
}

/** All rules that are switched on. Those that a check would refuse are left out. */
export function rulesOf(config: Pick<AlertsConfig, 'defaults' | 'rules' | 'quietHours'>): AlertRule[] {
  return ruleIds(config).flatMap((id) => {
    const rule = mergedRule(id, config);
    if (rule.enabled === false || (rule.metric === undefined) === (rule.event === undefined)) return [];
    const severity = rule.severity ?? 'warning';
    const subject = rule.metric ?? rule.event ?? '';
    return [{
      id, metric: rule.metric, event: rule.event, labels: rule.labels ?? {}, by: rule.by, above: rule.above, below: rule.below, for: rule.for ?? 0, lasts: rule.lasts ?? defaultLasts, severity,
      quietHours: rule.quietHours ?? (severity === 'critical' ? undefined : config.quietHours), notifiers: rule.notifiers,
      summary: rule.summary ?? (rule.metric === undefined ? `${subject} happened` : `${subject} is {value}`), help: rule.help ?? 'tds health',
    }];
  });
}

export function ruleIds({ defaults, rules }: Pick<AlertsConfig, 'defaults' | 'rules'>): string[] {
  return [...new Set([...(defaults ? Object.keys(defaultRules) : []), ...Object.keys(rules)])];
}
