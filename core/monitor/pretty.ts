/** Log lines for people at a terminal. */
import { styleText } from 'node:util';

const levels: Record<number, [name: string, style: Parameters<typeof styleText>[0]]> = {
  10: ['trace', 'dim'], 20: ['debug', 'dim'], 30: ['info ', 'green'], 40: ['warn ', 'yellow'], 50: ['error', 'red'], 60: ['fatal', 'magenta'],
};
const hidden = new Set(['level', 'time', 'msg', 'error', 'err']);

/** One JSON line of the log as `08:15:02 info  message  name=value …`; an error's chain on lines of its own. */
export function prettyLine(json: string, color = true): string {
  const line = JSON.parse(json) as Record<string, unknown> & { level: number; time: string; msg?: string };
  const paint = (style: Parameters<typeof styleText>[0], text: string): string => (color ? styleText(style, text, { validateStream: false }) : text);
  const [name, style] = levels[line.level] ?? ['log  ', 'white'];
  const fields = Object.entries(line).filter(([key]) => !hidden.has(key)).map(([key, value]) => `${paint('dim', `${escapeControls(key)}=`)}${show(value)}`);
  const head = [paint('dim', line.time.slice(11, 19)), paint(style, name), escapeControls(line.msg ?? ''), ...fields].join(' ');
  return [head, ...errorLines(line['error'] ?? line['err']).map((each) => paint('dim', `         ${each}`))].join('\n') + '\n';
}

/** Text with control characters (and those that turn the direction of writing) shown as `\u001b`, so that no log line can draw on a terminal. */
export function escapeControls(text: string): string {
  // oxlint-disable-next-line no-control-regex -- they are what is looked for
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function show(value: unknown): string {
  if (typeof value === 'string') return /^[\w.:/@+-]+$/.test(value) ? value : escapeControls(JSON.stringify(value));
  return escapeControls(JSON.stringify(value) ?? '');
}

function errorLines(error: unknown): string[] {
  const lines: string[] = [];
  for (let each = error, depth = 0; typeof each === 'object' && each !== null && depth < 8; each = (each as { cause?: unknown }).cause, depth++) {
    const { name, message, code, suggestion, stack } = each as Record<string, unknown>;
    lines.push(escapeControls(`${depth === 0 ? '' : 'because of '}${String(name)}: ${String(message)}${code === undefined ? '' : ` (${String(code)})`}`));
    if (typeof suggestion === 'string') lines.push(escapeControls(`to do: ${suggestion}`));
    if (typeof stack === 'string') lines.push(...stack.split('\n').slice(0, depth === 0 ? 4 : 2).map((line) => `  ${escapeControls(line)}`));
  }
  if (typeof error === 'string') lines.push(escapeControls(error));
  return lines;
}
