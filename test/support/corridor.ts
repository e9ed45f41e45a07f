import type { EntityConfig } from '../../schemas/index.ts';
import { executeRun } from '../../core/pipeline/execute-run.ts';
import { mappingNumber, type Entity } from '../../core/pipeline/entity.ts';
import { compileMapping } from '../../core/pipeline/mapping/index.ts';
import type { RunContext, RunOutcome } from '../../core/pipeline/run-context.ts';
import type { Logger } from '../../core/sdk/index.ts';
import type { Pool } from '../../core/store/pool.ts';
import { databaseAccess, type Database } from '../../core/store/session.ts';
import { createRun, endRun, readRun, startRun, type Run, type RunMode, type RunOptions } from '../../core/store/runs.ts';
import postgres from '../../plugins/postgres/plugin.ts';
import type { MemorySource } from './memory-source.ts';
import { testDatabase, type TestScope } from './database.ts';

const silent: Logger = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };

/** The write path on a real database, with a source in memory and no queue: runs are executed by the test itself. */
export interface Corridor {
  pool: Pool;
  database: Database;
  /** Says nothing. */
  log: Logger;
  entity: Entity;
  requested: RunMode[];
  /** Executes one run to its end; throws what the attempt threw, after which `resume` goes on with the same run. */
  run(mode: RunMode, options?: RunOptions): Promise<Run & { outcome: RunOutcome }>;
  resume(id: string, more?: Partial<RunContext>): Promise<Run & { outcome: RunOutcome }>;
  /** One attempt of a run, whose end is left to the caller. */
  attempt(id: string, more?: Partial<RunContext>): Promise<RunOutcome>;
  begin(mode: RunMode, options?: RunOptions): Promise<string>;
  rows(text: string): Promise<Record<string, unknown>[]>;
  /** Another mapping for the same entity, as after an edit of the config. */
  remap(config: Partial<EntityConfig>): void;
}

const base = {
  enabled: true, from: { connection: 'source', stream: 'things', with: {} }, to: { connection: 'erp', table: 'things', manage: true }, key: ['id'],
  fields: { id: {}, name: {}, price: { type: 'numeric(12,2)' } }, children: {}, checks: [], details: 'auto', batchSize: 4,
  deletes: { mode: 'mark', column: 'deleted_at', maxShare: 0.5, alwaysAllow: 2 },
} as unknown as EntityConfig;

/** Makes a corridor for one test. */
export async function openCorridor(scope: TestScope, source: MemorySource, config: Partial<EntityConfig> = {}): Promise<Corridor> {
  const { pool } = await testDatabase(scope);
  const database = databaseAccess(pool);
  const { destination } = postgres.create({ connectionId: 'erp', settings: { schema: 'erp', createSchema: true }, database, log: silent } as never);
  if (!destination) throw new Error('the postgres plugin has no destination');
  const build = (merged: EntityConfig): Entity => {
    const mapping = compileMapping(merged);
    return { id: 'things', config: merged, connectionId: 'source', stream: source.stream, options: {}, source, destination, mapping,
      mappingNumber: mappingNumber(mapping.hash), wantsDetails: source.stream.details !== 'none' };
  };
  let merged = { ...base, ...config } as EntityConfig;
  const requested: RunMode[] = [];
  const corridor: Corridor = {
    pool, database, requested, log: silent, entity: build(merged),
    async begin(mode, options) {
      const { run } = await database.transaction((session) => createRun(session, { entity: 'things', mode, trigger: 'test', ...(options ? { options } : {}) }));
      return run.id;
    },
    run: async (mode, options) => corridor.resume(await corridor.begin(mode, options)),
    async attempt(id, more = {}) {
      const run = await database.transaction((session) => startRun(session, id, 'node'));
      if (!run) throw new Error(`run ${id} has ended`);
      return executeRun({
        run, entity: corridor.entity, database, log: silent, clock: { now: () => new Date(), sleep: async () => undefined }, signal: new AbortController().signal,
        fence: async () => undefined, sliceMs: 60_000, stopping: () => false, readAhead: 2, usage: () => ({ calls: 0, bytes: 0 }), onProgress: () => undefined,
        requestRun: async (_session, mode) => void requested.push(mode), wakeMessages: async () => undefined,
        mostParts: async () => 1, requestParts: async () => [], ...more,
      });
    },
    async resume(id, more = {}) {
      const outcome = await corridor.attempt(id, more);
      await database.transaction((session) => endRun(session, id, { status: 'succeeded', code: outcome.code, reason: outcome.reason }));
      const ended = await database.transaction((session) => readRun(session, id));
      return { ...(ended as Run), outcome };
    },
    rows: async (text) => (await pool.query(text)).rows as Record<string, unknown>[],
    remap(change) {
      merged = { ...merged, ...change } as EntityConfig;
      corridor.entity = build(merged);
    },
  };
  return corridor;
}
