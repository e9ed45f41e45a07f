/** The corridor with the operations on dead letters over it. Jobs are only noted: the tests execute the runs themselves. */
import { deadLetterOperations, type DeadLetterOperations } from '../../core/operations/dead-letters.ts';
import { readRecord, type RecordStory } from '../../core/operations/record.ts';
import type { Enqueue } from '../../core/operations/request-run.ts';
import { openCorridor, type Corridor } from '../support/corridor.ts';
import type { TestScope } from '../support/database.ts';
import { MemorySource } from '../support/memory-source.ts';

export const minute = (n: number): string => new Date(Date.UTC(2026, 0, 1, 0, n)).toISOString();
export const thing = (id: number, more: object = {}): { id: string; name: string; price: number; modified: string } => ({ id: String(id), name: `thing ${id}`, price: id, modified: minute(id), ...more });

export interface Bench {
  corridor: Corridor;
  source: MemorySource;
  operations: DeadLetterOperations;
  /** Jobs that were added. */
  jobs: Parameters<Enqueue>[1][];
  enqueue: Enqueue;
  record(key: string): Promise<RecordStory>;
  /** Asks for a retry and executes its runs. */
  retry(choice: Parameters<DeadLetterOperations['tryDeadLetters']>[0]): Promise<Awaited<ReturnType<Corridor['resume']>>[]>;
  open(): Promise<number>;
}

export async function bench(scope: TestScope, options: { stream?: object; config?: object } = {}): Promise<Bench> {
  const source = new MemorySource(options.stream ?? {});
  const corridor = await openCorridor(scope, source, options.config ?? {});
  const jobs: Bench['jobs'] = [];
  const enqueue: Enqueue = async (_, job) => String(jobs.push(job));
  const { database } = corridor;
  // the entity may be another one after an edit of the config
  const entities = { get: () => corridor.entity, has: (id: string) => id === corridor.entity.id } as unknown as ReadonlyMap<string, typeof corridor.entity>;
  const operations = deadLetterOperations({ database, entities, enqueue });
  return {
    corridor, source, operations, jobs, enqueue,
    record: (key) => readRecord({ database, entities, known: ['things'] }, 'things', key),
    async retry(choice) {
      const { runs } = await operations.retryDeadLetters({ ...choice, trigger: 'test' });
      const ended = [];
      for (const { run } of runs) ended.push(await corridor.resume(run.id));
      return ended;
    },
    open: async () => Number((await corridor.rows(`SELECT count(*) AS n FROM dead_letters WHERE status = 'open'`))[0]?.['n']),
  };
}
