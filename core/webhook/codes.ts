/** Codes of messages that could not be applied. They stand in the inbox and in the dead letters. Answers to the sender have codes of `core/operations/errors.ts`. */
export const webhookCodes = {
  'webhook.unreadable': { meaning: 'A message has not the form that its service sends.', cure: 'Look at it: `tds webhooks show`. The rule at the service may send a body of its own; set it up as `tds webhooks urls` says.' },
  'webhook.no_key': { meaning: 'A message brings no record that could be told apart from others.', cure: 'Look at it: `tds webhooks show`. The rule at the service must send the whole record.' },
  'webhook.foreign': { meaning: 'A message is about a record that is not of the entity\'s stream, such as a vendor among customers. Nothing was done.', cure: 'Nothing. To have fewer of them, narrow the rule at the service.' },
  'webhook.deletes_held': { meaning: 'Messages say that more of an entity\'s records are gone than `deletes.maxShare` lets go within an hour, and its source can\'t be asked. None of these was deleted.', cure: 'See whether they are gone at the source, and whether a rule for changes has the address for deletions (`tds webhooks urls`). If they are gone: `tds dead-letters retry --code webhook.deletes_held`; else discard them.' },
  'webhook.not_gone': { meaning: 'A message says that its record is gone, but the source, which was asked, has it. What the source has was applied.', cure: 'When it happens often, a rule for changes has the address for deletions: compare it with `tds webhooks urls`.' },
  'webhook.rests': { meaning: 'The source has to be asked about the record, and a person has paused its connection.', cure: 'It goes on by itself within 15 seconds after `tds connections resume`.' },
  'webhook.no_entity': { meaning: 'A message waited for as long as messages are kept, and the config has no entity that takes it.', cure: 'Nothing. If the rule at the service is still there, take it away.' },
  'webhook.unanswered': { meaning: 'The source was asked for the record that a message is about, and gave no answer, several times.', cure: 'Look at the source, then: `tds webhooks replay`. The next full read finds the record anyway.' },
} as const;

/** A code of {@link webhookCodes}. */
export type WebhookCode = keyof typeof webhookCodes;
