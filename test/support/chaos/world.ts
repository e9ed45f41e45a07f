/** A source, a database and TDS processes that may be killed at will: what the chaos tests stand on. */
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { silentLogger } from '../../../core/monitor/log.ts';
import { requestRun } from '../../../core/operations/request-run.ts';
import { createQueue, type QueueTimings } from '../../../core/queue/index.ts';
import type { DatabaseAccess } from '../../../core/sdk/index.ts';
import type { Pool } from '../../../core/store/pool.ts';
import { readRun, type Run, type RunMode } from '../../../core/store/runs.ts';
import { databaseAccess } from '../../../core/store/session.ts';
import { Random } from '../../../sandbox/zoho/random.ts';
import { clock } from '../../queue/support.ts';
import { testDatabase, type TestScope } from '../database.ts';
import { Child, until } from '../processes.ts';
import { differences, leftovers, prepareAudit, type Thing } from './audit.ts';

export interface WorldOptions {
  seed: number;
  /** Records at the beginning. Default 200. */
  records?: number;
  /** How slowly the source answers. Default 5 ms per page of 20 records. */
  pageMs?: number;
  /** Each change makes a record that never was, too: else there is none any more after a while. */
  grows?: boolean;
  /** Another database than one of its own on the tests' server. */
  database?: { url: string; pool: Pool };
  /** Absent: the times that ship. */
  timings?: Partial<QueueTimings>;
  /** YAML of `policies`, in one line. */
  policies?: string;
  /** Of a further source: YAML below `connections:` and `entities:`, and what its processes are told. */
  beside?: { connections: string; entities: string; env: Record<string, string> };
}

export interface NodeOptions { nodeId?: string; waits?: boolean; crashAt?: string; url?: string }

/** A TDS process. */
export class ChaosNode extends Child {
  readonly nodeId: string;
  #asked = 0;

  constructor(scope: TestScope, nodeId: string, args: readonly string[], env: NodeJS.ProcessEnv) {
    super(scope, process.execPath, args, { env });
    this.nodeId = nodeId;
  }

  /** Lets a node that waits go on; resolves when it works. */
  async begin(): Promise<this> {
    this.process.stdin?.write('go\n');
    return this.ready();
  }

  async ready(): Promise<this> {
    await this.said(/^ready$/m);
    return this;
  }

  get over(): boolean {
    return this.process.exitCode !== null || this.process.signalCode !== null;
  }

  /** What `/readyz` would say. */
  async health(): Promise<{ ready: boolean; reasons: string[] }> {
    const word = `health${++this.#asked}`;
    this.process.stdin?.write(`${word}\n`);
    const [, text = ''] = await this.said(new RegExp(`^${word} (\\{.*\\})$`, 'm'));
    return JSON.parse(text) as { ready: boolean; reasons: string[] };
  }
}

const script = fileURLToPath(new URL('node.ts', import.meta.url));
const launcher = fileURLToPath(new URL('../../../core/cli/tds.js', import.meta.url));
const root = fileURLToPath(new URL('../../..', import.meta.url));
const plugins = fileURLToPath(new URL('plugins', import.meta.url));
const scripts = 'scripted';

export class World {
  readonly pool: Pool;
  readonly url: string;
  readonly random: Random;
  readonly folder: string;
  /** What the source has. */
  readonly truth = new Map<string, Thing>();
  /** Records at the source that kill or hang the process that maps them: they are to end as dead letters, never in the table. */
  readonly bad = new Map<string, 'kill' | 'hang' | 'read'>();
  /** Which mapping the config has; the rows say it. */
  mapping = 1;
  readonly scope: TestScope;
  readonly #options: WorldOptions;
  readonly #database: DatabaseAccess;
  readonly #queue: ReturnType<typeof createQueue>;
  readonly #children: ChaosNode[] = [];
  #tick = 0;
  #nodes = 0;

  constructor(scope: TestScope, options: WorldOptions, database: { url: string; pool: Pool }, folder: string) {
    this.scope = scope;
    this.#options = options;
    this.pool = database.pool;
    this.url = database.url;
    this.folder = folder;
    this.random = new Random(options.seed);
    this.#database = databaseAccess(database.pool);
    // Never started: it only adds jobs, so that nothing but the nodes themselves recovers anything.
    this.#queue = createQueue({ url: database.url, version: 'test', concurrency: 0, tasks: {}, clock, log: silentLogger, onExhausted: async () => {} });
    scope.teardown(() => this.#queue.stop());
  }

  get file(): string {
    return join(this.folder, 'tds.config.yaml');
  }

  /** Writes the config, by the mapping of this number. */
  async remap(mapping: number): Promise<void> {
    this.mapping = mapping;
    await writeFile(this.file, `
database: { url: "\${TDS_DATABASE_URL}" }
api:
  port: \${TDS_PORT:-0}
plugins: [${JSON.stringify(plugins)}]
connections:
  source: { plugin: ${scripts}, with: { file: ${JSON.stringify(join(this.folder, 'things.json'))}, pageMs: ${this.#options.pageMs ?? 5} } }
  erp: { plugin: postgres, with: { schema: erp } }
${this.#options.beside?.connections ?? ''}
entities:
${this.#options.beside?.entities ?? ''}
  things:
    from: { connection: source, stream: things }
    to: { connection: erp, table: things }
    key: id
    fields:
      id: id
      name: name
      price: { from: price, type: "numeric(12,2)" }
      modified: { from: modified, type: timestamptz }
      label: { expr: "name & ' ${this.label}'" }
    deletes: { maxShare: 100% }
    batchSize: 20
policies: ${this.#options.policies ?? '{}'}
`);
  }

  get label(): string {
    return `m${this.mapping}`;
  }

  /** Changes, adds and takes away records at the source. */
  async change(most = 40, least = 1): Promise<void> {
    const { random, truth } = this;
    for (let left = random.between(least, most); left > 0; left--) {
      const id = `t${String(random.below(Math.round((this.#options.records ?? 200) * 1.2))).padStart(5, '0')}`;
      if (truth.has(id) && random.chance(0.1)) truth.delete(id);
      else this.#put(id);
    }
    if (this.#options.grows) this.#put(`u${String(this.#tick).padStart(7, '0')}`);
    await this.#save();
  }

  async fill(): Promise<void> {
    for (let n = 0; n < (this.#options.records ?? 200); n++) this.#put(`t${String(n).padStart(5, '0')}`);
    await this.#save();
  }

  /** Puts a record among the others that strikes whoever maps it. */
  async poison(id: string, how: 'kill' | 'hang' | 'read'): Promise<void> {
    this.bad.set(id, how);
    await this.#save();
  }

  #put(id: string): void {
    this.#tick += 1;
    this.truth.set(id, { id, name: `${id} version ${this.#tick}`, price: this.random.between(1, 99_999) / 4, modified: new Date(Date.UTC(2026, 0, 1) + this.#tick * 1000).toISOString() });
  }

  /** At once or not at all, as readers come at any moment. */
  async #save(): Promise<void> {
    const place = join(this.folder, 'things.json');
    await writeFile(`${place}.new`, JSON.stringify([...this.truth.values(), ...[...this.bad].map(([id, bad]) => ({ id, name: id, price: 1, modified: '2026-01-01T00:00:00.000Z', bad }))]));
    await rename(`${place}.new`, place);
  }

  /** Starts a TDS process; it is loading when this answers. */
  node({ nodeId = `node${++this.#nodes}`, waits = false, crashAt, url = this.url }: NodeOptions = {}): ChaosNode {
    const child = new ChaosNode(this.scope, nodeId, [script, JSON.stringify({ file: this.file, nodeId, waits, timings: this.#options.timings })], this.env({ TDS_DATABASE_URL: url, ...(crashAt === undefined ? {} : { TDS_CRASH_AT: crashAt }) }));
    this.#children.push(child);
    return child;
  }

  /** Starts a real `tds start`, which keeps itself alive; it is loading when this answers. */
  start(more: Record<string, string> = {}): Child {
    return new Child(this.scope, process.execPath, [launcher, 'start', '--json', '--config', this.file], { cwd: root, env: this.env({ TDS_PORT: '0', ...more }) });
  }

  /** The environment of a process of this world. */
  env(more: Record<string, string> = {}): Record<string, string> {
    const { PATH = '', HOME = '' } = process.env;
    // Loading takes longer than all else in a process that lives for a second.
    return { PATH, HOME, NODE_COMPILE_CACHE: join(tmpdir(), `tds-chaos-compiled-${process.getuid?.() ?? 'user'}`), TDS_DATABASE_URL: this.url, TDS_DATA: this.folder, TDS_SECRET_KEY: 'a key of the tests, long enough to be one', ...this.#options.beside?.env, ...more };
  }

  /** Asks for a run as a person would; one that is under way is answered as it is. */
  async ask(mode: RunMode): Promise<Run> {
    return this.#database.transaction(async (session) => (await requestRun(session, (inner, job) => this.#queue.enqueue({ query: (text: string, values: unknown[]) => inner.query(text, values) } as never, job), { entity: 'things', mode, trigger: 'test' })).run);
  }

  async run(id: string): Promise<Run> {
    const run = await this.#database.transaction((session) => readRun(session, id));
    if (!run) throw new Error(`there is no run ${id}`);
    return run;
  }

  /** Resolves when no run is under way and no job waits. */
  async settled(): Promise<void> {
    await this.until('no run is under way', async () => (await this.#left().catch(() => [1])).length === 0);
  }

  /** Waits; where it was in vain, the error tells how things stand. */
  async until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
    await until(what, holds).catch(async (cause: unknown) => {
      throw new Error(`${String(cause)}: ${await this.standing()}`, { cause });
    });
  }

  /** Runs and jobs under way, nodes that ended by themselves, and what the latest processes said last. */
  async standing(): Promise<string> {
    return `${JSON.stringify(await this.#left().catch(String))}\n${this.#ended().join('\n')}\n${this.#children.map((child) => `${child.nodeId}: ${child.output.slice(-1500)}`).slice(-3).join('\n')}`;
  }

  async #left(): Promise<unknown[]> {
    return (await this.pool.query(`select mode, status, code, reason, node from tds.runs where status in ('queued', 'running', 'waiting')
      union all select 'job', locked_by, attempts::text, last_error, run_at::text from graphile_worker._private_jobs`)).rows;
  }

  #ended(): string[] {
    return this.#children.filter(({ process: { exitCode } }) => (exitCode ?? 0) !== 0).map(({ nodeId, process, output }) => `${nodeId} ended by itself, with code ${process.exitCode}: ${output.slice(-1000)}`);
  }

  /** What is wrong, once all is settled; `after` says which run was the last. */
  async faults(after: RunMode): Promise<string[]> {
    return [...await differences(this.pool, this.truth, { label: this.label, goneToo: after === 'full' }), ...await leftovers(this.pool), ...this.#ended()];
  }

  async effects(): Promise<number> {
    return (await this.pool.query<{ n: number }>('select coalesce(max(n), 0)::int as n from chaos.audit')).rows[0]?.n ?? 0;
  }
}

/** Makes the world, with records at its source and an empty table. Everything ends with the test. */
export async function openWorld(scope: TestScope, options: WorldOptions): Promise<World> {
  const [database, folder] = await Promise.all([options.database ?? testDatabase(scope), mkdtemp(join(tmpdir(), 'tds-chaos-'))]);
  scope.teardown(() => rm(folder, { recursive: true, force: true }));
  const world = new World(scope, options, database, folder);
  await prepareAudit(world.pool);
  await world.fill();
  await world.remap(1);
  return world;
}
