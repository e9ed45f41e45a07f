/** Lines for systemd's journal: each begins with its priority, so that `journalctl -p warning` finds it. The journal takes the mark off again. */
import { fstatSync } from 'node:fs';

/** Whether what is written to that descriptor goes to the journal: systemd says so of its own streams, TDS_JOURNAL=1 of those that a container hands on. */
export function goesToJournal(env: NodeJS.ProcessEnv, descriptor: number): boolean {
  if (env['TDS_JOURNAL'] === '1') return true;
  const stream = env['JOURNAL_STREAM'];
  if (stream === undefined) return false;
  try {
    const { dev, ino } = fstatSync(descriptor);
    return stream === `${dev}:${ino}`;
  } catch {
    return false;
  }
}

/** `<4>` and so on: what syslog calls the importance of one of pino's levels. */
export function journalMark(level: number): string {
  if (level >= 60) return '<2>';
  if (level >= 50) return '<3>';
  if (level >= 40) return '<4>';
  return level >= 30 ? '<6>' : '<7>';
}

/** A JSON line of the log, marked. */
export const journalLine = (line: string): string => `${journalMark(Number(/^\{"level":(\d+)/.exec(line)?.[1] ?? 30))}${line}`;
