/** Backup and restore of a project: which tables are TDS's to take along, and the database that they lie in. */
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Config } from './config/index.ts';
import { createConnector } from './host/index.ts';
import { inertContext } from './inert-context.ts';
import { compileMapping } from './pipeline/mapping/index.ts';
import type { Project } from './project.ts';
import type { Logger, TableSpec } from './sdk/index.ts';
import type { TableHead, TableName } from './store/backup/catalog.ts';
import { draftEnding, type TableSum } from './store/backup/container.ts';
import { checkBackup, putBack, type PutBack } from './store/backup/put-back.ts';
import { takeBackup, type Taken } from './store/backup/take.ts';
import { openDatabase, type OpenedDatabase } from './store/open-database.ts';
import { version } from './version.ts';

/** graphile-worker's own name for its schema. */
const queueSchema = 'graphile_worker';
const ending = '.tds-backup';
const migrations = fileURLToPath(new URL('store/migrations', import.meta.url));

interface Shared { log: Logger; dataDirectory: string; signal?: AbortSignal; onTable?: (table: TableHead, sum: TableSum) => void }

export interface BackUpOptions extends Shared {
  /** A file, or a folder that is there or whose name ends with a slash: the file in it is then named by the time. */
  place: string;
  now: Date;
  /** Of the backups in the folder, only so many are kept: the newest. Drafts of killed ones go too. */
  keep?: number;
}

export type BackedUp = Taken & { removed: string[] };

export interface RestoreOptions extends Shared {
  place: string;
  /** Throws away what the database holds. */
  replace: boolean;
  /** Only reads the file and compares its checksums. */
  checkOnly: boolean;
}

export type Restored = PutBack & { database: string | undefined };

/** Takes a backup of the project's database; nodes may work on it meanwhile. @throws StoreError `store.backup_*`, `store.unreachable` */
export async function backUp(project: Project & { config: Config }, options: BackUpOptions): Promise<BackedUp> {
  const { place, now, keep, ...shared } = options;
  const folder = place.endsWith('/') || (await stat(place).catch(() => undefined))?.isDirectory() === true ? place : undefined;
  if (folder !== undefined) await mkdir(folder, { recursive: true });
  const file = folder === undefined ? place : path.join(folder, `tds-${now.toISOString().slice(0, 19).replaceAll(':', '-')}Z${ending}`);
  const opened = await open(project.config, shared);
  try {
    const { config: { database: { schema } } } = project;
    const taken = await takeBackup({ ...shared, pool: opened.pool, schema, queueSchema, ...tablesOf(project), place: file, version, now });
    return { ...taken, removed: folder === undefined || keep === undefined ? [] : await removeOld(folder, keep, now) };
  } finally {
    await opened.close();
  }
}

/** Puts a backup back into the project's database. @throws StoreError `store.backup_*`, `store.restore_*`; nothing has changed then */
export async function restore({ config }: Project & { config: Config }, { place, replace, checkOnly, ...shared }: RestoreOptions): Promise<Restored> {
  if (checkOnly) return { ...await checkBackup(place, shared.onTable), database: undefined };
  const opened = await open(config, shared);
  try {
    const done = await putBack({ ...shared, pool: opened.pool, schema: config.database.schema, queueSchema, place, migrations, replace });
    return { ...done, database: opened.label };
  } finally {
    await opened.close();
  }
}

function open({ database }: Config, { dataDirectory, log }: Shared): Promise<OpenedDatabase> {
  return openDatabase({ url: database.url, schema: database.schema, poolSize: 4, dataDirectory, migrations, log, migrated: false });
}

/** The managed tables that lie in TDS's own database; of those that lie elsewhere it is told that they are not taken along. */
function tablesOf({ config, connections }: Project & { config: Config }): { managed: TableName[]; leftOut: string[] } {
  const found = new Map<string, TableName>();
  const leftOut: string[] = [];
  for (const [id, entity] of Object.entries(config.entities)) {
    const checked = connections.get(entity.to.connection);
    if (!checked) continue;
    const { destination } = createConnector(checked.loaded, inertContext(checked.id, checked.settings));
    const mapping = compileMapping(entity, {});
    for (const spec of [mapping.table, ...mapping.children.map((child) => child.spec)] as TableSpec[]) {
      if (!spec.managed) leftOut.push(`${spec.table} of ${id}: a table of yours (manage: false)`);
      else if (!destination?.transactional || !destination.locate) leftOut.push(`${spec.table} of ${id}: it lies in another database`);
      else {
        const name = destination.locate(spec);
        found.set(JSON.stringify(name), name);
      }
    }
  }
  return { managed: [...found.values()], leftOut };
}

/** A draft that nothing was written to for so long belongs to a backup that was killed. */
const abandonedMs = 3_600_000;

async function removeOld(folder: string, keep: number, now: Date): Promise<string[]> {
  const names = (await readdir(folder)).filter((name) => name.startsWith('tds-'));
  const old = names.filter((name) => name.endsWith(ending)).sort().toReversed().slice(keep);
  for (const name of names.filter((each) => each.includes(`${ending}.`) && each.endsWith(draftEnding))) {
    const { mtimeMs } = await stat(path.join(folder, name));
    if (now.getTime() - mtimeMs > abandonedMs) old.push(name);
  }
  const files = old.map((name) => path.join(folder, name));
  for (const file of files) await rm(file);
  return files;
}
