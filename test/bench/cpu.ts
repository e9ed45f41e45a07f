/** CPU seconds of processes, as Linux tells them. Elsewhere they are unknown, and the bench goes on without. */
import { readFileSync, readdirSync } from 'node:fs';

const ticksPerSecond = 100;

interface Stat { parent: number; own: number; reaped: number }

function statOf(pid: number): Stat | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ').map(Number);
    const [, parent = 0, , , , , , , , , , user = 0, system = 0, childUser = 0, childSystem = 0] = fields;
    return { parent, own: (user + system) / ticksPerSecond, reaped: (childUser + childSystem) / ticksPerSecond };
  } catch {
    return undefined; // it has ended, or this is not Linux
  }
}

/** Used by the process and its direct children, living and ended. Null where it can't be known. */
export function cpuSeconds(pid: number | undefined): number | null {
  const stat = pid === undefined ? undefined : statOf(pid);
  if (stat === undefined) return null;
  let sum = stat.own + stat.reaped;
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const child = statOf(Number(name));
    if (child?.parent === pid) sum += child?.own ?? 0;
  }
  return sum;
}

/** `1.23` seconds since the first look, or a dash. */
export function sinceText(before: number | null, after: number | null): string {
  return before === null || after === null ? '–' : (after - before).toFixed(1);
}
