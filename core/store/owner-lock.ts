/**
 * Who owns a directory: one process at a time, known to all others. The kernel keeps the lock (a listening local socket), so that
 * it is free the moment its owner dies, whatever the way, and no lock file can go stale. The others ask the owner over the same
 * socket where the server is, and are told when it goes away.
 */
import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

/** What the owner tells those who ask. */
export type Announcement = Readonly<Record<string, string | number>>;

/** Held by the owner. */
export interface OwnerLock {
  readonly role: 'owner';
  /** Answers all who asked and will ask; until then they wait. `undefined` makes later ones wait again. */
  announce(what: Announcement | undefined): void;
  /** Called with the number of followers each time it changes. */
  onFollowers(listener: (count: number) => void): void;
  /** Frees the lock and cuts all followers off. Idempotent. */
  release(): Promise<void>;
}

/** Held by one who found an owner at work. */
export interface Follower {
  readonly role: 'follower';
  readonly announcement: Announcement;
  /** Resolves when the owner has gone, or after `release`. */
  readonly ownerGone: Promise<void>;
  release(): void;
}

export interface LockOptions {
  /** The directory, as a real path. */
  directory: string;
  /** A text that only the owner and rightful followers can read: it proves to each follower that no stranger took the name. */
  secret: () => Promise<string>;
}

const socketPath = (directory: string): string => {
  const name = `tds-${createHash('sha256').update(directory).digest('hex').slice(0, 32)}`;
  if (process.platform === 'linux') return `\0${name}`;
  if (process.platform === 'win32') return `\\\\.\\pipe\\${name}`;
  return join(tmpdir(), `${name}.sock`);
};

/** Becomes the owner, or follows the one there is (waiting until it has announced). `signal` ends the wait by throwing its reason. */
export async function ownOrFollow(options: LockOptions, signal: AbortSignal): Promise<OwnerLock | Follower> {
  for (;;) {
    const lock = await tryOwn(options);
    if (lock) return lock;
    const follower = await follow(options, signal);
    if (follower) return follower;
    await pause(10, undefined, { signal }); // the owner is just going
  }
}

/** Follows the owner if there is one; else undefined. */
export async function follow(options: LockOptions, signal: AbortSignal): Promise<Follower | undefined> {
  signal.throwIfAborted();
  const socket = createConnection(socketPath(options.directory));
  const nonce = randomBytes(16).toString('hex');
  const gone = Promise.withResolvers<void>();
  const line = Promise.withResolvers<string | undefined>();
  let text = '';
  const abort = () => socket.destroy();
  signal.addEventListener('abort', abort, { once: true });
  socket.setEncoding('utf8');
  socket.on('connect', () => socket.write(`${nonce}\n`));
  socket.on('data', (chunk: string) => {
    text += chunk;
    if (text.includes('\n')) line.resolve(text.slice(0, text.indexOf('\n')));
    else if (text.length > 10_000) socket.destroy();
  });
  socket.on('error', () => {}); // 'close' follows
  socket.on('close', () => {
    line.resolve(undefined);
    gone.resolve();
  });
  const answer = await line.promise;
  signal.removeEventListener('abort', abort);
  if (signal.aborted) {
    socket.destroy();
    throw signal.reason;
  }
  if (answer === undefined) {
    await clearStalePath(options.directory);
    return undefined;
  }
  const [proof = '', body = ''] = [answer.slice(0, 64), answer.slice(65)];
  if (!same(proof, proofOf(await options.secret(), nonce, body))) {
    socket.destroy();
    throw new Error('the process that holds the name of this directory does not know its password');
  }
  socket.unref();
  return {
    role: 'follower',
    announcement: JSON.parse(body) as Announcement,
    ownerGone: gone.promise,
    release: () => void socket.destroy(),
  };
}

async function tryOwn(options: LockOptions): Promise<OwnerLock | undefined> {
  const followers = new Set<Socket>();
  const waiting = new Map<Socket, string>();
  let announcement: Announcement | undefined;
  let listener: ((count: number) => void) | undefined;
  let secret = '';

  const answer = (socket: Socket, nonce: string): void => {
    const body = JSON.stringify(announcement);
    socket.write(`${proofOf(secret, nonce, body)} ${body}\n`);
    waiting.delete(socket);
    followers.add(socket);
    listener?.(followers.size);
  };
  const server = createServer((socket) => {
    let text = '';
    socket.setEncoding('utf8');
    socket.unref();
    socket.on('error', () => {});
    socket.on('data', (chunk: string) => {
      if (followers.has(socket) || waiting.has(socket)) return;
      text += chunk;
      const end = text.indexOf('\n');
      if (end > 64 || text.length > 64) return void socket.destroy();
      if (end < 0) return;
      waiting.set(socket, text.slice(0, end));
      if (announcement) answer(socket, text.slice(0, end));
    });
    socket.on('close', () => {
      waiting.delete(socket);
      if (followers.delete(socket)) listener?.(followers.size);
    });
    all.add(socket);
    socket.on('close', () => all.delete(socket));
  });
  const all = new Set<Socket>();
  if (!(await listen(server, socketPath(options.directory)))) return undefined;
  server.unref();
  try {
    secret = await options.secret();
  } catch (error) {
    server.close();
    throw error;
  }
  let released: Promise<void> | undefined;
  return {
    role: 'owner',
    announce(what) {
      announcement = what;
      if (what) for (const [socket, nonce] of waiting) answer(socket, nonce);
    },
    onFollowers(next) {
      listener = next;
    },
    release() {
      released ??= new Promise((resolve) => {
        listener = undefined;
        server.ref(); // so that the process lives until it has closed
        server.close(() => resolve());
        for (const socket of all) socket.destroy();
      });
      return released;
    },
  };
}

function listen(server: Server, path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(false);
      else reject(error);
    });
    server.listen(path, () => resolve(true));
  });
}

/** Only where the name is a file (macOS, BSD): one that nobody listens on is a dead owner's. */
async function clearStalePath(directory: string): Promise<void> {
  const path = socketPath(directory);
  if (process.platform === 'linux' || process.platform === 'win32') return;
  const alive = await new Promise<boolean>((resolve) => {
    const probe = createConnection(path, () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', () => resolve(false));
  });
  if (!alive) await rm(path, { force: true });
}

const proofOf = (secret: string, nonce: string, body: string): string => createHmac('sha256', secret).update(`${nonce} ${body}`).digest('hex');

function same(a: string, b: string): boolean {
  const [x, y] = [Buffer.from(a), Buffer.from(b)];
  return x.length === y.length && timingSafeEqual(x, y);
}
