/** Where the embedded PostgreSQL keeps its data, and as which user of the operating system it runs. */
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { chmod, lstat, mkdir, rename, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { StoreError } from './errors.ts';

export interface OsUser {
  readonly uid: number;
  readonly gid: number;
}

export interface Place {
  /** Real path of our directory: password, server.json, postgres.log, and the two below. */
  readonly home: string;
  /** PostgreSQL's own data directory. */
  readonly data: string;
  /** Who runs PostgreSQL; undefined: this process's own user. */
  readonly user: OsUser | undefined;
  /** True where the wanted place couldn't be used and another was taken. */
  readonly moved: boolean;
}

/** PostgreSQL refuses to run as root. `nobody` has this number everywhere, and no password or home. */
const nobody: OsUser = { uid: 65534, gid: 65534 };

/**
 * Finds or makes the place for a wanted directory. As root the directory must be one that `nobody` can reach. Below a directory such
 * as root's home (0700) it is not: then `/var/lib/tds/<hash of the wanted path>` is taken, which outlives restarts and cleaners of
 * temporary files; where that can't be written, the same below the temporary directory.
 */
export async function choosePlace(wanted: string): Promise<Place> {
  const path = resolve(wanted);
  if (process.getuid?.() !== 0) {
    await mkdir(path, { recursive: true, mode: 0o700 }).catch((error: unknown) => forbidden(path, error));
    const home = realpathSync(path);
    return { home, data: join(home, 'data'), user: undefined, moved: false };
  }
  const owner = existsSync(join(path, 'data')) ? statSync(join(path, 'data')) : undefined;
  if (owner && owner.uid !== 0) {
    // Made before: maybe by an ordinary user, and root looks in (sudo tds status). It is the same database, run by the same user.
    const home = realpathSync(path);
    return { home, data: join(home, 'data'), user: { uid: owner.uid, gid: owner.gid }, moved: false };
  }
  const name = createHash('sha256').update(path).digest('hex').slice(0, 16);
  const lasting = join('/var/lib/tds', name);
  // Data once moved stays where it is, even if the wanted place could be reached by now.
  if (!existsSync(join(lasting, 'data')) && reachableByOthers(nearestExisting(path))) {
    const home = await makeReachable(path);
    return { home, data: join(home, 'data'), user: nobody, moved: false };
  }
  for (const base of [dirname(lasting), join(tmpdir(), 'tds-root'), '/tmp/tds-root']) {
    const usable = await makeReachable(base).then(
      () => isOurs(base),
      () => false,
    );
    if (!usable || !reachableByOthers(base)) continue;
    const home = await makeReachable(join(base, name));
    await writeFile(join(home, 'made-for'), `${path}\n`);
    return { home, data: join(home, 'data'), user: nobody, moved: true };
  }
  const cure = 'Give a data directory that others may enter (mode 755 on each directory above it), or set TDS_DATABASE_URL.';
  throw new StoreError('store.embedded_forbidden', `PostgreSQL does not run as root, and user 65534 can't reach ${path}.`, cure);
}

/** The superuser's password of the place: made at the first call (256 random bits), the same ever after. Readable by its owner alone. */
export async function placePassword(home: string): Promise<string> {
  const file = join(home, 'password');
  if (!existsSync(file)) {
    // The owner alone comes here first, under its lock. Renamed, so that a kill leaves none or all of it.
    const draft = join(home, `password.${process.pid}.${randomBytes(4).toString('hex')}`);
    await writeFile(draft, randomBytes(32).toString('base64url'), { mode: 0o600 }).catch((error: unknown) => forbidden(home, error));
    await rename(draft, file);
  }
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    return forbidden(home, error);
  }
}

/** True where a user who is neither owner nor in the group may read (a file) or enter (a directory) the path and all above it. */
export function reachableByOthers(path: string): boolean {
  const real = realpathSync(path);
  for (let at = dirname(real); ; at = dirname(at)) {
    if ((statSync(at).mode & 0o001) === 0) return false;
    if (at === dirname(at)) break;
  }
  const stat = statSync(real);
  return (stat.mode & (stat.isDirectory() ? 0o001 : 0o004)) !== 0;
}

function nearestExisting(path: string): string {
  let at = path;
  while (!existsSync(at)) at = dirname(at);
  return at;
}

async function makeReachable(path: string): Promise<string> {
  const first = await mkdir(path, { recursive: true });
  if (first !== undefined) {
    // A strict umask must not shut the other user out of what was just made.
    for (let at = path; ; at = dirname(at)) {
      await chmod(at, 0o755);
      if (at === first) break;
    }
  }
  return realpathSync(path);
}

/** In a directory that all may write, a name could have been taken by somebody else. */
async function isOurs(path: string): Promise<boolean> {
  const stat = await lstat(path);
  return stat.isDirectory() && stat.uid === 0 && (stat.mode & 0o022) === 0;
}

/** Rethrows an error of the file system: in our words where it is one of rights. */
export function forbidden(path: string, cause: unknown): never {
  const { code } = cause as NodeJS.ErrnoException;
  if (code !== 'EACCES' && code !== 'EPERM' && code !== 'EROFS') throw cause;
  const cure = 'Run as the user who made it, give another data directory, or set TDS_DATABASE_URL.';
  throw new StoreError('store.embedded_forbidden', `The data directory ${path} can't be used by this user (${code}).`, cure, { cause });
}
