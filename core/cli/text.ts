/** How numbers, times and foreign texts are written for people. */

/** `11,000`. */
export function count(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

/** `1 run`, `3 runs`. */
export function counted(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** `840 ms`, `4.2 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`. */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const seconds = ms / 1000;
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  const minutes = Math.round(whole / 60);
  if (minutes < 1440) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  const hours = Math.round(minutes / 60);
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** A moment as people of a zone write it. */
export { localText } from '../schedule/zone-time.ts';

/** `4 min ago`, for a list; `–` where there is none. */
export function ago(when: Date | null, now: Date): string {
  if (!when) return '–';
  const ms = Math.max(0, now.getTime() - when.getTime());
  if (ms < 60_000) return `${Math.round(ms / 1000)} s ago`;
  if (ms < 3_600_000) return `${Math.round(ms / 60_000)} min ago`;
  if (ms < 172_800_000) return `${Math.round(ms / 3_600_000)} h ago`;
  return `${Math.round(ms / 86_400_000)} d ago`;
}

/** A text of a remote or a record on one line, without what could draw on a terminal or turn its direction around. */
export function plain(text: string): string {
  // oxlint-disable-next-line no-control-regex -- they are what is taken out
  return text.replaceAll(/[\r\n\t]+/gu, ' ').replaceAll(/[\u0000-\u001F\u007F-\u009F\u200B\u2028-\u202E\u2066-\u2069\uFEFF]/gu, '');
}

/** A value of a column or a JSON document on one line. */
export function cell(value: unknown): string {
  if (value === null || value === undefined) return '–';
  if (value instanceof Date) return value.toISOString();
  if (typeof value === 'object') return plain(JSON.stringify(value));
  return plain(String(value));
}
