/** What a reader of a failed run is shown: `.ci/failures.js`. */
import t from 'tap';
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const script = fileURLToPath(new URL('../.ci/failures.js', import.meta.url));

/** What it says of this TAP. */
async function told(tap: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const child = execFile(process.execPath, [script], (error, text) => (error ? reject(error) : resolve(text)));
  child.stdin?.end(tap);
  return promise;
}

const good = (indent: string): string => Array.from({ length: 500 }, (_, n) => `${indent}ok ${n + 1} - good ${n}`).join('\n');

t.test('of a failed file only what failed is told, with what was seen and where, and at the end each in one line', async (t) => {
  const text = await told(`TAP version 14
# Subtest: test/kill.test.ts
    # Subtest: nodes that are killed
${good('        ')}
        not ok 501 - no differences
          ---
          diff: |
            --- expected
            +++ actual
            -Array []
            +Array ["seed 1, round 3: doubled"]
          at:
            fileName: test/kill.test.ts
            lineNumber: 7
            columnNumber: 3
          source: |
            t.same(faults, []);
            --^
          ...
        1..501
    not ok 1 - nodes that are killed # time=5ms
      ---
      source: |
        t.test('nodes that are killed', () => {
      ...
    1..1
not ok 1 - test/kill.test.ts # time=6ms
  ---
  command: node
  exitCode: 1
  ...

# Subtest: test/good.test.ts
${good('    ')}
    1..500
ok 2 - test/good.test.ts # time=1ms
# Subtest: test/dies.test.ts
    1..1
not ok 3 - test/dies.test.ts # time=1ms
  ---
  args:
    - --import=x
  exitCode: null
  signal: SIGKILL
  ...
1..3
`);
  t.equal(text, `
test/kill.test.ts
  not ok: nodes that are killed > no differences
    diff: |
      --- expected
      +++ actual
      -Array []
      +Array ["seed 1, round 3: doubled"]
    at:
      fileName: test/kill.test.ts
      lineNumber: 7

test/dies.test.ts
  not ok: the file itself
    exitCode: null
    signal: SIGKILL

in short:
  test/kill.test.ts: nodes that are killed > no differences
  test/dies.test.ts: the file itself
`);
});

t.test('many failures of one file, and many lines of one, are cut short', async (t) => {
  const failure = (n: number): string => `    not ok ${n} - number ${n}\n      ---\n${Array.from({ length: 40 }, (_, line) => `      line${line}: 1`).join('\n')}\n      ...`;
  const text = await told(`# Subtest: a.test.ts\n${Array.from({ length: 9 }, (_, n) => failure(n + 1)).join('\n')}\nnot ok 1 - a.test.ts\n`);
  t.equal(text.match(/not ok: /g)?.length, 5);
  t.match(text, /line24: 1\n {4}… and 15 lines more\n/);
  t.match(text, / {2}… and 4 failures more\n\nin short:\n/);
  t.ok(text.split('\n').length < 150);
});
