/** What the schema of the config can't say of alert rules: names that must exist, and what must stand together. */
import { didYouMean, finding, type Config, type Finding, type Path, type Sources } from '../config/index.ts';
import { eventNames } from '../monitor/events.ts';
import { createMetrics, type MetricFacts } from '../monitor/metrics/index.ts';
import { cureOf, type AlertCode } from './codes.ts';
import { mergedRule } from './rules.ts';

/** Every fault of the rules that the config names. */
export function checkAlertRules({ alerts, notifiers }: Config, sources: Sources): Finding[] {
  const found: Finding[] = [];
  const metrics = Object.keys(alerts.rules).length > 0 ? metricNames() : new Map<string, MetricFacts>();
  for (const [id, given] of Object.entries(alerts.rules)) {
    const rule = mergedRule(id, alerts);
    const at: Path = ['alerts', 'rules', id];
    const tell = (code: AlertCode, message: string, path: Path, suggestion: string | undefined = inSentence(cureOf(code))): void => void found.push(finding({ code, message, suggestion }, sources.locate(path), path));
    if ((rule.metric === undefined) === (rule.event === undefined)) {
      tell('alert.no_subject', rule.metric === undefined ? 'names neither a metric nor an event' : 'names a metric and an event', at);
      continue;
    }
    if (rule.event !== undefined && !Object.hasOwn(eventNames, rule.event)) {
      tell('alert.unknown_event', 'is no event of TDS', [...at, 'event'], didYouMean(rule.event, Object.keys(eventNames)) ?? `there are: ${Object.keys(eventNames).join(', ')}`);
    }
    if (rule.metric !== undefined) {
      const metric = metrics.get(rule.metric);
      if (!metric) tell('alert.unknown_metric', 'is no metric of TDS', [...at, 'metric'], didYouMean(rule.metric, metrics.keys()));
      else for (const [where, name] of [...(rule.by ?? []).map((name) => ['by', name]), ...Object.keys(rule.labels ?? {}).map((name) => ['labels', name])]) {
        const known = [...metric.labels, ...(metric.scope === 'node' ? ['node'] : []), ...(rule.metric.endsWith('_bucket') ? ['le'] : [])];
        if (!known.includes(name ?? '')) tell('alert.unknown_label', `goes by the label "${name}", which ${rule.metric} does not have`, [...at, where ?? 'by'], known.length > 0 ? `it has: ${known.join(', ')}` : undefined);
      }
      if (rule.above === undefined && rule.below === undefined) tell('alert.no_condition', 'does not say when it breaks', at);
    }
    for (const name of given.notifiers ?? []) {
      if (!Object.hasOwn(notifiers, name)) tell('alert.unknown_notifier', `names the notifier "${name}", which there is not`, [...at, 'notifiers'], didYouMean(name, Object.keys(notifiers)));
    }
  }
  return found;
}

/** As the end of a finding's line. */
function inSentence(cure: string): string {
  return (cure[0]?.toLowerCase() ?? '') + cure.slice(1).replace(/\.$/, '');
}

/** What a rule may name: of a histogram its series. */
export function metricNames(): Map<string, MetricFacts> {
  return new Map(createMetrics().registry.declared.flatMap((metric) => (
    metric.type === 'histogram' ? ['_count', '_sum', '_bucket'].map((end) => [metric.name + end, metric] as const) : [[metric.name, metric] as const])));
}
