/** What can be wrong with a delivery. Stands beside the notifiers as they share it; the reference of errors is made of it. */
export const notifyCodes = {
  'notify.unreachable': { meaning: 'The mail server could not be reached, or said that it is unwell.', cure: 'TDS tries again by itself. If it lasts, check host and port of the notifier.' },
  'notify.denied': { meaning: 'The service refused the notifier\'s credentials.', cure: 'Check the token, key or password of the notifier, then `tds alerts test`.' },
  'notify.refused': { meaning: 'The service refused the message or its recipient for good.', cure: 'The message says what it was; check the recipient or channel of the notifier, then `tds alerts test`.' },
  'notify.busy': { meaning: 'The service takes no more messages for the moment.', cure: 'Nothing: TDS waits and tries again.' },
  'notify.unwell': { meaning: 'The service answered that something is wrong with itself.', cure: 'TDS tries again by itself. If it lasts, see the service\'s status page.' },
  'notify.bad_settings': { meaning: 'The settings of a notifier can\'t be used.', cure: 'The message says which one, and how it is to be.' },
} as const;

type NotifyCode = keyof typeof notifyCodes;

export function cureOf(code: NotifyCode): string {
  return notifyCodes[code].cure;
}
