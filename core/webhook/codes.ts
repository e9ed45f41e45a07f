/** Codes of messages that could not be applied. They stand in the inbox and in the dead letters. Answers to the sender have codes of `core/operations/errors.ts`. */
export const webhookCodes = {
  'webhook.unreadable': { meaning: 'A message has not the form that its service sends.', cure: 'Look at it: `tds webhooks show`. The rule at the service may send a body of its own; set it up as `tds webhooks urls` says.' },
  'webhook.no_key': { meaning: 'A message brings no record that could be told apart from others.', cure: 'Look at it: `tds webhooks show`. The rule at the service must send the whole record.' },
  'webhook.foreign': { meaning: 'A message is about a record that is not of the entity\'s stream, such as a vendor among customers. Nothing was done.', cure: 'Nothing. To have fewer of them, narrow the rule at the service.' },
  'webhook.unanswered': { meaning: 'The source was asked for the record that a message is about, and gave no answer, several times.', cure: 'Look at the source, then: `tds webhooks replay`. The next full read finds the record anyway.' },
} as const;

/** A code of {@link webhookCodes}. */
export type WebhookCode = keyof typeof webhookCodes;
