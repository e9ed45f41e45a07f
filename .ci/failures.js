// Tells of a run's TAP, on standard input, only what failed: per file its first assertions with what they saw, and at the end each in one line.
import { createInterface } from 'node:readline';

const perFile = 5;
const linesEach = 25;
const width = 600;
/** Where a test stands in its source is told by `at` and `stack`. */
const silent = /^(source|args|command|cwd|stdio|externalID|columnNumber|typeName|isToplevel|methodName|functionName):/;

/** @type {Map<string, { title: string, lines: string[] }[]>} by file */
const files = new Map();
/** Names of the subtests that are open, by depth; the first is the file. @type {string[]} */
const open = [];
/** Whether something failed below, by depth. @type {boolean[]} */
const below = [];
/** @type {{ lines: string[], indent: number, hides: number } | undefined} */
let reading;

const short = (/** @type {string} */ line) => (line.length > width ? `${line.slice(0, width)} …` : line);

for await (const line of createInterface({ input: process.stdin })) {
  if (reading && readDiagnostics(line)) continue;
  const [, spaces = '', rest = ''] = /^( *)(.*)$/.exec(line) ?? [];
  const depth = spaces.length / 4;
  const subtest = /^# Subtest: (.*)$/.exec(rest);
  const result = /^(not )?ok \d+(?: - (.*))?$/.exec(rest);
  if (subtest && Number.isInteger(depth)) {
    open.splice(depth, Infinity, subtest[1] ?? '');
    below[depth] = false;
  } else if (result && Number.isInteger(depth)) end(depth, result[1] !== undefined, result[2] ?? '', spaces.length);
}

/** A test point: one assertion, or a subtest with what was in it. */
function end(/** @type {number} */ depth, /** @type {boolean} */ failed, /** @type {string} */ said, /** @type {number} */ indent) {
  const title = said.replace(/ # time=.*$/, '');
  const isSubtest = open.length > depth && open[depth] === title;
  const told = isSubtest && below[depth];
  if (failed && !/ # (TODO|SKIP)/i.test(said)) {
    for (let above = 0; above < depth; above++) below[above] = true;
    if (!told) {
      const file = depth === 0 ? title : open[0] ?? '';
      const failure = { title: [...open.slice(1, depth), ...(depth === 0 ? ['the file itself'] : [title])].join(' > '), lines: [] };
      files.set(file, [...(files.get(file) ?? []), failure]);
      reading = { lines: failure.lines, indent: indent + 2, hides: Infinity };
    }
  }
  if (isSubtest) open.length = depth;
}

/** A line of the YAML below a test point. False: it is none. */
function readDiagnostics(/** @type {string} */ line) {
  if (!reading) return false;
  const { indent, lines } = reading;
  if (line.trim() !== '' && !line.startsWith(' '.repeat(indent))) {
    reading = undefined;
    return false;
  }
  const text = line.slice(indent);
  if (text === '...') reading = undefined;
  else if (text !== '---' && text.trim() !== '') {
    const depth = text.search(/\S/);
    if (depth > reading.hides) return true;
    reading.hides = silent.test(text.trim()) ? depth : Infinity;
    if (reading.hides === Infinity) lines.push(text);
  }
  return true;
}

const told = [];
for (const [file, failures] of files) {
  told.push('', file);
  for (const { title, lines } of failures.slice(0, perFile)) {
    told.push(`  not ok: ${short(title)}`, ...lines.slice(0, linesEach).map((line) => `    ${short(line)}`));
    if (lines.length > linesEach) told.push(`    … and ${lines.length - linesEach} lines more`);
  }
  if (failures.length > perFile) told.push(`  … and ${failures.length - perFile} failures more`);
}
told.push('', 'in short:');
for (const [file, failures] of files) for (const { title } of failures.slice(0, perFile)) told.push(`  ${file}: ${short(title)}`);
process.stdout.write(`${told.join('\n')}\n`);
