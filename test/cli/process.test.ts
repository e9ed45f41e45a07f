import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { callCli, tds } from './support.ts';

const sample = join(process.cwd(), 'tds.config.yaml');

t.test('the help names every command, the exit codes and the variables', async (t) => {
  const child = tds(t, ['--help']);
  t.equal((await child.ended).code, 0);
  for (const word of ['start', 'demo', 'validate', 'check', 'sync', 'replay', 'runs', 'status', 'plugins', 'dead-letters', 'version', 'Exit codes:', '130', 'TDS_CONFIG', 'TDS_DATABASE_URL', 'TDS_PORT', 'token', 'audit']) t.match(child.output, word);
});

t.test('each command explains itself with examples, its JSON and its exit codes', async (t) => {
  for (const command of [['start'], ['demo'], ['validate'], ['check'], ['sync'], ['replay'], ['runs'], ['runs', 'show'], ['runs', 'cancel'], ['status'], ['plugins'], ['dead-letters'], ['version']]) {
    const { exit, out } = await callCli([...command, '--help']);
    t.equal(exit, 0, command.join(' '));
    t.match(out, /Usage: tds [\s\S]*--config[\s\S]*Examples:[\s\S]*--json:[\s\S]*Exit codes:/);
  }
});

t.test('a command line that is wrong ends with 2, and says what was meant', async (t) => {
  for (const [args, text] of [
    [['snyc'], /unknown command 'snyc'[\s\S]*Did you mean sync/],
    [['sync', '--mod', 'full'], /unknown option '--mod'[\s\S]*Did you mean --mode/],
    [['sync', '--mode', 'all'], /Allowed choices are full, incremental, details, replay/],
    [['runs', '--limit', '0'], /whole number from 1 to 500/],
    [['runs', 'show'], /missing required argument 'id'/],
    [['validate', 'this'], /too many arguments/],
    [['status', '--demo'], /no demo runs in this directory \(cli\.no_demo\)/],
  ] as const) {
    const { exit, err } = await callCli(args);
    t.equal(exit, 2, args.join(' '));
    t.match(err, text);
  }
  t.match((await callCli(['snyc', '--json'])).json, [{ error: { code: 'cli.usage', message: /unknown command/ } }]);
  const child = tds(t, ['snyc']);
  t.equal((await child.ended).code, 2);
  t.notMatch(child.output, /\n\s+at .*\.ts/, 'without a stack');
});

t.test('without a command the help is shown, and the exit is 2', async (t) => {
  const child = tds(t, []);
  t.equal((await child.ended).code, 2);
  t.match(child.output, /Usage: tds/);
});

t.test('missing credentials name the variable and the demo, for whoever starts it for the first time', async (t) => {
  const cwd = t.testdir();
  await Promise.all(['validate', 'start'].map(async (command) => {
    const child = tds(t, [command, '--config', sample], { cwd });
    t.equal((await child.ended).code, 2, command);
    t.match(child.output, /ZOHO_CLIENT_ID, which is not set.*npm run demo/);
    t.match(child.output, /4 errors in /);
  }));
});

t.test('the sample config is valid once its variables are set, and TDS_CONFIG names it', async (t) => {
  const env = { TDS_CONFIG: sample, ZOHO_ORGANIZATION_ID: '1', ZOHO_CLIENT_ID: 'client', ZOHO_CLIENT_SECRET: 'a-secret-secret', ZOHO_REFRESH_TOKEN: 'a-refresh-token' };
  const child = tds(t, ['validate', '--json'], { env, cwd: t.testdir() });
  t.equal((await child.ended).code, 0);
  t.match(await child.json(), { ok: true, counts: { connections: 3, schedules: 3 } });
});

t.test('a faulty config is told with line and column, as text and as JSON', async (t) => {
  const cwd = t.testdir();
  writeFileSync(join(cwd, 'tds.config.yaml'), 'timezone: UTC\nentites: {}\n');
  const text = tds(t, ['validate'], { cwd });
  const json = tds(t, ['validate', '--json'], { cwd });
  t.equal((await text.ended).code, 2);
  t.match(text.output, /^tds\.config\.yaml:2:1 entites .*did you mean "entities"\? \(config\.unknown_field\)\n1 error in tds\.config\.yaml\n$/);
  t.equal((await json.ended).code, 2);
  t.match(await json.json(), { ok: false, counts: null, findings: [{ line: 2, column: 1, code: 'config.unknown_field', severity: 'error' }] });
});

t.test('a database that is out of reach ends with 3', async (t) => {
  const cwd = t.testdir();
  writeFileSync(join(cwd, 'tds.config.yaml'), 'database: { url: "postgres://tds:a-long-password@127.0.0.1:1/tds" }\n');
  const child = tds(t, ['status'], { cwd });
  t.equal((await child.ended).code, 3);
  t.match(child.output, /can't be reached.*TDS_DATABASE_URL/s);
  t.notMatch(child.output, /a-long-password|\n\s+at /);
});

t.test('version answers at once, also as JSON', async (t) => {
  const child = tds(t, ['version', '--json']);
  t.equal((await child.ended).code, 0);
  t.match(await child.json(), { version: /^\d+\.\d+\.\d+$/, node: process.versions.node });
});
