/** Turns what went wrong at an import into a reason that a plugin's author can act on. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { HostCode } from './codes.ts';

/** Why a file could not be loaded. */
export interface LoadError {
  readonly code: HostCode;
  /** One line. */
  readonly reason: string;
  /** Where, as far as it is known. */
  readonly file: string;
  readonly line?: number;
  readonly column?: number;
}

interface Place { readonly file: string; readonly line?: number; readonly column?: number }

/**
 * Explains an error of `import(file)`.
 * @param place the plugin's folder or file: the first line of the stack that lies there is where the author looks first
 */
export async function explainImportError(error: unknown, file: string, place: string): Promise<LoadError> {
  const { code, message, name } = describe(error);
  const found = placeInStack(error, place) ?? { file };
  if (code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND') return { code: 'host.missing_dependency', reason: withoutImporter(message), ...(importerOf(message, place) ?? found) };
  if (name === 'SyntaxError' || code?.endsWith('TYPESCRIPT_SYNTAX')) {
    const exact = found.line === undefined ? await placeOfSyntaxError(file) : found;
    return { code: 'host.syntax', reason: message, ...exact };
  }
  return { code: 'host.import_failed', reason: name === '' || name === 'Error' ? message : `${name}: ${message}`, ...found };
}

function describe(error: unknown): { code: string | undefined; message: string; name: string } {
  if (!(error instanceof Error)) return { code: undefined, message: `threw ${String(error).slice(0, 200)}, which is no Error`, name: '' };
  const code = (error as NodeJS.ErrnoException).code;
  return { code: typeof code === 'string' ? code : undefined, message: firstLine(error.message), name: error.name };
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? text;
}

/** `Cannot find package 'x' imported from /path/y.ts`: the path is told as the place. */
function withoutImporter(message: string): string {
  return message.replace(/ imported from .*$/, '').replace(/\. Did you mean.*$/, '');
}

function importerOf(message: string, place: string): Place | undefined {
  const file = /imported from (?:file:\/\/)?(?<file>\/.+|[A-Za-z]:\\.+)$/.exec(message)?.groups?.['file'];
  return file?.startsWith(place) ? { file } : undefined;
}

function placeInStack(error: unknown, place: string): Place | undefined {
  if (!(error instanceof Error) || error.stack === undefined) return undefined;
  for (const line of error.stack.split('\n')) {
    const [, address, row, column] = /(?:^|\(|at (?:async )?)((?:file:\/\/)?\/?[^\s()]*?):(\d+)(?::(\d+))?\)?$/.exec(line.trim()) ?? [];
    if (address === undefined) continue;
    const file = pathOf(address);
    if (file?.startsWith(place)) return { file, line: Number(row), ...(column === undefined ? {} : { column: Number(column) }) };
  }
  return undefined;
}

function pathOf(address: string): string | undefined {
  if (!address.startsWith('file:')) return address;
  return URL.canParse(address) ? fileURLToPath(address) : undefined;
}

/** Prints what the parser says, `:3` and the lines around it, and runs nothing of the file. */
const parseOnly = `import { readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
try { stripTypeScriptTypes(readFileSync(process.argv[1], 'utf8')); } catch (error) { console.log(error.stack); }`;

/**
 * Node keeps the line of a JavaScript syntax error to itself; its TypeScript parser, which knows JavaScript too, tells it. In a
 * process of its own, because using that parser prints a warning.
 */
async function placeOfSyntaxError(file: string): Promise<Place> {
  const told = await new Promise<string>((resolve) => {
    execFile(process.execPath, ['--no-warnings', '--input-type=module', '--eval', parseOnly, file], { timeout: 5000 }, (_, stdout) => resolve(stdout));
  });
  const line = /^[^\n]*?:(\d+)\n/.exec(told)?.[1];
  return line === undefined ? { file } : { file, line: Number(line) };
}
