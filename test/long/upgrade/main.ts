/**
 * `npm run test:upgrade`: a rolling upgrade from a real older TDS, under load. Two nodes of the old version sync; a node of this one is started
 * beside them and migrates; the old ones are replaced one after the other; no row may be lost, doubled or wrong.
 *   --from REF   the commit to come from. Default: two of them, one after the other: a state of long ago, which knew neither roles of nodes nor
 *                backups, and the last one without this tree's newest migration
 */
import { execFileSync } from 'node:child_process';
import { mkdtemp, readdir, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { projectRoot } from '../../../core/main.ts';
import { startZohoSandbox } from '../../../sandbox/zoho/server.ts';
import { testDatabase } from '../../support/database.ts';
import { Child, until } from '../../support/processes.ts';
import { envOf, type Shop } from '../../support/shop.ts';
import { allDifferences } from '../../support/shop-truth.ts';

const { values } = parseArgs({ options: { from: { type: 'string' } } });
/** Many migrations ago; moved on with the next major version, within which an upgrade has to work. */
const longAgo = '2fbf02c';
const endings: (() => unknown)[] = [];
const scope = { teardown: (action: () => unknown) => endings.push(action) };
const faults: string[] = [];
const say = (line: string): void => console.log(`  ${line}`);
const git = (...args: string[]): string => execFileSync('git', args, { cwd: projectRoot, encoding: 'utf8' }).trim();

/** A node of either version, as `tds start` starts it. */
class Version {
  readonly #folder: string;
  readonly #env: Record<string, string>;
  readonly #file: string;

  constructor(folder: string, file: string, env: Record<string, string>) {
    this.#folder = folder;
    this.#file = file;
    this.#env = env;
  }

  start(): Child {
    const { PATH = '', HOME = '' } = process.env;
    return new Child(scope, process.execPath, [join(this.#folder, 'core/cli/tds.js'), 'start', '--json', '--config', this.#file], { cwd: this.#folder, env: { PATH, HOME, ...this.#env } });
  }

  async started(): Promise<{ child: Child; api: string }> {
    const child = this.start();
    const [line] = await child.said(/^\{"type":"started".*\}$/m); // a migration says something before
    return { child, api: (JSON.parse(line) as { api: string }).api };
  }
}

for (const from of values.from === undefined ? [longAgo, await before()] : [values.from]) {
  const began = performance.now();
  try {
    await main(from);
  } catch (error) {
    faults.push(error instanceof Error ? error.stack ?? error.message : String(error));
  } finally {
    for (const ending of endings.splice(0).toReversed()) await Promise.resolve(ending()).catch((error: unknown) => console.log(`  teardown: ${String(error)}`));
  }
  say(`in ${Math.round((performance.now() - began) / 1000)} s`);
}
for (const fault of faults) console.log(`  FAULT: ${fault}`);
console.log(faults.length === 0 ? 'kept' : 'BROKEN');
process.exit(faults.length === 0 ? 0 : 1);

async function main(from: string): Promise<void> {
  console.log(`from ${git('log', '-1', '--format=%h %s', from)} to ${git('log', '-1', '--format=%h %s')}`);
  const folder = await unpacked(from);
  const [database, sandbox] = [await testDatabase(scope, { migrated: false }), await startZohoSandbox({ scale: 'small', limits: false, latency: 10, customers: 40, items: 600, daysOfOrders: 2 })];
  scope.teardown(() => sandbox.close());
  const env = { ...envOf(sandbox), TDS_DATABASE_URL: database.url, TDS_DATA: join(folder, '.data'), TDS_SECRET_KEY: 'a key of the tests, long enough to be one', TDS_SCHEDULES: 'off', TDS_PORT: '0', TDS_SUPERVISED: '1' };
  // The config of the old version for both: an upgrade must not ask for another one.
  const file = join(folder, 'tds.config.yaml');
  const [old, present] = [new Version(folder, file, env), new Version(projectRoot, file, env)];
  const rows = async <T extends object>(text: string): Promise<T[]> => (await database.pool.query(text)).rows as T[];
  const migrations = async (): Promise<number> => (await rows('SELECT 1 FROM tds.migrations')).length;
  const settled = (): Promise<void> => until('no run is under way', async () => (await rows(`SELECT 1 FROM tds.runs WHERE status IN ('queued', 'running', 'waiting')`)).length === 0);

  const olds = [await old.started(), await old.started()] as const;
  await ask(olds[0].api, 'full');
  await settled();
  const [before_, counted] = [await migrations(), await rows<{ n: string }>('SELECT count(*) AS n FROM tds.records WHERE deleted_at IS NULL')];
  say(`the old version has synced ${counted[0]?.n} records; ${before_} migrations`);

  let edits = 0;
  const edit = (): void => {
    for (const [resource, many] of [['items', 150], ['contacts', 20], ['invoices', 15]] as const) for (const id of [...sandbox.store.ids(resource)].slice(edits % 40, edits % 40 + many)) sandbox.store.edit(resource, id);
    sandbox.store.delete('items', [...sandbox.store.ids('items')].at(-1) as string);
    edits += 1;
  };
  edit();
  await ask(olds[0].api, 'full');
  await until('a run is at work', async () => (await rows(`SELECT 1 FROM tds.runs WHERE status = 'running'`)).length > 0);
  const first = await present.started();
  say(`a new node has joined under load; ${await migrations()} migrations`);
  if (await migrations() <= before_ && values.from === undefined) faults.push('nothing was migrated: this is no upgrade');
  for (const { api } of olds) if ((await fetch(`${api}/readyz`)).status !== 200) faults.push('an old node is no longer ready beside the new schema');
  const refused = old.start();
  const { code } = await refused.ended;
  if (code === 0 || code === null || !refused.output.includes('store.migration_newer')) faults.push(`an old node started on the new schema: code ${code}, ${refused.output.slice(0, 500)}`);
  else say(`an old node that starts now is refused: code ${code}, store.migration_newer`);

  edit();
  await ask(olds[1].api, 'incremental');
  await stopped(olds[0].child, 'the first old node');
  const second = await present.started();
  edit();
  await ask(second.api, 'incremental');
  await stopped(olds[1].child, 'the second old node');
  say('both old nodes have been replaced while syncs went on');
  edit();
  await settled();
  await ask(first.api, 'full');
  await settled();

  const shop = { sandbox, rows: async (text: string, given: readonly unknown[] = []) => (await database.pool.query({ text, values: [...given], types: { getTypeParser: () => (value: unknown) => value } as never })).rows } as unknown as Shop;
  faults.push(...await allDifferences(shop));
  for (const { run } of await rows<{ run: string }>(`SELECT id || ' ' || entity || ' ' || mode || ' ' || status || ': ' || coalesce(reason, '') AS run FROM tds.runs WHERE status NOT IN ('succeeded', 'cancelled')`)) faults.push(`run ${run}`);
  for (const { letter } of await rows<{ letter: string }>(`SELECT code || ': ' || message AS letter FROM tds.dead_letters WHERE status = 'open' LIMIT 5`)) faults.push(`dead letter ${letter}`);
  for (const { run } of await rows<{ run: string }>(`SELECT run_id AS run FROM tds.job_history WHERE outcome = 'done' AND run_id IS NOT NULL GROUP BY run_id HAVING count(*) > 1`)) faults.push(`run ${run} was ended twice`);
  const [{ n: lost } = { n: 0 }] = await rows<{ n: number }>(`SELECT count(*)::int AS n FROM tds.job_history WHERE outcome = 'lost'`);
  say(`${(await rows('SELECT 1 FROM tds.runs')).length} runs by four nodes, ${lost} jobs lost a worker; every table equals the source`);
  for (const { child } of [first, second]) await stopped(child, 'a new node');
}

/** Every entity, by the API that any version has. */
async function ask(api: string, mode: 'full' | 'incremental'): Promise<void> {
  const answer = await fetch(`${api}/v1/runs`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ entities: 'all', mode }) });
  if (answer.status !== 202) throw new Error(`the ${mode} sync was not taken: ${answer.status} ${await answer.text()}`);
}

async function stopped(child: Child, what: string): Promise<void> {
  child.process.kill('SIGTERM');
  const ended = await child.ended;
  if (ended.code !== 0) faults.push(`${what} ended with ${JSON.stringify(ended)}`);
}

/** The commit before the one that brought the newest migration. */
async function before(): Promise<string> {
  const newest = (await readdir(join(projectRoot, 'core/store/migrations'))).filter((name) => name.endsWith('.sql')).sort().at(-1) as string;
  const added = git('log', '--diff-filter=A', '--format=%H', '-1', '--', `core/store/migrations/${newest}`);
  return git('rev-parse', added === '' ? 'HEAD' : `${added}^`);
}

async function unpacked(commit: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tds-upgrade-'));
  scope.teardown(() => rm(folder, { recursive: true, force: true }));
  execFileSync('tar', ['-x', '-C', folder], { input: execFileSync('git', ['archive', commit], { cwd: projectRoot, maxBuffer: 1e9 }) });
  await symlink(join(projectRoot, 'node_modules'), join(folder, 'node_modules'));
  return folder;
}
