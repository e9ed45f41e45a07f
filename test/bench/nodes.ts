/** What 1, 2 and 4 worker processes on one PostgreSQL do together: rows of full reads, and messages of services; each once. */
import { fork, type ChildProcess } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Bench } from './bench.ts';
import { ask, withClient } from './database.ts';
import { startSandbox } from './processes.ts';
import { seconds, whole } from './report.ts';
import { makeMessages, secret, sendLoad } from './webhook-load.ts';

const script = fileURLToPath(new URL('webhook-process.ts', import.meta.url));
const plugins = fileURLToPath(new URL('plugins', import.meta.url));
const counts = [1, 2, 4];
/** Entities, so that there is work for all: one entity is never synced, or applied, by two at once. */
const entities = 8;
const rowsEach = 10_000;
const messagesEach = 2500;

/** One list whose pages take their time, so that reading it is waiting. */
const divided = { records: 20_000, pageMs: 300 };

/** Processes that live. */
const living = new Set<Worker>();

interface Worker { url: string; kill(signal: NodeJS.Signals): void; ended: Promise<void> }

/** Rows and events per second, by the number of processes. On a machine with few cores they share those. */
export async function measureNodes(bench: Bench): Promise<void> {
  const { server, report, directory } = bench;
  await measureDivided(bench);
  for (const count of counts) {
    const url = await server.create('nodes');
    const config = path.join(directory, 'nodes.yaml');
    await writeFile(config, configOf());
    const env = { ...process.env, TDS_DATABASE_URL: url, TDS_DATA: directory, TDS_SECRET_KEY: 'a key of the bench, long enough to be one', TDS_CONFIG: config, TDS_SCHEDULES: 'off' };
    try {
      const workers = [await start(env)];
      while (workers.length < count) workers.push(await start(env));
      const { took, nodes, bytes } = await read(url, workers[0] as Worker);
      report.add({ part: 'nodes', name: `full reads of ${whole(entities * rowsEach)} rows of 1 kB, ${count} ${count === 1 ? 'process' : 'processes'}`, value: `${whole((entities * rowsEach) / took)} rows/s, in ${seconds(took)}, by ${nodes}; ${whole(bytes)} bytes a row in the database`, figures: { count, perSecond: (entities * rowsEach) / took, nodes, bytes } });
      const events = await apply(url, env, workers);
      report.add({ part: 'nodes', name: `messages applied, ${count} ${count === 1 ? 'process' : 'processes'}`, value: `${whole(events.perSecond)} events/s`, figures: { count, perSecond: events.perSecond } });
      await Promise.all(workers.map(stop));
      if (count !== counts.at(-1)) continue;
      const { kills, lost, took: tookKilled } = await killedInTheMiddle(await server.create('killed'), env, count);
      report.add({ part: 'nodes', name: `${count} processes, each killed in the middle of reads and messages`, value: `${kills} kills took ${lost} running jobs along; ${whole(entities * rowsEach)} rows and ${whole(entities * messagesEach)} messages each there once, in ${seconds(tookKilled)}`, figures: { kills, lost, took: tookKilled } });
      await server.drop('killed');
    } finally {
      // what failed leaves no process behind, which would hold this one up
      await Promise.all([...living].map(stop));
      await server.drop('nodes');
    }
  }
}

/** The full read of one large list: by one node in one piece, by several in parts. */
async function measureDivided({ server, report, directory }: Bench): Promise<void> {
  const sandbox = await startSandbox(divided.records, { latency: divided.pageMs });
  let alone = 0;
  try {
    for (const count of counts) {
      const url = await server.create('divided');
      const env = { ...process.env, ...sandbox.variables, TDS_DATABASE_URL: url, TDS_DATA: directory, TDS_SECRET_KEY: 'a key of the bench, long enough to be one', TDS_SCHEDULES: 'off' };
      const workers = [await start(env)];
      while (workers.length < count) workers.push(await start(env));
      try {
        await request(workers[0] as Worker, ['products']);
        await until(async () => (await ask<{ n: number }>(url, `SELECT count(*)::int AS n FROM tds.runs WHERE mode = 'full' AND ended_at IS NULL`)).n === 0);
        const { took, stored, failed, parts, nodes } = await ask<Record<'took' | 'stored' | 'failed' | 'parts' | 'nodes', number>>(url, `SELECT extract(epoch FROM max(ended_at) FILTER (WHERE mode = 'full') - min(started_at))::float8 AS took, (SELECT count(*)::int FROM tds.records) AS stored,
          (count(*) FILTER (WHERE mode = 'full' AND status <> 'succeeded'))::int AS failed, (count(*) FILTER (WHERE part_of IS NOT NULL))::int AS parts, (count(DISTINCT node) FILTER (WHERE mode <> 'details'))::int AS nodes FROM tds.runs`);
        if (failed > 0 || stored !== divided.records) throw new Error(`not each record once: ${JSON.stringify({ failed, stored })}`);
        if (count === 1) alone = took;
        report.add({ part: 'nodes', name: `one list of ${whole(divided.records)} records, ${divided.pageMs} ms a page, ${count} ${count === 1 ? 'process' : 'processes'}`, value: `${seconds(took)}, in ${parts === 0 ? 'one piece' : `${parts} parts by ${nodes}`}${count === 1 ? '' : `, ${(alone / took).toFixed(1)} × as fast`}`, figures: { count, took, parts, nodes } });
      } finally {
        await Promise.all(workers.map(stop));
        await server.drop('divided');
      }
    }
  } finally {
    await sandbox.stop();
  }
}

/** Reads and messages at once; each process is killed as they get on, and another one takes its place. All must be there, and once. */
async function killedInTheMiddle(url: string, given: NodeJS.ProcessEnv, count: number): Promise<{ kills: number; lost: number; took: number }> {
  const env = { ...given, TDS_DATABASE_URL: url };
  const messages = await fillInbox(url, env);
  const workers = await Promise.all(Array.from({ length: count }, () => start(env)));
  const began = performance.now();
  await request(workers[0] as Worker);
  const total = entities * rowsEach + messages;
  const done = async (): Promise<number> => (await ask<{ n: number }>(url, `SELECT ((SELECT count(*) FROM tds.records) / ${total}::float8) AS n`)).n;
  const next: Promise<Worker>[] = [];
  for (const [n, worker] of workers.entries()) {
    await until(async () => await done() > (n + 1) * 0.15);
    await stop(worker);
    next.push(start(env));
  }
  const { n: left } = await ask<{ n: number }>(url, `SELECT count(*)::int AS n FROM tds.runs WHERE ended_at IS NULL`);
  if (left === 0) throw new Error('all was done before the last kill: this shows nothing');
  const successors = await Promise.all(next);
  await until(async () => (await ask<{ n: number }>(url, `SELECT (SELECT count(*) FROM tds.runs WHERE ended_at IS NULL)::int + (SELECT count(*) FROM tds.webhook_inbox WHERE outcome IS NULL)::int AS n`)).n === 0);
  const took = (performance.now() - began) / 1000;
  const facts = await ask<Record<'failed' | 'rows' | 'applied' | 'invoices' | 'twice' | 'letters' | 'lost', number> & { why: string[] | null }>(url, `SELECT (SELECT count(*)::int FROM tds.runs WHERE status <> 'succeeded') AS failed, (SELECT count(*)::int FROM tds.records WHERE entity LIKE 'made%') AS rows,
    (SELECT count(*)::int FROM tds.webhook_inbox WHERE outcome = 'applied') AS applied, (SELECT count(*)::int FROM tds.records WHERE entity LIKE 'invoices%') AS invoices, (SELECT count(*)::int FROM tds.records WHERE version > 1) AS twice,
    (SELECT count(*)::int FROM tds.dead_letters) AS letters, (SELECT json_agg(DISTINCT code || ': ' || left(message, 200)) FROM tds.dead_letters) AS why, (SELECT count(*)::int FROM tds.job_history WHERE outcome = 'lost') AS lost`);
  if (facts.failed > 0 || facts.rows !== entities * rowsEach || facts.applied !== messages || facts.invoices !== messages || facts.twice > 0 || facts.letters > 0) throw new Error(`not each once: ${JSON.stringify(facts)}`);
  if (facts.lost === 0) throw new Error('no kill met a job at work: this shows nothing');
  await Promise.all(successors.map(stop));
  return { kills: workers.length, lost: facts.lost, took };
}

async function request({ url: api }: Worker, names = Array.from({ length: entities }, (_, n) => `made${n}`)): Promise<void> {
  const answer = await fetch(`${api}/v1/runs`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ entities: names, mode: 'full' }) });
  if (answer.status !== 202) throw new Error(await answer.text());
}

/** Messages for each entity, saved while nobody applies them; answers how many. */
async function fillInbox(url: string, env: NodeJS.ProcessEnv): Promise<number> {
  const receiver = await start({ ...env, TDS_BENCH_ROLE: 'client' });
  const address = '/webhooks/books/invoices0/changed';
  const { taken } = await sendLoad({ url: receiver.url, path: address, connections: 16, messages: makeMessages(messagesEach, messagesEach, address), seconds: 10 });
  await stop(receiver);
  // The others get the same messages: what is measured begins with the inbox.
  await withClient(url, (client) => client.query(`INSERT INTO tds.webhook_inbox (received_at, connection, entity, event, key, modified_at, hash, headers, body)
    SELECT received_at, connection, 'invoices' || n, event, key, modified_at, md5(hash || n), headers, body FROM tds.webhook_inbox, generate_series(1, ${entities - 1}) AS n WHERE entity = 'invoices0'`));
  return entities * taken;
}

/** Asks one node for full reads of all; answers how long they took by the database's clock, and how many nodes had a share. */
async function read(url: string, worker: Worker): Promise<{ took: number; nodes: number; bytes: number }> {
  await request(worker);
  await until(async () => (await ask<{ n: number }>(url, `SELECT count(*)::int AS n FROM tds.runs WHERE ended_at IS NULL`)).n === 0);
  const facts = await ask<{ took: number; nodes: number; bytes: number; failed: number; stored: number; twice: number }>(url, `SELECT extract(epoch FROM max(ended_at) - min(started_at))::float8 AS took, count(DISTINCT node)::int AS nodes,
    (pg_database_size(current_database()) / ${entities * rowsEach})::float8 AS bytes,
    (count(*) FILTER (WHERE status <> 'succeeded'))::int AS failed, (SELECT count(*)::int FROM tds.records WHERE entity LIKE 'made%') AS stored,
    (SELECT count(*)::int FROM tds.records WHERE version > 1) AS twice FROM tds.runs`);
  if (facts.failed > 0 || facts.stored !== entities * rowsEach || facts.twice > 0) throw new Error(`not each row once: ${JSON.stringify(facts)}`);
  return facts;
}

/** Saves messages while nobody applies them (SIGSTOP would count as death: the workers are stopped, and started anew), then times how fast they go. */
async function apply(url: string, env: NodeJS.ProcessEnv, workers: Worker[]): Promise<{ perSecond: number }> {
  const count = workers.length;
  await Promise.all(workers.map(stop));
  const messages = await fillInbox(url, env);
  workers.splice(0, workers.length, ...await Promise.all(Array.from({ length: count }, () => start(env))));
  await until(async () => (await ask<{ n: number }>(url, `SELECT count(*)::int AS n FROM tds.webhook_inbox WHERE outcome IS NULL`)).n === 0);
  const facts = await ask<{ took: number; applied: number; stored: number; changed: number }>(url, `SELECT extract(epoch FROM max(applied_at) - min(applied_at))::float8 AS took, (count(*) FILTER (WHERE outcome = 'applied'))::int AS applied,
    (SELECT count(*)::int FROM tds.records WHERE entity LIKE 'invoices%') AS stored, (SELECT count(*)::int FROM tds.records WHERE entity LIKE 'invoices%' AND version > 1) AS changed FROM tds.webhook_inbox`);
  if (facts.applied !== messages || facts.stored !== facts.applied || facts.changed > 0) throw new Error(`not each message once: ${JSON.stringify(facts)}`);
  return { perSecond: facts.applied / facts.took };
}

async function start(env: NodeJS.ProcessEnv): Promise<Worker> {
  const child: ChildProcess = fork(script, ['tds'], { env, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const ended = new Promise<void>((resolve) => { child.once('exit', () => resolve()); });
  const url = await new Promise<string>((resolve, reject) => {
    child.once('message', (message) => resolve((message as { url: string }).url));
    child.once('exit', (code) => reject(new Error(`the process ended with code ${String(code)}`)));
  });
  const worker: Worker = { url, ended, kill: (signal) => void child.kill(signal) };
  living.add(worker);
  return worker;
}

/** Killed: what it held goes to the others, and nothing waits for an end in order. */
async function stop(worker: Worker): Promise<void> {
  living.delete(worker);
  worker.kill('SIGKILL');
  await worker.ended;
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + 300_000; !(await holds());) {
    if (Date.now() > deadline) throw new Error('waited five minutes in vain');
    await new Promise((resolve) => { setTimeout(resolve, 50); });
  }
}

function configOf(): string {
  const made = Array.from({ length: entities }, (_, n) => `  made${n}: { from: { connection: made, stream: made }, to: { connection: erp, table: made${n} }, key: id, fields: { id: id, name: name, price: { from: price, type: "numeric(18,4)" }, active: { from: active, type: boolean }, filling: filling, modified: { from: modified, type: timestamptz } } }`);
  const invoices = Array.from({ length: entities }, (_, n) => `  invoices${n}: { from: { connection: books, stream: invoices }, to: { connection: erp, table: invoices${n} }, key: invoice_id, fields: { invoice_id: invoice_id, number: invoice_number, status: status, date: { from: date, type: date }, total: { from: total, type: "numeric(18,4)" }, modified_at: { from: last_modified_time, type: timestamptz } } }`);
  return `
database: { url: "\${TDS_DATABASE_URL}" }
plugins: ${JSON.stringify([plugins])}
policies: { sync: { concurrency: 2 }, webhooks: { concurrency: 2 } }
connections:
  made: { plugin: made, with: { records: ${rowsEach} } }
  books:
    plugin: zoho-books
    webhooks: { secret: ${secret} }
    with: { organizationId: "1", clientId: c, clientSecret: s, refreshToken: r, apiUrl: "http://127.0.0.1:1", accountsUrl: "http://127.0.0.1:1" }
  erp: { plugin: postgres, with: { schema: erp } }
entities:
${[...made, ...invoices].join('\n')}
`;
}
