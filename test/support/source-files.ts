/** Reads the source files of the repository and what they import, without running or parsing more of them than that needs. */
import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join, normalize, sep } from 'node:path';

/** Text between quotes, with the line on which it begins. */
export interface Literal { readonly text: string; readonly line: number }

/** One import, by whatever form. */
export interface Import extends Literal {
  /** The file from the root of the repository, for a relative import; undefined for a package. */
  readonly target: string | undefined;
  /** `import type` and `export type`: gone at run time. */
  readonly typeOnly: boolean;
}

export interface SourceFile {
  /** From the root of the repository, with `/`. */
  readonly path: string;
  readonly imports: readonly Import[];
  /** All texts between quotes that are no imports. */
  readonly literals: readonly Literal[];
}

/** All `.ts` and `.js` files below these folders. */
export function readSourceFiles(root: string, folders: readonly string[]): SourceFile[] {
  return folders.flatMap((folder) => listFiles(root, folder)).map((path) => parseSource(path, readFileSync(join(root, path), 'utf8')));
}

function listFiles(root: string, folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.name === 'node_modules' || entry.name.startsWith('.')) return [];
    if (entry.isDirectory()) return listFiles(root, path);
    return /\.[cm]?[jt]s$/.test(entry.name) ? [path] : [];
  });
}

/** The imports and texts of one file. */
export function parseSource(path: string, source: string): SourceFile {
  const imports: Import[] = [];
  const literals: Literal[] = [];
  for (const { text, start, before } of literalsOf(source)) {
    const line = source.slice(0, start).split('\n').length;
    if (/(?:\bfrom|\bimport|\b(?:import|require|import\.meta\.resolve)\s*\()\s*$/.test(before)) imports.push({ text, line, target: targetOf(path, text), typeOnly: /\b(?:import|export)\s+type\b[^;"]*$/.test(before) });
    else literals.push({ text, line });
  }
  return { path, imports, literals };
}

function targetOf(path: string, specifier: string): string | undefined {
  if (!/^\.{0,2}\//.test(specifier)) return undefined;
  return normalize(join(dirname(path), specifier)).split(sep).join('/');
}

interface FoundLiteral { text: string; start: number; before: string }

/** Comments are skipped; the parts of a template between its `${…}` are texts of their own. */
function* literalsOf(source: string): Generator<FoundLiteral> {
  const templates: number[] = [];
  let code = '';
  let at = 0;
  while (at < source.length) {
    const rest = source.slice(at, at + 2);
    const sign = source[at] as string;
    const closesPlaceholder = sign === '}' && templates.at(-1) === 0;
    if (rest === '//') at = endOf(source, '\n', at);
    else if (rest === '/*') at = endOf(source, '*/', at + 2) + 2;
    else if (sign === '/' && beginsRegex(code)) {
      at = endOfRegex(source, at);
      code += '/ /';
    } else if (sign === "'" || sign === '"' || sign === '`' || closesPlaceholder) {
      const quote = closesPlaceholder ? '`' : sign;
      const end = endOfText(source, at + 1, quote);
      yield { text: source.slice(at + 1, end.at), start: at, before: code.slice(-2000) };
      if (closesPlaceholder) templates.pop();
      if (end.placeholder) templates.push(0);
      code += '"';
      at = end.at + (end.placeholder ? 2 : 1);
    } else {
      const depth = templates.at(-1);
      if (depth !== undefined && (sign === '{' || sign === '}')) templates[templates.length - 1] = depth + (sign === '{' ? 1 : -1);
      code += sign;
      at += 1;
    }
  }
}

function endOf(source: string, mark: string, from: number): number {
  const found = source.indexOf(mark, from);
  return found === -1 ? source.length : found;
}

function endOfText(source: string, from: number, quote: string): { at: number; placeholder: boolean } {
  for (let at = from; at < source.length; at += 1) {
    if (source[at] === '\\') at += 1;
    else if (source[at] === quote) return { at, placeholder: false };
    else if (quote === '`' && source.startsWith('${', at)) return { at, placeholder: true };
  }
  return { at: source.length, placeholder: false };
}

/** A slash divides after a value, and begins a regular expression anywhere else. */
function beginsRegex(code: string): boolean {
  const before = code.trimEnd();
  return before === '' || /[(,=:[!&|?{};+\-*%<>~^]$/.test(before) || /\b(?:return|typeof|case|in|of|delete|void|throw|await|yield)$/.test(before);
}

function endOfRegex(source: string, from: number): number {
  let inClass = false;
  for (let at = from + 1; at < source.length; at += 1) {
    const sign = source[at];
    if (sign === '\\') at += 1;
    else if (sign === '[') inClass = true;
    else if (sign === ']') inClass = false;
    else if ((sign === '/' && !inClass) || sign === '\n') return at + 1;
  }
  return source.length;
}
