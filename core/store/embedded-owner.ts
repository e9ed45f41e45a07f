/** The owner's side of the embedded PostgreSQL: start, bring back what ended by itself, restart, stop; one of them at a time. */
import { readFileSync } from 'node:fs';
import { chown, rename, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { findBinaries, type Binaries } from './embedded-binaries.ts';
import { clearPredecessor, initialize } from './embedded-data.ts';
import { placePassword, type Place } from './embedded-place.ts';
import type { EmbeddedPostgres, EmbeddedPostgresOptions, StoreLog } from './embedded-postgres.ts';
import { DataInUse, launch, PortTaken, type Server, type StopMode } from './embedded-server.ts';
import { StoreError } from './errors.ts';
import type { OwnerLock } from './owner-lock.ts';

/** What the processes of a killed server may take to end. */
const endingMs = 10_000;

/** Starts the server under the lock, which is released when that fails and by `stop`. */
export async function own(lock: OwnerLock, place: Place, options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  try {
    const password = await placePassword(place.home);
    const binaries = await findBinaries(place.home, place.user);
    await initialize(binaries, place, password, options.durable ?? true);
    if (options.onAttached) lock.onFollowers(options.onAttached);
    const owner = new Owner(lock, place, options, binaries, password);
    await owner.open(options.port ?? (await freePort(lastPort(place))));
    return owner;
  } catch (error) {
    await lock.release();
    throw error;
  }
}

class Owner implements EmbeddedPostgres {
  readonly owned = true;
  readonly directory: string;
  readonly ended: Promise<void>;
  port = 0;
  readonly #lock: OwnerLock;
  readonly #place: Place;
  readonly #options: EmbeddedPostgresOptions;
  readonly #binaries: Binaries;
  readonly #password: string;
  readonly #log: StoreLog;
  readonly #end = Promise.withResolvers<void>();
  #server: Server | undefined;
  #stopping: Promise<void> | undefined;
  /** The last of the acts that change the server; the next one waits for it. */
  #acts: Promise<unknown> = Promise.resolve();

  constructor(lock: OwnerLock, place: Place, options: EmbeddedPostgresOptions, binaries: Binaries, password: string) {
    this.#lock = lock;
    this.#place = place;
    this.#options = options;
    this.#binaries = binaries;
    this.#password = password;
    this.#log = options.log ?? { info() {}, warn() {} };
    this.directory = place.home;
    this.ended = this.#end.promise;
  }

  get url(): string {
    return urlOf(this.port, this.#password);
  }

  get pid(): number {
    return this.#server?.pid ?? 0;
  }

  async open(port: number): Promise<void> {
    const place = this.#place;
    await this.#start(port, this.#options.port === undefined);
    const where = place.moved ? `${place.home}, as user 65534 can't reach the wanted directory` : place.home;
    const text = `embedded PostgreSQL ${this.#binaries.major} runs on 127.0.0.1:${this.port}`;
    this.#log.info(`${text} (data in ${where}; psql's user is tds, its password in the file "password" there)`);
  }

  stop(mode: StopMode = 'fast'): Promise<void> {
    // Said while a fast stop takes its time, `immediate` must not wait for its turn.
    if (mode === 'immediate' && this.#stopping) void this.#server?.stop('immediate');
    this.#stopping ??= this.#act(async () => {
      this.#lock.announce(undefined);
      await this.#close(mode);
      await this.#lock.release();
      this.#end.resolve();
    });
    return this.#stopping;
  }

  async restart(mode: StopMode = 'fast'): Promise<void> {
    await this.#act(async () => {
      if (this.#stopping) throw new Error('the embedded PostgreSQL has been stopped');
      this.#lock.announce(undefined);
      await this.#close(mode);
      try {
        await this.#start(this.port, false);
      } catch (error) {
        void this.#revive(String(error));
        throw error;
      }
    });
  }

  #act<T>(work: () => Promise<T>): Promise<T> {
    const act = this.#acts.then(work);
    this.#acts = act.catch(() => {});
    return act;
  }

  async #close(mode: StopMode): Promise<void> {
    const server = this.#server;
    this.#server = undefined; // its end is asked for
    await server?.stop(mode);
  }

  /** `mayMove`: another port will do, as no client knows of this one yet. */
  async #start(wanted: number, mayMove: boolean): Promise<void> {
    const { settings = {}, durable = true, patience = endingMs } = this.#options;
    const deadline = performance.now() + Math.min(patience, endingMs);
    let port = wanted;
    for (let attempt = 1; ; attempt++) {
      const stalePid = await clearPredecessor(this.#place, (text) => this.#log.info(`embedded PostgreSQL: ${text}`));
      try {
        const server = await launch({ binaries: this.#binaries, place: this.#place, port, durable, stalePid, settings });
        await this.#opened(server, port);
        return;
      } catch (error) {
        if (error instanceof PortTaken) {
          const cure = 'Stop that program, or choose another port.';
          if (!mayMove) throw new StoreError('store.embedded_port', `Port ${port} on 127.0.0.1 is taken by another program.`, cure, { cause: error });
          port = await freePort(undefined);
        } else if (error instanceof DataInUse) {
          const cure = 'Give the command to the TDS that runs (podman exec tds tds …), or stop that container first.';
          if (performance.now() > deadline) throw new StoreError('store.embedded_busy', `A PostgreSQL is at work on ${this.#place.data}, which this process can't see: in another container, it seems.`, cure, { cause: error });
        } else if (!(error instanceof StoreError) || !/shared memory block|postmaster\.pid" already exists/.test(error.message)) throw error;
        if (attempt >= 100) throw error;
        await pause(100); // backends of a killed server are still ending
      }
    }
  }

  async #opened(server: Server, port: number): Promise<void> {
    this.#server = server;
    this.port = port;
    await writeState(this.#place, { port, pid: server.pid, owner: process.pid, user: 'tds', database: 'postgres' }).catch((error: unknown) =>
      this.#log.warn(`embedded PostgreSQL: server.json can't be written (${String(error)})`),
    );
    this.#lock.announce({ port, pid: server.pid, owner: process.pid });
    void this.#watch(server);
  }

  async #watch(server: Server): Promise<void> {
    const how = await server.exited;
    if (this.#server === server) await this.#revive(how);
  }

  /** A server that ended unasked (killed, out of memory) comes back by itself on its port: its clients count on that. */
  async #revive(reason: string): Promise<void> {
    this.#server = undefined;
    this.#lock.announce(undefined);
    let how = reason;
    for (let wait = 100; !this.#stopping && !this.#server; wait = Math.min(wait * 2, 10_000)) {
      this.#log.warn(`embedded PostgreSQL ended by itself (${how}); starting it again`);
      try {
        await this.#act(async () => {
          if (!this.#stopping && !this.#server) await this.#start(this.port, false);
        });
      } catch (error) {
        how = error instanceof Error ? error.message : String(error);
        await pause(wait, undefined, { ref: false });
      }
    }
  }
}

/** Holds the password. */
export const urlOf = (port: number, password: string): string => `postgres://tds:${password}@127.0.0.1:${port}/postgres`;

/** The state file is for people and their tools; TDS's own processes ask the owner. */
async function writeState(place: Place, state: Record<string, string | number>): Promise<void> {
  const path = join(place.home, 'server.json');
  await writeFile(`${path}.new`, `${JSON.stringify({ host: '127.0.0.1', ...state })}\n`, { mode: 0o600 });
  // As root: so that the user whose directory it is can go on alone later. No secret is in it.
  if (place.user) await chown(`${path}.new`, place.user.uid, place.user.gid);
  await rename(`${path}.new`, path);
}

function lastPort(place: Place): number | undefined {
  try {
    const { port } = JSON.parse(readFileSync(join(place.home, 'server.json'), 'utf8')) as { port?: unknown };
    return typeof port === 'number' && Number.isInteger(port) && port > 0 && port < 65_536 ? port : undefined;
  } catch {
    return undefined;
  }
}

/** The preferred port if it is free, else any. It may be taken again before PostgreSQL binds it: the caller tries again then. */
async function freePort(preferred: number | undefined): Promise<number> {
  const probe = createServer();
  const port = await new Promise<number | undefined>((resolve) => {
    probe.once('error', () => resolve(undefined));
    probe.listen(preferred ?? 0, '127.0.0.1', () => resolve((probe.address() as { port: number }).port));
  });
  await new Promise<void>((resolve) => probe.close(() => resolve()));
  if (port !== undefined) return port;
  if (preferred === undefined) throw new StoreError('store.embedded_port', 'No port is free on 127.0.0.1.', 'Give one by hand, or set TDS_DATABASE_URL.');
  return freePort(undefined);
}
