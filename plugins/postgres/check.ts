/** `tds check`: can the database be reached, is it one that TDS can work with, and may its user do what the destination needs? */
import { isTdsError, type CheckFinding, type DatabaseAccess, type SqlSession } from 'tds/sdk';
import { readSchema } from './catalog.ts';

/** The oldest PostgreSQL that TDS is tried on. */
const oldestVersion = 14;

/** What to look at. */
export interface CheckDeps { readonly database: DatabaseAccess; readonly schema: string; readonly createSchema: boolean }

/** Each fault is a finding; nothing is thrown and nothing is changed. */
export async function checkDatabase({ database, schema, createSchema }: CheckDeps, signal: AbortSignal): Promise<CheckFinding[]> {
  try {
    signal.throwIfAborted();
    return await orAbort(database.transaction((session) => probe(session, schema, createSchema)), signal);
  } catch (error) {
    return [{ probe: 'database', ok: false, code: codeOf(error), message: messageOf(error) }];
  }
}

/** A connection attempt can't be called back; its answer is then not waited for. */
async function orAbort<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

async function probe(session: SqlSession, schema: string, createSchema: boolean): Promise<CheckFinding[]> {
  const { rows } = await session.query(`select current_setting('server_version') as version, current_setting('server_version_num') as number,
    current_database()::text as name, current_user::text as role, (has_database_privilege(current_database(), 'TEMP'))::text as temporary,
    current_setting('transaction_read_only') as read_only, pg_encoding_to_char(encoding)::text as encoding
    from pg_database where datname = current_database()`);
  const seen = (name: string): string => String(rows[0]?.[name]);
  const version = Math.floor(Number(seen('number')) / 10_000);
  const findings: CheckFinding[] = [
    version >= oldestVersion
      ? { probe: 'database', ok: true, message: `PostgreSQL ${seen('version')}, database ${seen('name')} as ${seen('role')}` }
      : { probe: 'database', ok: false, code: 'postgres.too_old', message: `PostgreSQL ${seen('version')} is too old: use ${oldestVersion} or newer` },
  ];
  if (seen('read_only') === 'on') findings.push({ probe: 'writing', ok: false, code: 'postgres.read_only', message: 'the database is read only: name the primary server, not a replica' });
  if (seen('encoding') !== 'UTF8') findings.push({ probe: 'encoding', ok: false, code: 'postgres.encoding', message: `the database is in ${seen('encoding')} and refuses characters of other languages: use a database in UTF8` });
  findings.push(seen('temporary') === 'true'
    ? { probe: 'temporary tables', ok: true, message: 'may be made' }
    : { probe: 'temporary tables', ok: false, code: 'postgres.no_temporary', message: `not allowed: run GRANT TEMPORARY ON DATABASE ${JSON.stringify(seen('name'))} TO ${JSON.stringify(seen('role'))}` });
  findings.push(await probeSchema(session, schema, createSchema));
  return findings;
}

async function probeSchema(session: SqlSession, schema: string, createSchema: boolean): Promise<CheckFinding> {
  const probe = `schema ${schema}`;
  const { exists, usable, creatable } = await readSchema(session, schema);
  if (!exists && createSchema && creatable) return { probe, ok: true, message: 'will be made by the first sync' };
  if (!exists) return { probe, ok: false, code: 'postgres.no_schema', message: createSchema ? `is missing and may not be made: run CREATE SCHEMA ${JSON.stringify(schema)}, or GRANT CREATE ON DATABASE` : `is missing: run CREATE SCHEMA ${JSON.stringify(schema)}, or set createSchema: true` };
  if (!usable) return { probe, ok: false, code: 'postgres.no_usage', message: `may not be used: run GRANT USAGE ON SCHEMA ${JSON.stringify(schema)}` };
  return { probe, ok: true, message: creatable ? 'is there, tables may be made in it' : 'is there; tables must exist already (manage: false), since none may be made' };
}

function codeOf(error: unknown): string {
  return isTdsError(error) ? error.code : 'postgres.unreachable';
}

/** What pg says names host, port, user or database, and never the password. */
function messageOf(error: unknown): string {
  const first = error instanceof AggregateError ? (error.errors as unknown[])[0] : error;
  const message = first instanceof Error ? first.message : String(first);
  return isTdsError(error) ? [message, error.suggestion].filter(Boolean).join('. ') : `${message}: check url, user, password and that the server accepts connections from here`;
}
