import { InvalidArgumentError, Option, type Command } from 'commander';
import { readSince } from '../operations/dead-letters.ts';
import type { InboxFilter } from '../store/webhook-queries.ts';
import { limitOption } from './commands/runs.ts';

/** What {@link addMessageFilter} adds. */
export interface MessageOptions { entity?: string; key?: string; event?: 'changed' | 'deleted'; outcome?: NonNullable<InboxFilter['outcome']>; since?: Date; until?: Date; limit: number }

/** The filter of the commands about messages; it stands on the parent, so that each of them takes it. */
export function addMessageFilter(command: Command): void {
  command.option('--entity <id>', 'those of one entity').option('--key <key>', 'those about one record')
    .addOption(new Option('--event <event>', 'what they say').choices(['changed', 'deleted']))
    .addOption(new Option('--outcome <outcome>', 'what became of them').choices(['waiting', 'applied', 'deleted', 'unchanged', 'stale', 'dropped', 'refused']))
    .addOption(new Option('--since <time>', 'arrived since then: a date, or 24h, 7d').argParser(readTime)).addOption(new Option('--until <time>', 'arrived before').argParser(readTime))
    .addOption(limitOption());
}

/** The filter that was given, with ids where messages are named. */
export function messageFilter({ entity, key, event, outcome, since, until }: MessageOptions, ids: readonly string[] = []): InboxFilter {
  const given = { entity, key, event, outcome, since, until, ids: ids.length > 0 ? ids : undefined };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as InboxFilter;
}

function readTime(text: string): Date {
  try {
    return readSince(text, new Date());
  } catch (error) {
    throw new InvalidArgumentError((error as Error & { suggestion?: string }).suggestion ?? '');
  }
}
