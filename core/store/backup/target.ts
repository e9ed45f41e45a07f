/** The database that a backup is put into: whether it may be, and how it is cleared. */
import type { Client } from 'pg';
import { StoreError } from '../errors.ts';
import type { Migration } from '../migrate.ts';
import { quoteIdentifier, quoteQualified } from '../sql.ts';
import type { BackupHeader } from './catalog.ts';

/** A node whose last beat is younger than this still works, in seconds. It beats each second. */
const living = 15;
/** A TDS that has any of these has done something. */
const telling = ['entities', 'runs', 'records', 'dead_letters', 'webhook_inbox', 'api_tokens'];

/** @throws StoreError `store.restore_in_use`, `store.restore_not_empty` */
export async function refuseUnfit(client: Client, { schema, queueSchema, header, replace }: { schema: string; queueSchema: string; header: BackupHeader; replace: boolean }): Promise<void> {
  if (await exists(client, schema, 'nodes')) {
    const { rows } = await client.query<{ host: string; pid: number }>(`SELECT host, pid FROM ${quoteQualified(schema, 'nodes')} n WHERE (concurrency > 0 OR to_jsonb(n) ->> 'roles' IS NOT NULL) AND beat_at > clock_timestamp() - interval '${living} seconds' LIMIT 1`);
    if (rows[0]) throw new StoreError('store.restore_in_use', `A node works on this database: process ${rows[0].pid} on ${rows[0].host}.`, `Stop every TDS on it; one that was killed is forgotten after ${living} seconds.`);
  }
  if (replace) return;
  const wanted = [...telling.map((table) => ({ schema, table })), { schema: queueSchema, table: '_private_jobs' }, ...header.managed];
  for (const { schema: where, table } of wanted) {
    if (!(await exists(client, where, table))) continue;
    const { rows } = await client.query(`SELECT 1 FROM ${quoteQualified(where, table)} LIMIT 1`);
    if (rows.length > 0) throw new StoreError('store.restore_not_empty', `The database is not empty: ${where}.${table} holds rows.`, 'Name an empty database, or say --replace: what is there is lost then.');
  }
}

/** Takes away what the migrations had made and what the queue holds. What else lies in the schema is the user's, and stays. */
export async function clearOwn(client: Client, { schema, queueSchema, files }: { schema: string; queueSchema: string; files: readonly Migration[] }): Promise<void> {
  const { rows } = await client.query('SELECT FROM pg_namespace WHERE nspname = $1', [schema]);
  if (rows.length === 0) await client.query(`CREATE SCHEMA ${quoteIdentifier(schema)}`);
  const names = (kind: string): string[] => files.flatMap(({ sql }) => [...sql.matchAll(new RegExp(`^CREATE (?:OR REPLACE )?${kind} (\\w+)`, 'gm'))].map(([, name]) => quoteQualified(schema, name as string)));
  await client.query(`SET LOCAL client_min_messages = 'error'`); // it would tell of each that was not there
  for (const table of [...names('TABLE'), quoteQualified(schema, 'migrations')]) await client.query(`DROP TABLE IF EXISTS ${table} CASCADE`);
  for (const sequence of names('SEQUENCE')) await client.query(`DROP SEQUENCE IF EXISTS ${sequence} CASCADE`);
  for (const routine of names('FUNCTION')) await client.query(`DROP FUNCTION IF EXISTS ${routine} CASCADE`);
  await client.query(`TRUNCATE ${['_private_jobs', '_private_job_queues', '_private_tasks', '_private_known_crontabs'].map((table) => quoteQualified(queueSchema, table)).join(', ')}`);
}

async function exists(client: Client, schema: string, table: string): Promise<boolean> {
  const { rows } = await client.query<{ there: boolean }>('SELECT to_regclass($1) IS NOT NULL AS there', [quoteQualified(schema, table)]);
  return rows[0]?.there === true;
}
