import { ApiError } from '../api/index.ts';
import { renderFinding, type Finding } from '../config/index.ts';
import { OperationError } from '../operations/errors.ts';
import { isTdsError, RateLimitedError, RetryLaterError, TdsError } from '../sdk/index.ts';
import { databaseErrorKind, StoreError } from '../store/errors.ts';
import { exitCodes, type ExitCode } from './exit-codes.ts';
import { counted } from './text.ts';

/** Every code of `core/cli`, with what it means and what to do. */
export const cliCodes = {
  'cli.usage': { meaning: 'The command was called in a way that it does not know.', cure: 'See `tds --help`, or `tds <command> --help`.' },
  'cli.config': { meaning: 'The config has errors; each is told with its line and its cure.', cure: 'Mend them; `tds validate` tells them again.' },
  'cli.interrupted': { meaning: 'A person or the system ended the command.', cure: 'Nothing; what was under way goes on with the next start.' },
  'cli.no_demo': { meaning: 'No demo runs that the command could speak with.', cure: 'Start it in another terminal: `npm run demo`.' },
  'cli.demo_running': { meaning: 'A demo runs already.', cure: 'Use that one (`tds --demo status`), or stop it first.' },
  'cli.demo_sandbox': { meaning: 'The sandbox of the demo did not start, or ended.', cure: 'Read the message; try again.' },
  'cli.unreachable': { meaning: 'A command spoke with the API of a running TDS, and nobody answered.', cure: 'Start TDS (`tds start`), or name the address where it listens.' },
  'cli.node_version': { meaning: 'The Node that runs TDS is too old.', cure: 'Run `npm ci` without `--ignore-scripts`, or `npm rebuild node`, or install Node 24.' },
  'cli.failed': { meaning: 'A command met an error without a code of its own.', cure: '`TDS_DEBUG=1` shows where it happened.' },
} as const;

/** A fault of the command line itself. */
export class CliError extends TdsError {
  readonly exit: ExitCode;

  constructor(code: keyof typeof cliCodes, message: string, options: { exit?: ExitCode; suggestion?: string; cause?: unknown } = {}) {
    const { exit = exitCodes.usage.code, ...rest } = options;
    super(code, message, rest);
    this.exit = exit;
  }
}

/** The command was asked to end, and has cleaned up. */
export class Interrupted extends CliError {
  constructor(signal: unknown, message = 'interrupted') {
    super('cli.interrupted', message, { exit: signal === 'SIGTERM' ? exitCodes.terminated.code : exitCodes.interrupted.code });
  }
}

/** A config that can't be worked with. */
export class ConfigRefused extends CliError {
  readonly file: string;
  readonly findings: readonly Finding[];

  constructor(file: string, findings: readonly Finding[]) {
    super('cli.config', countFindings(file, findings));
    this.file = file;
    this.findings = findings;
  }
}

/** `3 errors, 1 warning in tds.config.yaml`. */
export function countFindings(file: string, findings: readonly Finding[]): string {
  const errors = findings.filter(({ severity }) => severity === 'error').length;
  const warnings = findings.length - errors;
  return `${[errors > 0 && counted(errors, 'error'), warnings > 0 && counted(warnings, 'warning')].filter(Boolean).join(', ') || 'no faults'} in ${file}`;
}

/** Which exit code an error means. */
export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof CliError) return error.exit;
  if (error instanceof OperationError) return error.status === 409 ? exitCodes.failed.code : exitCodes.usage.code;
  if (error instanceof ApiError) return exitCodes.usage.code;
  // Another start does not mend it, so nobody shall try one every few seconds.
  if (error instanceof StoreError && error.code === 'store.migration_newer') return exitCodes.usage.code;
  if (error instanceof StoreError) return /^store\.(embedded_|unreachable)/.test(error.code) ? exitCodes.unreachable.code : exitCodes.failed.code;
  if (databaseErrorKind(error) === 'unavailable' || isRemoteAway(error)) return exitCodes.unreachable.code;
  return exitCodes.failed.code;
}

function isRemoteAway(error: unknown): boolean {
  return error instanceof RetryLaterError || error instanceof RateLimitedError || (isTdsError(error) && /^(http\.(network|timeout)|connection\.)/.test(error.code));
}

/** An error as a person reads it: what is wrong, the code, what to do, where to look. `mask` takes secrets out. */
export function renderError(error: unknown, options: { env: NodeJS.ProcessEnv; mask: (text: string) => string }): string[] {
  const lines = [...(error instanceof ConfigRefused ? findingLines(error) : sentences(error))];
  if (options.env['TDS_DEBUG'] === '1' && error instanceof Error) lines.push(...debugLines(error));
  return lines.map((line) => options.mask(line));
}

function* findingLines({ file, findings }: ConfigRefused): Generator<string> {
  for (const found of findings) yield renderFinding(found);
  yield countFindings(file, findings);
}

function* sentences(error: unknown): Generator<string> {
  if (isTdsError(error)) {
    yield `tds: ${error.message} (${error.code})`;
    if (error.suggestion !== undefined) yield `  ${error.suggestion}`;
  } else if (databaseErrorKind(error) === 'unavailable') {
    yield `tds: the database can't be reached: ${messageOf(error)}`;
    yield '  Check that PostgreSQL runs and that TDS_DATABASE_URL names it; without that variable TDS starts one of its own.';
  } else {
    yield `tds: ${messageOf(error)}`;
  }
  if (exitCodeOf(error) === exitCodes.failed.code && !(error instanceof OperationError)) yield '  TDS_DEBUG=1 shows where it happened.';
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // a host with two addresses fails with one error for each, and no message of its own
  const parts = error instanceof AggregateError && error.message === '' ? error.errors.map((part) => messageOf(part)) : [error.message || error.name];
  return parts.join('; ');
}

function debugLines(error: Error): string[] {
  const lines = (error.stack ?? '').split('\n');
  return error.cause instanceof Error ? [...lines, 'caused by:', ...debugLines(error.cause)] : lines;
}
