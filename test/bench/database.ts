/** The PostgreSQL that everything is measured against, and databases in it that are thrown away. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Client } from 'pg';
import { startEmbeddedPostgres } from '../../core/store/embedded-postgres.ts';
import { cpuSeconds } from './cpu.ts';

export interface BenchServer {
  label: string;
  /** The address of one of its databases. */
  urlOf(database: string): string;
  /** Makes a database anew, as a copy where `like` names one; what is written by then is on disk. */
  create(database: string, like?: string): Promise<string>;
  drop(database: string): Promise<void>;
  /** CPU seconds of all its processes; null for a server elsewhere. */
  cpu(): number | null;
  close(): Promise<void>;
}

const prefix = 'tds_bench_';

/** The embedded server with its durable settings, or the one of `TDS_BENCH_DATABASE_URL`, whose user may create databases. */
export async function startServer(directory: string, given: string | undefined): Promise<BenchServer> {
  const embedded = given ? undefined : await startEmbeddedPostgres({ dataDirectory: path.join(directory, 'postgres') });
  const address = embedded?.url ?? (given as string);
  const urlOf = (database: string): string => {
    const url = new URL(address);
    url.pathname = `/${prefix}${database}`;
    return url.href;
  };
  const admin = async (...statements: string[]): Promise<void> => {
    await withClient(address, async (client) => { for (const statement of statements) await client.query(statement); });
  };
  const { version } = await withClient(address, async (client) => (await client.query(`SELECT current_setting('server_version') AS version`)).rows[0] as { version: string });
  const drop = (database: string): Promise<void> => admin(`DROP DATABASE IF EXISTS ${prefix}${database} WITH (FORCE)`);
  const postmaster = embedded ? Number(readPostmaster(embedded.directory) ?? embedded.pid) : undefined;
  return {
    label: `${embedded ? 'embedded PostgreSQL' : 'PostgreSQL of TDS_BENCH_DATABASE_URL'} ${version}`, urlOf, drop,
    async create(database, like) {
      await drop(database);
      await admin(`CREATE DATABASE ${prefix}${database}${like === undefined ? '' : ` TEMPLATE ${prefix}${like}`}`, 'CHECKPOINT');
      return urlOf(database);
    },
    cpu: () => cpuSeconds(postmaster),
    async close() {
      await embedded?.stop();
    },
  };
}

function readPostmaster(directory: string): string | undefined {
  try {
    return readFileSync(path.join(directory, 'data', 'postmaster.pid'), 'utf8').split('\n')[0];
  } catch {
    return undefined;
  }
}

/** A connection of its own for one piece of work. */
export async function withClient<T>(url: string, use: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}

/** One row of one statement. */
export async function ask<T>(url: string, text: string, values: unknown[] = []): Promise<T> {
  return withClient(url, async (client) => (await client.query(text, values)).rows[0] as T);
}
