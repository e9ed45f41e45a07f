/**
 * `npm run test:schedules`: the plan of the sample config through a month with a moved clock, by two processes of which one is killed (SIGKILL)
 * at random; then both clock changes of two zones, likewise.
 *   --days N    default 30, from 2026-11-01
 *   --kills N   default 100, in the month; half as many about the clock changes
 *   --seed N    default: by chance, and told
 */
import { availableParallelism, loadavg } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { loadConfig } from '../../../core/config/index.ts';
import { Random } from '../../../sandbox/zoho/random.ts';
import { auditJobs, changingPlan, clockChanges, judge, live, type Journey } from '../../schedule/journey.ts';
import { processCrew } from '../../schedule/process-crew.ts';
import { testDatabase } from '../../support/database.ts';

const { values } = parseArgs({ options: { days: { type: 'string', default: '30' }, kills: { type: 'string', default: '100' }, seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) } } });
const env = { ZOHO_ORGANIZATION_ID: '1', ZOHO_CLIENT_ID: 'client', ZOHO_CLIENT_SECRET: 'secret', ZOHO_REFRESH_TOKEN: 'token' };
const { config, findings } = loadConfig({ file: 'tds.config.yaml', folder: path.join(import.meta.dirname, '../../..'), env });
if (!config) throw new Error(`the sample config has errors: ${findings[0]?.message}`);

const from = new Date('2026-11-01T00:00:30Z');
const kills = Number(values.kills);
const journeys: Record<string, Journey> = {
  [`the ${Object.keys(config.schedules).length} schedules of the sample config over ${values.days} days`]: {
    spans: [{ from: from.toISOString(), until: new Date(from.getTime() + Number(values.days) * 86_400_000).toISOString() }], kills, plan: config.schedules, timezone: config.timezone,
  },
  'the clock changes of Europe/London and America/New_York': { spans: clockChanges, kills: Math.floor(kills / 2), plan: changingPlan },
};
const begun = performance.now();
let broken = 0;
for (const [name, journey] of Object.entries(journeys)) broken += await tell(name, journey);
console.log(`  ${broken === 0 ? 'kept' : 'BROKEN'}, after ${seconds()} s (${load()})`);
process.exit(broken === 0 ? 0 : 1);

/** Answers how many promises were broken. */
async function tell(name: string, journey: Journey): Promise<number> {
  console.log(`# ${name}, ${journey.kills} kills, seed ${values.seed} (${load()})`);
  const endings: (() => unknown)[] = [];
  const scope = { teardown: (action: () => unknown) => endings.push(action) };
  const random = new Random(Number(values.seed));
  try {
    const database = await testDatabase(scope as Parameters<typeof testDatabase>[0]);
    await auditJobs(database.pool);
    const crew = await processCrew(scope, database, journey, random);
    const lived = await live(database.pool, journey, crew, random, (passed, all) => console.log(`  · ${passed} of ${all} moments, after ${seconds()} s`));
    const { ticks, latest, faults } = await judge(database.pool, journey);
    const figures = { ticks, 'latest, ms': latest, 'killed in a look': lived.inLook, 'killed after one': lived.after, 'longest look on the wall, ms': Math.round(lived.longestMs), 'with a kill, ms': Math.round(lived.longestAfterKillMs) };
    for (const [what, figure] of Object.entries(figures)) console.log(`  ${what.padEnd(30)} ${figure}`);
    for (const fault of faults) console.log(`  FAULT: ${fault}`);
    return faults.length;
  } finally {
    for (const ending of endings.toReversed()) await ending();
  }
}

function seconds(): number {
  return Math.round((performance.now() - begun) / 1000);
}

function load(): string {
  return `load ${loadavg().map((each) => each.toFixed(1)).join(' ')} on ${availableParallelism()} cores`;
}
