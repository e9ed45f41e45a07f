/** The floor: the rows that TDS made, landed in the same tables by COPY into staging tables and a merge, by psql's own means. */
import { spawn } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Client } from 'pg';
import { from as copyFrom, to as copyTo } from 'pg-copy-streams';
import { createWriteStream } from 'node:fs';
import { withClient } from './database.ts';

const rowsPerBatch = 10_000;

interface Landing { table: string; columns: string[]; key: string[] }

/** The files and the statements of a floor; made before, not measured. */
export interface Floor { landings: Landing[]; batches: string[][]; script: string; rows: number }

/** Writes the rows of a loaded database into files, and the script that lands them. */
export async function prepareFloor(url: string, directory: string): Promise<Floor> {
  await mkdir(directory, { recursive: true });
  return withClient(url, async (client) => {
    const landings: Landing[] = [
      { table: 'tds.records', key: ['entity', 'key'], columns: await columnsOf(client, 'tds.records', ['version', 'written_at']) },
      { table: 'erp.products', key: ['item_id'], columns: await columnsOf(client, 'erp.products', ['deleted_at']) },
    ];
    const rows = Number((await client.query('SELECT count(*) AS n FROM erp.products')).rows[0]?.n);
    const batches: string[][] = [];
    for (let at = 0; at < rows; at += rowsPerBatch) {
      const files = landings.map(({ table }) => path.join(directory, `${table}-${at}.copy`));
      for (const [index, { table, columns }] of landings.entries()) {
        const rowsOf = `SELECT ${columns.map((name) => `x.${name}`).join(', ')} FROM ${table} x JOIN tds.records r ON r.key = x.${index === 0 ? 'key' : 'item_id'} ORDER BY r.modified_at, r.key OFFSET ${at} LIMIT ${rowsPerBatch}`;
        await pipeline(client.query(copyTo(`COPY (${rowsOf}) TO STDOUT`)), createWriteStream(files[index] as string));
      }
      batches.push(files);
    }
    const file = path.join(directory, 'floor.sql');
    await writeFile(file, scriptOf(landings, batches));
    return { landings, batches, script: file, rows };
  });
}

async function columnsOf(client: Client, table: string, without: string[]): Promise<string[]> {
  const { rows } = await client.query(`SELECT attname FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum`, [table]);
  return rows.map((row) => String(row.attname)).filter((name) => !without.includes(name));
}

function stageOf({ table }: Landing): string {
  return `stage_${table.replace('.', '_')}`;
}

function stageStatements(landings: readonly Landing[]): string[] {
  return landings.map((landing) => `CREATE TEMP TABLE ${stageOf(landing)} AS SELECT ${landing.columns.join(', ')} FROM ${landing.table} WITH NO DATA`);
}

function copyCommand(landing: Landing): string {
  return `${stageOf(landing)} (${landing.columns.join(', ')})`;
}

function mergeStatement(landing: Landing): string {
  const names = landing.columns.join(', ');
  const sets = landing.columns.filter((name) => !landing.key.includes(name)).map((name) => `${name} = excluded.${name}`);
  return `INSERT INTO ${landing.table} (${names}) SELECT ${names} FROM ${stageOf(landing)} ON CONFLICT (${landing.key.join(', ')}) DO UPDATE SET ${sets.join(', ')}`;
}

function scriptOf(landings: readonly Landing[], batches: readonly string[][]): string {
  const lines = ['\\set ON_ERROR_STOP 1', ...stageStatements(landings).map((statement) => `${statement};`)];
  for (const files of batches) {
    lines.push('BEGIN;', `TRUNCATE ${landings.map(stageOf).join(', ')};`);
    landings.forEach((landing, index) => lines.push(`\\copy ${copyCommand(landing)} FROM '${files[index] as string}'`, `${mergeStatement(landing)};`));
    lines.push('COMMIT;');
  }
  return `${lines.join('\n')}\n`;
}

/** Whether psql is on the PATH; else pg-copy-streams does the same. */
export async function psqlVersion(): Promise<string | undefined> {
  return new Promise((resolve) => {
    const child = spawn('psql', ['--version'], { stdio: ['ignore', 'pipe', 'ignore'] });
    let text = '';
    child.stdout.on('data', (chunk: Buffer) => { text += String(chunk); });
    child.once('error', () => resolve(undefined)).once('close', () => resolve(text.trim()));
  });
}

/** Lands the files. Answers the seconds that it took. */
export async function runFloor(floor: Floor, url: string, usePsql: boolean): Promise<number> {
  const start = performance.now();
  if (usePsql) await psql(url, floor.script);
  else await withClient(url, (client) => land(client, floor));
  return (performance.now() - start) / 1000;
}

async function psql(url: string, script: string): Promise<void> {
  const child = spawn('psql', ['-X', '-q', '-d', url, '-f', script], { stdio: ['ignore', 'ignore', 'inherit'] });
  const code = await new Promise((resolve) => { child.once('close', resolve); });
  if (code !== 0) throw new Error(`psql ended with code ${String(code)}`);
}

async function land(client: Client, { landings, batches }: Floor): Promise<void> {
  for (const statement of stageStatements(landings)) await client.query(statement);
  for (const files of batches) {
    await client.query(`BEGIN; TRUNCATE ${landings.map(stageOf).join(', ')}`);
    for (const [index, landing] of landings.entries()) {
      await pipeline(createReadStream(files[index] as string, { highWaterMark: 1 << 18 }), client.query(copyFrom(`COPY ${copyCommand(landing)} FROM STDIN`)));
      await client.query(mergeStatement(landing));
    }
    await client.query('COMMIT');
  }
}
