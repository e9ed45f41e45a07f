/** Which files and folders of a directory are meant as plugins. */
import { readFile, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** Something that is meant as a plugin. */
export interface Candidate {
  /** The name of the file or folder, for people. */
  readonly name: string;
  /** The folder, or the single file, as an absolute path. */
  readonly place: string;
  /** The file to import; undefined where the folder has none. */
  readonly file: string | undefined;
}

const entryNames = ['plugin.ts', 'plugin.js', 'index.ts', 'index.js'];

/**
 * What lies in a directory, in the order of names. Names that begin with `_` or `.`, `node_modules`, tests and type declarations are
 * no plugins. Rejects with Node's own error where the directory can't be read.
 */
export async function findCandidates(directory: string): Promise<Candidate[]> {
  const names = (await readdir(directory)).sort();
  const found = await Promise.all(names.filter((name) => !/^[_.]/.test(name) && name !== 'node_modules').map((name) => candidateOf(directory, name)));
  return found.filter((candidate) => candidate !== undefined);
}

async function candidateOf(directory: string, name: string): Promise<Candidate | undefined> {
  const place = join(directory, name);
  // Links are followed: a plugin under development may be linked in.
  const kind = await stat(place).catch(() => undefined);
  if (kind?.isDirectory()) return { name, place, file: await entryOf(place) };
  const isPluginFile = kind?.isFile() && /\.[jt]s$/.test(name) && !/\.(?:test|spec|d)\.[jt]s$/.test(name);
  return isPluginFile ? { name, place, file: place } : undefined;
}

async function entryOf(folder: string): Promise<string | undefined> {
  const named = await entryOfPackage(folder);
  for (const file of named === undefined ? entryNames : [named, ...entryNames]) {
    const path = join(folder, file);
    if ((await stat(path).catch(() => undefined))?.isFile()) return path;
  }
  // Named and missing is told as such, by the import that fails.
  return named === undefined ? undefined : join(folder, named);
}

/** The file that a package's own description names. */
async function entryOfPackage(folder: string): Promise<string | undefined> {
  const text = await readFile(join(folder, 'package.json'), 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    const { main, exports } = JSON.parse(text) as { main?: unknown; exports?: unknown };
    return exportOf(exports) ?? (typeof main === 'string' ? main : undefined);
  } catch {
    return undefined;
  }
}

/** `exports` as text, with `.`, and with conditions, of which an ES module host takes these. */
function exportOf(exports: unknown): string | undefined {
  if (typeof exports === 'string') return exports;
  if (typeof exports !== 'object' || exports === null) return undefined;
  const conditions = exports as Record<string, unknown>;
  for (const name of ['.', 'node', 'import', 'default']) {
    const found = exportOf(conditions[name]);
    if (found !== undefined) return found;
  }
  return undefined;
}
