/** Thousands of messages, doubled, out of order, lost and forged, to a TDS that is killed again and again. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Pool } from '../../../core/store/pool.ts';
import { Random } from '../../../sandbox/zoho/random.ts';
import { startZohoSandbox, type ZohoSandbox } from '../../../sandbox/zoho/server.ts';
import { testDatabase, type TestScope } from '../database.ts';
import { Child, until } from '../processes.ts';
import { envOf, shopConnections } from '../shop.ts';
import { accepted, changeInvoices, differences, freePort, invoicesEntity, noteTaken, rulesTo } from './told.ts';

export interface StormOptions { seed: number; events: number; invoices: number; /** ms between two kills. */ killEvery: number; /** So many kills at most. */ mostKills?: number; say?: (line: string) => void }
export interface StormResult { figures: Record<string, number | string>; faults: string[] }

const script = fileURLToPath(new URL('node.ts', import.meta.url));
const secret = 'thesecretofthestorm1';
const together = 50;

const config = `${shopConnections.replace('    limits: &limits', `    webhooks: { secret: ${secret} }\n    limits: &limits`)}
entities:
${invoicesEntity}`;

/** Runs the storm and answers what was wrong after it. */
export async function storm(scope: TestScope & { teardown(action: () => unknown): unknown }, { seed, events, invoices, killEvery, mostKills = Infinity, say = () => undefined }: StormOptions): Promise<StormResult> {
  // Its clock lags, and moves with each batch: a record is changed at most once a second, as times count in seconds.
  const [sandbox, database, folder, port] = await Promise.all([
    startZohoSandbox({ scale: 'none', counts: { invoices }, limits: false, seed, startAt: Date.now() - 4 * 3_600_000, frozen: true }), testDatabase(scope), mkdtemp(join(tmpdir(), 'tds-storm-')), freePort(),
  ]);
  scope.teardown(() => sandbox.close());
  scope.teardown(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, 'tds.config.yaml');
  await writeFile(file, config);
  const { PATH = '', HOME = '' } = process.env;
  const env = { ...envOf(sandbox), PATH, HOME, NODE_COMPILE_CACHE: join(tmpdir(), `tds-storm-compiled-${process.getuid?.() ?? 'user'}`), TDS_DATABASE_URL: database.url, TDS_DATA: folder, TDS_SECRET_KEY: 'a key of the tests, long enough to be one' };
  const node = new StormNode(() => new Child(scope, process.execPath, [script, file, String(port)], { env }));
  await node.start();
  await node.sync(port, 'full');

  const { webhooks } = sandbox;
  const taken = noteTaken(sandbox);
  Object.assign(webhooks.settings, { secret, doubling: 0.1, reordering: 0.1, loss: 0.05, forgery: 0.01, retries: 10_000, retryMs: 100, rules: rulesTo(port) });
  const began = performance.now();
  const killing = node.killAgainAndAgain(killEvery, mostKills);
  await change(sandbox, new Random(seed), events, say);
  webhooks.flush();
  await until('every message was sent', () => webhooks.pending === 0);
  const kills = await killing.stop();
  await until('every message was applied', async () => (await one(database.pool, 'SELECT count(*) AS n FROM webhook_inbox WHERE outcome IS NULL')) === 0);
  const took = (performance.now() - began) / 1000;
  const faults = await accepted(database.pool, taken);
  if (webhooks.counts.forgedTaken > 0) faults.push(`${webhooks.counts.forgedTaken} forged messages were taken`);
  if (await one(database.pool, `SELECT (SELECT count(*) FROM erp.invoices WHERE status = 'forged') + (SELECT count(*) FROM webhook_inbox WHERE body LIKE '%"forged"%') AS n`) > 0) faults.push('something forged was kept or applied');
  await node.sync(port, 'incremental');
  const lostDeletions = new Set(webhooks.lost.filter(({ event }) => event === 'deleted').map(({ id }) => id));
  faults.push(...await differences(database.pool, sandbox, lostDeletions));
  await node.sync(port, 'full');
  faults.push(...(await differences(database.pool, sandbox, new Set())).map((fault) => `after a full read: ${fault}`));
  for (const { letter } of (await database.pool.query<{ letter: string }>(`SELECT kind || ' ' || code || ': ' || message AS letter FROM dead_letters WHERE status = 'open' LIMIT 5`)).rows) faults.push(`there is a dead letter: ${letter}`);
  await node.stop();
  const { counts } = webhooks;
  return { faults, figures: { ...counts, kills, 'lost deletions': lostDeletions.size, 'messages in the inbox': await one(database.pool, 'SELECT count(*) AS n FROM webhook_inbox'), seconds: Math.round(took) } };
}

/** One TDS at a time, at one address. */
class StormNode {
  readonly #make: () => Child;
  #child: Child | undefined;
  #over = false;

  constructor(make: () => Child) {
    this.#make = make;
  }

  async start(): Promise<void> {
    this.#child = this.#make();
    await this.#child.json();
  }

  async stop(): Promise<void> {
    this.#child?.process.kill('SIGTERM');
    await this.#child?.ended;
  }

  killAgainAndAgain(every: number, most: number): { stop(): Promise<number> } {
    let kills = 0;
    const loop = async (): Promise<void> => {
      for (;;) {
        await pause(every);
        if (this.#over || kills >= most) return;
        this.#child?.process.kill('SIGKILL');
        await this.#child?.ended;
        kills += 1;
        await this.start();
      }
    };
    const running = loop();
    running.catch(() => undefined); // told by stop
    return {
      stop: async () => {
        this.#over = true;
        await running;
        return kills;
      },
    };
  }

  /** Asks for a run by the API and waits for its end. */
  async sync(port: number, mode: 'full' | 'incremental'): Promise<void> {
    const api = `http://127.0.0.1:${port}/v1`;
    const answer = await fetch(`${api}/entities/invoices/sync`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ mode }) });
    const { runs: [run] } = await answer.json() as { runs: { id: string }[] };
    await until(`the ${mode} read has ended`, async () => {
      const now = await (await fetch(`${api}/runs/${run?.id}`)).json() as { status: string; reason: string };
      if (now.status === 'failed') throw new Error(now.reason);
      return now.status === 'succeeded';
    });
  }
}

/** Changes until there were so many events. */
async function change(sandbox: ZohoSandbox, random: Random, events: number, say: (line: string) => void): Promise<void> {
  for (let done = 0; done < events; done += together) {
    changeInvoices(sandbox, random, together);
    await until('the messages before are on their way', () => sandbox.webhooks.pending < 400);
    if (done % 10_000 === 0 && done > 0) say(`${done} changes, ${sandbox.webhooks.counts.taken} messages taken`);
  }
}

async function one(pool: Pool, text: string): Promise<number> {
  return Number((await pool.query<{ n: string }>(text)).rows[0]?.n);
}
