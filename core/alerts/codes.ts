/** What can be wrong with a rule, or with a delivery. The reference of errors is made of it. */
export const alertCodes = {
  'alert.unknown_metric': { meaning: 'A rule looks at a metric that TDS does not have; of a histogram, `_count`, `_sum` or `_bucket` must be said.', cure: 'Check the spelling against the page of metrics.' },
  'alert.unknown_event': { meaning: 'A rule listens to an event that TDS does not know.', cure: 'Check the spelling; the finding lists what there is.' },
  'alert.no_subject': { meaning: 'A rule names neither a metric nor an event, or both.', cure: 'Give it one of `metric` and `event`.' },
  'alert.no_condition': { meaning: 'A rule about a metric does not say when it breaks.', cure: 'Give it `above` or `below`.' },
  'alert.unknown_label': { meaning: 'A rule goes by a label that its metric does not have.', cure: 'Check the spelling against the page of metrics.' },
  'alert.unknown_notifier': { meaning: 'A rule names a notifier that the config does not have.', cure: 'Check the spelling, or declare it under `notifiers`.' },
  'alert.notifier_gone': { meaning: 'A message waits for a notifier that the config does not have any more.', cure: 'Nothing: it is given up. What still fires is told again by those that there are.' },
} as const;

export type AlertCode = keyof typeof alertCodes;

/** What a person can do about it. */
export function cureOf(code: AlertCode): string {
  return alertCodes[code].cure;
}
