/** `npm run bench`: one table of what TDS costs, measured on this machine in one run. It informs; no figure makes it fail. */
import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import type { Bench } from './bench.ts';
import { measureApi } from './api.ts';
import { startServer } from './database.ts';
import { measureDemo } from './demo.ts';
import { psqlVersion } from './floor.ts';
import { measureIncremental } from './incremental.ts';
import { measureLimits } from './limits.ts';
import { measureLoad } from './load.ts';
import { measureMemory } from './memory.ts';
import { measureMetrics } from './metrics.ts';
import { measureNodes } from './nodes.ts';
import { Report } from './report.ts';
import { measureSchedules } from './schedules.ts';
import { measureWebhooks } from './webhooks.ts';

const help = `Usage: npm run bench -- [options]

  --only PARTS   load, memory, incremental, metrics, schedules, api, limits, demo, webhooks, nodes; several with commas. Default: all but limits
  --limits       the limits too (they take two minutes)
  --full         memory at 1,000,000 items instead of 200,000, and the limits
  --items LIST   sizes of the first load, default 20000,100000
  --history N    rows in each list of the API's part, default 1000000
  --rounds N     how often each size is measured, default 3; each side's best counts, of metrics the middle of the pairs
  --json         one line of JSON instead of the table

The database is the embedded PostgreSQL with its durable settings, or that of TDS_BENCH_DATABASE_URL.
`;

const { values } = parseArgs({
  options: {
    only: { type: 'string' }, limits: { type: 'boolean', default: false }, full: { type: 'boolean', default: false }, items: { type: 'string', default: '20000,100000' },
    history: { type: 'string', default: '1000000' }, rounds: { type: 'string', default: '3' }, json: { type: 'boolean', default: false }, help: { type: 'boolean', default: false },
  },
});

const parts: Record<string, (bench: Bench) => Promise<void>> = {
  load: async (bench) => { for (const items of values.items.split(',')) await measureLoad(bench, Number(items), Number(values.rounds)); },
  incremental: measureIncremental,
  memory: (bench) => measureMemory(bench, values.full ? 1_000_000 : 200_000),
  metrics: (bench) => measureMetrics(bench, Number(values.rounds)),
  schedules: measureSchedules,
  api: (bench) => measureApi(bench, Number(values.history)),
  limits: measureLimits,
  demo: measureDemo,
  webhooks: measureWebhooks,
  nodes: measureNodes,
};

if (values.help) process.stdout.write(help);
else await main();

async function main(): Promise<void> {
  const wanted = values.only?.split(',') ?? Object.keys(parts).filter((name) => name !== 'limits' || values.limits || values.full);
  const unknown = wanted.find((name) => !Object.hasOwn(parts, name));
  if (unknown !== undefined) throw new Error(`--only knows no "${unknown}"; it knows ${Object.keys(parts).join(', ')}`);
  const directory = await mkdtemp(path.join(tmpdir(), 'tds-bench-'));
  const report = new Report();
  const server = await startServer(directory, process.env['TDS_BENCH_DATABASE_URL']);
  const machine = `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, Node ${process.versions.node}, ${server.label}; floor by ${(await psqlVersion()) ?? 'pg-copy-streams (no psql on the PATH)'}`;
  try {
    for (const name of wanted) {
      process.stderr.write(`${name}\n`);
      // A part that breaks is told and does not take the others' figures along.
      await parts[name]?.({ server, report, directory }).catch((error: unknown) => report.add({ part: name, name, value: `failed: ${error instanceof Error ? error.message : String(error)}`, figures: {} }));
    }
  } finally {
    await server.close();
    await rm(directory, { recursive: true, force: true });
  }
  process.stdout.write(values.json ? `${JSON.stringify({ machine, lines: report.lines })}\n` : `\n${machine}\n\n${report.table()}\n`);
}
