/** A report as plain text, for a mail or a terminal. */
import { localText } from '../zone-time.ts';
import type { Summary } from './summary.ts';

/** The parts of a report, which the text and the HTML show alike. */
export interface Section { title: string; columns: readonly string[]; rows: readonly (readonly (string | number)[])[] }

export function titleOf({ from, to, timezone }: Summary): string {
  return `TDS report, ${localText(timezone, from)} to ${localText(timezone, to)}`;
}

export function headlineOf({ totals, attention }: Summary): string {
  const state = attention.length === 0 ? 'All is well' : `${attention.length} ${attention.length === 1 ? 'thing' : 'things'} to look at`;
  return `${state}: ${totals.runs} runs, ${totals.failed} failed; ${totals.new} records new, ${totals.changed} changed, ${totals.deleted} deleted, ${totals.refused} refused; ${totals.calls} calls.`;
}

export function sectionsOf({ entities, schedules, deadLetters, healing, quota }: Summary): Section[] {
  return [
    { title: 'Entities', columns: ['entity', 'runs', 'failed', 'new', 'changed', 'deleted', 'refused', 'calls'], rows: entities.map((one) => [one.entity, one.runs, one.failed, one.new, one.changed, one.deleted, one.refused, one.calls]) },
    { title: 'Schedules', columns: ['schedule', 'succeeded', 'failed', 'skipped', 'cancelled'], rows: schedules.map((one) => [one.schedule, one.succeeded, one.failed, one.skipped, one.cancelled]) },
    { title: 'Calls', columns: ['connection', 'day', 'calls', 'allowed'], rows: quota.map((one) => [one.connection, one.day, one.calls, one.limit ?? 'not known']) },
    { title: 'Trouble', columns: ['what', 'how many'], rows: [['dead letters made', deadLetters.made], ['dead letters open now', deadLetters.open], ['healed by itself', healing.healed], ['left to a person', healing.told]] },
    { title: 'Differences', columns: ['what', 'how many'], rows: [['comparison of source and table', 'not in this version']] },
  ].filter(({ rows }) => rows.length > 0);
}

export function reportText(summary: Summary): string {
  const lines = [titleOf(summary), headlineOf(summary)];
  if (summary.attention.length > 0) lines.push('', 'To look at', ...summary.attention.map((text) => `  - ${text}`));
  for (const section of sectionsOf(summary)) lines.push('', section.title, ...tableOf(section));
  return `${lines.join('\n')}\n`;
}

function tableOf({ columns, rows }: Section): string[] {
  const all = [columns, ...rows.map((row) => row.map(String))];
  const widths = columns.map((_, at) => Math.max(...all.map((row) => (row[at] ?? '').length)));
  return all.map((row) => `  ${row.map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0))).join('  ')}`.trimEnd());
}
