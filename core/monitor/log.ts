/** The log: JSON lines by pino, or lines for people on a terminal. Nothing is written before it is redacted. */
import pino from 'pino';
import type { Logger } from '../sdk/index.ts';
import { journalLine } from './journal.ts';
import { logContext } from './log-context.ts';
import { escapeControls, prettyLine } from './pretty.ts';
import { Redactor } from './redact.ts';

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';

export interface LogOptions {
  /** The least important line that is written. Default `info`. */
  level?: LogLevel;
  /** Lines for people. Default: when the destination is a terminal. */
  pretty?: boolean;
  /** Each JSON line begins with its priority, for systemd's journal. */
  journal?: boolean;
  /** Colours in those lines. Default: as the terminal and NO_COLOR say. */
  color?: boolean;
  /** Values that must never be written. More may come by `redactor.add`. */
  secrets?: Iterable<string>;
  /** Shared with whoever learns secrets at run time. Default: one of its own. */
  redactor?: Redactor;
  /** Where lines go. Default: standard error, so that a command's own output stays clean. */
  destination?: { write(line: string): unknown; isTTY?: boolean };
  /** Fields of every line. */
  fields?: Record<string, unknown>;
}

/** The logger of the host. Writing is synchronous: a line that was logged survives the process. */
export function createLogger(options: LogOptions = {}): Logger {
  const destination = options.destination ?? process.stderr;
  const redactor = options.redactor ?? new Redactor();
  for (const secret of options.secrets ?? []) redactor.add(secret);
  const pretty = options.pretty ?? destination.isTTY === true;
  const color = options.color ?? (destination.isTTY === true && process.env['NO_COLOR'] === undefined);
  const sink = pretty || options.journal === true ? { write: (line: string) => void destination.write(pretty ? prettyLine(line, color) : journalLine(line)) } : destination;
  const root = pino({ level: options.level ?? 'info', base: null, timestamp: pino.stdTimeFunctions.isoTime }, sink as pino.DestinationStream);
  return wrap(root, redactor, clean(redactor, options.fields ?? {}));
}

/** A logger that writes nothing. */
export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {}, child: () => silentLogger };

function wrap(root: pino.Logger, redactor: Redactor, base: Record<string, unknown>): Logger {
  const at = (level: 'debug' | 'info' | 'warn' | 'error') => (message: string, fields?: Record<string, unknown>): void => {
    if (!root.isLevelEnabled(level)) return;
    const text = escapeControls(redactor.text(String(message)));
    try {
      root[level]({ ...logContext(), ...base, ...clean(redactor, fields ?? {}) }, text);
    } catch (error) {
      // A field whose getter throws must not end the work that only wanted to tell of it.
      root[level]({ ...logContext(), ...base, unloggable: error instanceof Error ? escapeControls(redactor.text(error.message)) : 'fields' }, text);
    }
  };
  return {
    debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error'),
    child: (fields) => wrap(root, redactor, { ...base, ...clean(redactor, fields) }),
  };
}

/** pino's own names must stay its own: a field `level` or `time` of a plugin would forge them. */
const reserved = new Set(['level', 'time', 'msg']);

function clean(redactor: Redactor, fields: Record<string, unknown>): Record<string, unknown> {
  const copy = redactor.value(fields) as Record<string, unknown>;
  for (const name of reserved) {
    if (!Object.hasOwn(copy, name)) continue;
    copy[`${name}_`] = copy[name];
    delete copy[name];
  }
  return copy;
}
