import { TdsError, type TdsErrorOptions } from '../sdk/index.ts';

/** Every code of `core/operations`, with the HTTP status that says the same, what it means and what to do. */
export const operationCodes = {
  'operation.unknown_entity': { status: 404, meaning: 'The config has no entity of that name.', cure: 'Check the spelling; `tds status` lists the entities.' },
  'operation.unknown_connection': { status: 404, meaning: 'The config has no connection of that name.', cure: 'Check the spelling; the config lists them under `connections`.' },
  'operation.no_quota': { status: 404, meaning: 'The connection calls no remote, such as one to a database.', cure: '`tds quota` shows those that do.' },
  'operation.unknown_run': { status: 404, meaning: 'There is no run of that number, or it was trimmed.', cure: 'See the list: `tds runs`.' },
  'operation.unknown_job': { status: 404, meaning: 'There is no job of that number on the queue, and nothing is known of one that was there.', cure: 'See the list: `tds jobs`.' },
  'operation.job_not_later': { status: 409, meaning: 'The job does not wait for a later time, so it can\'t be tried sooner.', cure: 'See how it stands: `tds jobs show`. What failed for good is tried again by `tds dead-letters retry`.' },
  'operation.job_has_no_run': { status: 409, meaning: 'The job does no run: it is TDS\'s own upkeep, such as the delivery of a message.', cure: 'Leave it; it ends by itself.' },
  'operation.disabled_entity': { status: 409, meaning: 'The entity stands in the config with `enabled: false`.', cure: 'Set its `enabled` to true.' },
  'operation.unknown_rule': { status: 404, meaning: 'Healing has no rule of that name, or it is switched off.', cure: 'See the list: `tds healing rules`.' },
  'operation.no_reload': { status: 409, meaning: 'The process has no config files that it could read again.', cure: 'Restart it with the changed config.' },
  'operation.no_node': { status: 409, meaning: 'No TDS works on the database that the config names.', cure: 'Start it: `npm start`. A TDS that starts reads the config anyhow.' },
  'operation.unknown_schedule': { status: 404, meaning: 'The config has no schedule of that name.', cure: 'Check the spelling; `tds schedules` lists them.' },
  'operation.schedule_new': { status: 409, meaning: 'No node has taken up the schedule yet, so there is nothing that could be paused.', cure: 'Start a node: `npm start`.' },
  'operation.schedule_off': { status: 409, meaning: 'The schedule stands in the config with `enabled: false`, so that nothing of it is made up.', cure: 'Set its `enabled` to true; `tds schedules run` does its work once all the same.' },
  'operation.not_available': { status: 409, meaning: 'This version of TDS does not have what was asked for.', cure: 'Nothing; the changelog of a later version says so when it has.' },
  'operation.schedule_busy': { status: 409, meaning: 'The schedule is at work, or work of it waits for its turn.', cure: 'Wait for its end, or cancel its runs: `tds runs cancel`.' },
  'operation.unknown_report': { status: 404, meaning: 'There is no such report, or it was trimmed.', cure: 'See the list: `tds report list`.' },
  'operation.unknown_act': { status: 404, meaning: 'Healing has no such act, or what it was about has been reset already.', cure: 'See the list: `tds healing`.' },
  'operation.run_ended': { status: 409, meaning: 'The run has ended already.', cure: 'Nothing; look at how it ended: `tds runs show`.' },
  'operation.unknown_letter': { status: 404, meaning: 'There is no dead letter of that number.', cure: 'See the list: `tds dead-letters`.' },
  'operation.letter_closed': { status: 409, meaning: 'The dead letter is not open any more.', cure: 'See how it was closed: `tds dead-letters show`; `tds dead-letters reopen` opens it again.' },
  'operation.letter_open': { status: 409, meaning: 'The dead letter can\'t be opened: it is open already, or another one about the same record is.', cure: 'See `tds dead-letters`.' },
  'operation.no_choice': { status: 400, meaning: 'It was not said which dead letters are meant.', cure: 'Name one, give a filter, or say that all are meant.' },
  'operation.bad_time': { status: 400, meaning: 'A time has the wrong form.', cure: 'Write a time such as 2026-01-31T08:00:00Z, or how long ago it was: 90m, 24h, 7d.' },
  'webhook.unknown': { status: 404, meaning: 'A message came to an address that takes none.', cure: 'Check the address against `tds webhooks urls`; the connection or the entity needs a secret.' },
  'webhook.signature': { status: 401, meaning: 'A message is not signed with the secret of its entity or connection.', cure: 'Give the rule at the service the same secret as the config; while it is being changed, `previousSecret` takes the old one too.' },
  'webhook.not_json': { status: 400, meaning: 'A signed message is no JSON. The last ones are kept for a look.', cure: 'Set the rule at the service to send JSON; `tds webhooks urls` says how.' },
  'webhook.overload': { status: 503, meaning: 'More messages arrive than can be saved just now.', cure: 'The service sends them again where it has a retry policy; else the next read finds the changes.' },
  'operation.unknown_message': { status: 404, meaning: 'There is no message of that number in the inbox, or it was trimmed.', cure: 'See the list: `tds webhooks`.' },
  'operation.no_message_choice': { status: 400, meaning: 'It was not said which messages are meant.', cure: 'Name one, give a filter, or say that all are meant.' },
  'operation.preview': { status: 502, meaning: 'The source could not be read for a preview.', cure: 'Read what it says; `tds check` tells more.' },
  'operation.unknown_token': { status: 404, meaning: 'There is no token of that number or prefix.', cure: 'See the list: `tds token list`.' },
  'operation.token_expiry': { status: 400, meaning: 'The end of a new token has passed already.', cure: 'Give a time to come.' },
  'operation.unknown_record': { status: 404, meaning: 'The entity has no record with that key, and had none as far as its history goes back.', cure: 'Give the key as the source has it; parts of a key of several stand with a / between them.' },
  'operation.unknown_alert': { status: 404, meaning: 'There is no alert of that number, or it does not fire any more.', cure: 'See the list: `tds alerts list`.' },
  'operation.unknown_alert_rule': { status: 404, meaning: 'There is no alert rule of that name, or it is switched off.', cure: 'See the list: `tds alerts rules`.' },
  'operation.unknown_silence': { status: 404, meaning: 'There is no silence of that number, or it is over.', cure: 'See the list: `tds alerts silences`.' },
  'operation.unknown_notifier': { status: 404, meaning: 'The config has no notifier of that name.', cure: 'Check the spelling; the config lists them under `notifiers`.' },
} as const;

export type OperationCode = keyof typeof operationCodes;

/** A question that can't be answered as it was asked. */
export class OperationError extends TdsError {
  readonly status: number;

  constructor(code: OperationCode, message: string, options: TdsErrorOptions = {}) {
    super(code, message, options);
    this.status = operationCodes[code].status;
  }
}
