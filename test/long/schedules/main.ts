/**
 * `npm run test:schedules`: the plan of the sample config through a month with a moved clock, by two nodes of which one is killed at random.
 *   --days N    default 30, from 2026-11-01
 *   --kills N   default 100
 */
import { availableParallelism, loadavg } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { loadConfig } from '../../../core/config/index.ts';
import { judge, live, type Journey } from '../../schedule/journey.ts';
import { testDatabase } from '../../support/database.ts';

const { values } = parseArgs({ options: { days: { type: 'string', default: '30' }, kills: { type: 'string', default: '100' } } });
const env = { ZOHO_ORGANIZATION_ID: '1', ZOHO_CLIENT_ID: 'client', ZOHO_CLIENT_SECRET: 'secret', ZOHO_REFRESH_TOKEN: 'token' };
const { config, findings } = loadConfig({ file: 'tds.config.yaml', folder: path.join(import.meta.dirname, '../../..'), env });
if (!config) throw new Error(`the sample config has errors: ${findings[0]?.message}`);

const from = new Date('2026-11-01T00:00:30Z');
const journey: Journey = {
  from: from.toISOString(), until: new Date(from.getTime() + Number(values.days) * 86_400_000).toISOString(), kills: Number(values.kills), plan: config.schedules, timezone: config.timezone,
  told: (passed, all) => console.log(`  · ${passed} of ${all} moments, after ${seconds()} s`),
};
const begun = process.hrtime.bigint();
const endings: (() => Promise<void>)[] = [];
console.log(`# ${Object.keys(config.schedules).length} schedules over ${values.days} days, ${values.kills} kills (${load()})`);
const { pool } = await testDatabase({ teardown: (action) => endings.push(action) });
const counts = await live(pool, journey);
const { ticks, latest, faults } = await judge(pool, journey);
for (const ending of endings) await ending();
for (const [what, figure] of Object.entries({ ticks, 'latest, ms': latest, 'killed in a look': counts.inLook, 'killed after one': counts.after, seconds: seconds() })) console.log(`  ${what.padEnd(24)} ${figure}`);
for (const fault of faults) console.log(`  FAULT: ${fault}`);
console.log(`  ${faults.length === 0 ? 'kept' : 'BROKEN'} (${load()})`);
process.exit(faults.length === 0 ? 0 : 1);

function seconds(): number {
  return Math.round(Number(process.hrtime.bigint() - begun) / 1e9);
}

function load(): string {
  return `load ${loadavg().map((each) => each.toFixed(1)).join(' ')} on ${availableParallelism()} cores`;
}
