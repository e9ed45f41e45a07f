import { stripVTControlCharacters } from 'node:util';

/** One column: numbers stand at the right. */
export interface Column { title: string; right?: boolean }

/** A table as lines. Cells may be coloured. The last column is cut where it would leave the terminal. */
export function table(columns: readonly Column[], rows: readonly (readonly string[])[], width = Number.POSITIVE_INFINITY): string[] {
  const all = [columns.map(({ title }) => title), ...rows];
  const widths = columns.map((_, at) => Math.max(...all.map((row) => displayWidth(row[at] ?? ''))));
  return all.map((row) => {
    let line = '';
    columns.forEach(({ right }, at) => {
      const isLast = at === columns.length - 1;
      const room = Math.max(8, width - displayWidth(line) - (at > 0 ? 2 : 0) - 1);
      const text = isLast ? cut(row[at] ?? '', room) : (row[at] ?? '');
      const fill = ' '.repeat(Math.max(0, (widths[at] ?? 0) - displayWidth(text)));
      line += `${at > 0 ? '  ' : ''}${right ? fill + text : isLast ? text : text + fill}`;
    });
    return line.trimEnd();
  });
}

/** Columns that a text takes on a terminal: marks take none, East Asian signs and emoji two. */
export function displayWidth(text: string): number {
  let width = 0;
  for (const sign of stripVTControlCharacters(text)) {
    if (/\p{M}|\p{Cf}/u.test(sign)) continue;
    width += /\p{Emoji_Presentation}|[\u1100-\u115F\u2E80-\uA4CF\uAC00-\uD7A3\uF900-\uFAFF\uFE30-\uFE4F\uFF00-\uFF60]/u.test(sign) ? 2 : 1;
  }
  return width;
}

/** The text, with `…` where it is too wide. */
export function cut(text: string, width: number): string {
  if (displayWidth(text) <= width) return text;
  let short = '';
  for (const sign of stripVTControlCharacters(text)) {
    if (displayWidth(short + sign) >= width) break;
    short += sign;
  }
  return `${short.trimEnd()}…`;
}
