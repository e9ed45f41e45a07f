import { TdsError, type TdsErrorOptions } from '../sdk/index.ts';

/** Every code of `core/operations`, with the HTTP status that says the same and what it means. */
export const operationCodes = {
  'operation.unknown_entity': { status: 404, meaning: 'The config has no entity of that name.' },
  'operation.unknown_connection': { status: 404, meaning: 'The config has no connection of that name.' },
  'operation.unknown_run': { status: 404, meaning: 'There is no run of that number, or it was trimmed.' },
  'operation.disabled_entity': { status: 409, meaning: 'The entity stands in the config with `enabled: false`.' },
  'operation.run_ended': { status: 409, meaning: 'The run has ended already.' },
  'operation.bad_request': { status: 400, meaning: 'A value of the question has the wrong form.' },
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
