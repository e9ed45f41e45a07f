/**
 * `npm run test:chaos`: every promise about dying, under attack, in the long form. Hours of a machine's bad luck in some minutes.
 *   --seed N         what chance goes by; a failure prints its own
 *   --only a,b       these scenarios alone
 *   --rounds N       instead of each scenario's own number
 *   --list           names the scenarios
 * The short form of each is in `test/chaos`, but for `recovery` (`test/queue/crash.test.ts`) and `mended-mapping` (`test/healing/dead-letters.test.ts`).
 */
import { availableParallelism, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { killAtRandom } from './kill.ts';
import { dieAtEachPoint } from './crash-points.ts';
import { killToRunningAgain } from './recovery.ts';
import { killOften } from './killed-often.ts';
import { mendMapping } from './mended-mapping.ts';
import { pausePastDeath } from './pause.ts';
import { stopPostgres } from './postgres.ts';
import { blackHole } from './black-hole.ts';
import { poison } from './poison.ts';
import { poisonRecord } from './poison-record.ts';
import { terminate } from './terminate.ts';
import { useUpConnections } from './connections.ts';
import { failOver } from './fail-over.ts';
import { fillDisk } from './disk-full.ts';
import type { Outcome, Scenario } from './scenario.ts';

/** Each row of the table of issue 3, with its number of rounds. */
const scenarios: Readonly<Record<string, { about: string; run: Scenario; rounds: number }>> = {
  'kill': { about: 'kill -9 of a node at random moments of syncs and replays', run: killAtRandom, rounds: 200 },
  'recovery': { about: 'from a kill to the job running again', run: killToRunningAgain, rounds: 10 },
  'killed-often': { about: 'one long read killed again and again, getting on in between', run: killOften, rounds: 40 },
  'mended-mapping': { about: '1,000 dead letters of three faults, the mapping mended', run: mendMapping, rounds: 1 },
  'pause': { about: 'SIGSTOP of a node past its death, then SIGCONT', run: pausePastDeath, rounds: 50 },
  'crash-points': { about: 'a crash at each named point of the write path', run: dieAtEachPoint, rounds: 3 },
  'postgres': { about: 'PostgreSQL stopped in immediate mode and started again, under load', run: stopPostgres, rounds: 20 },
  'fail-over': { about: 'the database fails over to a standby, under load', run: failOver, rounds: 3 },
  'connections': { about: 'a database that has no connection left', run: useUpConnections, rounds: 4 },
  'black-hole': { about: 'connections to the database that fall silent', run: blackHole, rounds: 5 },
  'poison': { about: 'a job that kills its process among 1,000 good ones', run: poison, rounds: 1 },
  'poison-record': { about: 'a record that kills or hangs its process among 1,000 good ones, on one tds start', run: poisonRecord, rounds: 1 },
  'terminate': { about: 'SIGTERM under load', run: terminate, rounds: 50 },
  'disk-full': { about: 'a database that refuses writes, and a disk that is full', run: fillDisk, rounds: 1 },
};

const { values } = parseArgs({ options: { seed: { type: 'string' }, only: { type: 'string' }, rounds: { type: 'string' }, list: { type: 'boolean' } } });
if (values.list) {
  for (const [name, { about, rounds }] of Object.entries(scenarios)) console.log(`${name.padEnd(14)} ${about}, ${rounds} rounds`);
  process.exit(0);
}
const wanted = values.only?.split(',') ?? Object.keys(scenarios);
const unknown = wanted.find((name) => !Object.hasOwn(scenarios, name));
if (unknown !== undefined) throw new Error(`there is no scenario ${unknown}; there are ${Object.keys(scenarios).join(', ')}`);
const seed = Number(values.seed ?? Math.floor(Math.random() * 1e6));
let failed = 0;
for (const name of wanted) {
  const began = performance.now();
  console.log(`\n# ${name}: ${scenarios[name]?.about} (seed ${seed}, ${load()})`);
  const { figures, faults } = await attempt(name);
  for (const [what, figure] of Object.entries(figures)) console.log(`  ${what.padEnd(36)} ${figure}`);
  for (const fault of faults) console.log(`  FAULT: ${fault}`);
  if (faults.length > 0) console.log(`  again: npm run test:chaos -- --seed ${seed} --only ${name}${values.rounds === undefined ? '' : ` --rounds ${values.rounds}`}`);
  console.log(`  ${faults.length === 0 ? 'kept' : 'BROKEN'} in ${Math.round((performance.now() - began) / 1000)} s (${load()})`);
  failed += faults.length > 0 ? 1 : 0;
}
console.log(failed === 0 ? '\nall promises were kept' : `\n${failed} of ${wanted.length} were broken`);
process.exit(failed === 0 ? 0 : 1);

async function attempt(name: string): Promise<Outcome> {
  const { run, rounds } = scenarios[name] as (typeof scenarios)[string];
  const endings: (() => unknown)[] = [];
  try {
    return await run({ teardown: (action) => endings.push(action) }, { seed, rounds: Number(values.rounds ?? rounds), say: (line) => console.log(`  · ${line}`) });
  } catch (error) {
    return { figures: {}, faults: [error instanceof Error ? error.stack ?? error.message : String(error)] };
  } finally {
    for (const ending of endings.toReversed()) await Promise.resolve(ending()).catch((error: unknown) => console.log(`  teardown: ${String(error)}`));
  }
}

function load(): string {
  return `load ${loadavg().map((each) => each.toFixed(1)).join(' ')} on ${availableParallelism()} cores`;
}
