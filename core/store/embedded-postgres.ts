/**
 * The embedded PostgreSQL: a real server in a directory of the project, so that a newcomer needs none. The first process that starts
 * it owns it; every later one (a `tds status` beside a running `tds start`) is given the same server. It ends with its owner, whatever
 * the way of the owner's end; those attached lose their connections then, and start it anew if they call again.
 */
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Client } from 'pg';
import { own, urlOf } from './embedded-owner.ts';
import { choosePlace, placePassword, type Place } from './embedded-place.ts';
import type { StopMode } from './embedded-server.ts';
import { StoreError } from './errors.ts';
import { follow, ownOrFollow, type Follower } from './owner-lock.ts';

export type { StopMode } from './embedded-server.ts';

/** What of a logger is used here; a pino logger is one. */
export interface StoreLog {
  info(text: string): void;
  warn(text: string): void;
}

export interface EmbeddedPostgresOptions {
  /** Default `.tds/postgres` below the working directory. It may be moved as root: see `EmbeddedPostgres.directory`. */
  readonly dataDirectory?: string;
  readonly log?: StoreLog;
  /** A fixed port. Default: the one it had last, or any free one. Ignored where the server already runs. */
  readonly port?: number;
  /** False only for tests: no fsync, faster, and broken by a power cut. */
  readonly durable?: boolean;
  /** More PostgreSQL settings, over the defaults. */
  readonly settings?: Readonly<Record<string, string>>;
  /** How long to wait for another process that is starting or stopping the server, in ms. Default 90,000. */
  readonly patience?: number;
  /** Tells the owner how many other processes are attached, each time that changes. */
  readonly onAttached?: (count: number) => void;
}

export interface EmbeddedPostgres {
  /** With the password: never log it. The same over restarts. */
  readonly url: string;
  readonly port: number;
  /** Where it really is: password, server.json, postgres.log and data/. */
  readonly directory: string;
  /** True: this process started the server, and `stop` ends it. False: it is another process's, and `stop` only lets go. */
  readonly owned: boolean;
  /** The server's process id, for tests and for people. Changes by a restart. */
  readonly pid: number;
  /** Attached: resolves when the owner has gone. Owned: after `stop`. */
  readonly ended: Promise<void>;
  /** Idempotent. `immediate` is a crash on purpose (chaos tests). */
  stop(mode?: StopMode): Promise<void>;
  /** Stops and starts the server on the same port; only for the owner. */
  restart(mode?: StopMode): Promise<void>;
}

/** Takes what nobody wants to read. */
export const silent: StoreLog = { info() {}, warn() {} };

/**
 * Starts the embedded PostgreSQL, or attaches to the one that runs on the same directory. Resolves when it accepts connections.
 * Called by `core/main.ts` where TDS_DATABASE_URL isn't set.
 * @throws StoreError `store.embedded_*`
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions = {}): Promise<EmbeddedPostgres> {
  const place = await choosePlace(options.dataDirectory ?? join('.tds', 'postgres'));
  const signal = AbortSignal.timeout(options.patience ?? 90_000);
  for (;;) {
    const lock = await ownOrFollow({ directory: place.home, secret: () => placePassword(place.home) }, signal).catch((cause: unknown) => {
      if (cause instanceof StoreError) throw cause;
      const cure = 'Stop that process (server.json there names the last one), and start again.';
      throw new StoreError('store.embedded_busy', `Another process holds ${place.home} and gives no answer.`, cure, { cause });
    });
    if (lock.role === 'owner') return own(lock, place, options);
    const attached = await attach(lock, place, options.log ?? silent);
    if (attached) return attached;
  }
}

/** Attaches to the server if one runs on this directory; undefined where none does. Starts nothing. */
export async function attachEmbeddedPostgres(options: EmbeddedPostgresOptions = {}): Promise<EmbeddedPostgres | undefined> {
  const place = await choosePlace(options.dataDirectory ?? join('.tds', 'postgres'));
  const signal = AbortSignal.timeout(options.patience ?? 90_000);
  const follower = await follow({ directory: place.home, secret: () => placePassword(place.home) }, signal);
  return follower && attach(follower, place, options.log ?? silent);
}

async function attach(follower: Follower, place: Place, log: StoreLog): Promise<EmbeddedPostgres | undefined> {
  const port = Number(follower.announcement['port']);
  const url = urlOf(port, await placePassword(place.home));
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 10_000 });
  client.on('error', () => {});
  try {
    await client.connect();
  } catch (error) {
    // Between the answer and the connection the owner may have gone. If it stays, the fault is real.
    follower.release();
    if ((error as { code?: string }).code === '28P01') throw error;
    await pause(50);
    return undefined;
  } finally {
    await client.end().catch(() => {});
  }
  log.info(`attached to the embedded PostgreSQL of process ${follower.announcement['owner']} (port ${port}); it ends with that process`);
  return {
    url,
    port,
    directory: place.home,
    owned: false,
    pid: Number(follower.announcement['pid']),
    ended: follower.ownerGone,
    stop: async () => follower.release(),
    restart: () => Promise.reject(new Error('only the process that started the embedded PostgreSQL may restart it')),
  };
}
