import { TdsError, type TdsErrorOptions } from '../sdk/index.ts';

/** Every code of `core/operations`, with the HTTP status that says the same, what it means and what to do. */
export const operationCodes = {
  'operation.unknown_entity': { status: 404, meaning: 'The config has no entity of that name.', cure: 'Check the spelling; `tds status` lists the entities.' },
  'operation.unknown_connection': { status: 404, meaning: 'The config has no connection of that name.', cure: 'Check the spelling; the config lists them under `connections`.' },
  'operation.unknown_run': { status: 404, meaning: 'There is no run of that number, or it was trimmed.', cure: 'See the list: `tds runs`.' },
  'operation.disabled_entity': { status: 409, meaning: 'The entity stands in the config with `enabled: false`.', cure: 'Set its `enabled` to true.' },
  'operation.run_ended': { status: 409, meaning: 'The run has ended already.', cure: 'Nothing; look at how it ended: `tds runs show`.' },
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
