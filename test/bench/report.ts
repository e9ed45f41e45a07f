/** What the bench has measured, as a table for people and as JSON for programs. */

/** One line of the table. */
export interface Line {
  part: string;
  name: string;
  value: string;
  /** What is wanted, in words; absent where a line only informs. */
  target?: string;
  met?: boolean;
  /** The figures behind the words. */
  figures: Record<string, number | string | null>;
}

/** Collects lines; each is shown on stderr when it is known, the table at the end. */
export class Report {
  readonly lines: Line[] = [];

  add(line: Line): void {
    this.lines.push(line);
    this.say(`${line.name}: ${line.value}${line.target === undefined ? '' : ` (target ${line.target}${line.met === undefined ? '' : line.met ? ', met' : ', NOT met'})`}`);
  }

  /** A word on the way, on stderr. */
  say(text: string): void {
    process.stderr.write(`  ${text}\n`);
  }

  table(): string {
    const rows = [['measure', 'value', 'target', 'met'], ...this.lines.map(({ name, value, target, met }) => [name, value, target ?? '', met === undefined ? '' : met ? 'yes' : 'NO'])];
    const widths = [0, 1, 2, 3].map((column) => Math.max(...rows.map((row) => [...(row[column] as string)].length)));
    const line = (row: readonly string[]): string => `| ${row.map((cell, column) => cell.padEnd(widths[column] as number)).join(' | ')} |`;
    const [head, ...body] = rows as [string[], ...string[][]];
    return [line(head), `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`, ...body.map(line)].join('\n');
  }
}

export function whole(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

export function percent(value: number): string {
  return `${Math.round(value * 100)} %`;
}

/** Percent with one digit after the point; it may be below 0. */
export function tenths(value: number): string {
  return `${(value * 100).toFixed(1)} %`;
}

export function seconds(value: number): string {
  return `${value.toFixed(value < 10 ? 2 : 1)} s`;
}

export function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(bytes < 1e7 ? 2 : 0)} MB`;
}
