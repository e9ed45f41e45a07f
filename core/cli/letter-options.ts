import { InvalidArgumentError, Option, type Command } from 'commander';
import { readSince } from '../operations/dead-letters.ts';
import type { DeadLetterStatus, LetterFilter } from '../store/dead-letter-queries.ts';
import { limitOption } from './commands/runs.ts';

/** What {@link addLetterFilter} adds. */
export interface LetterOptions { entity?: string; key?: string; status: DeadLetterStatus; code?: string; field?: string; fingerprint?: string; kind?: 'record' | 'job'; since?: Date; limit: number }

/** The filter of all commands about dead letters; it stands on the parent, so that each of them takes it. */
export function addLetterFilter(command: Command): void {
  command
    .option('--entity <id>', 'those of one entity').option('--key <key>', 'those of one record').option('--code <code>', 'those with this code').option('--field <column>', 'those with this column at fault')
    .option('--fingerprint <text>', 'those with the same fault; see tds dead-letters groups')
    .addOption(new Option('--kind <kind>', 'records or jobs').choices(['record', 'job']))
    .addOption(new Option('--since <time>', 'those that failed last since then: a date, or 24h, 7d').argParser(readTime))
    .addOption(new Option('--status <status>', 'those in one state').choices(['open', 'resolved', 'discarded']).default('open'))
    .addOption(limitOption());
}

/** The filter that was given, with ids where letters are named. */
export function letterFilter({ entity, key, code, field, fingerprint, kind, since }: LetterOptions, ids: readonly string[] = []): LetterFilter {
  const given = { entity, key, code, field, fingerprint, kind, since, ids: ids.length > 0 ? ids : undefined };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as LetterFilter;
}

/** A time as `--since` takes it. */
export function readTime(text: string): Date {
  try {
    return readSince(text, new Date());
  } catch (error) {
    throw new InvalidArgumentError((error as Error & { suggestion?: string }).suggestion ?? '');
  }
}
