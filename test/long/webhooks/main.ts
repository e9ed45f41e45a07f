/**
 * `npm run test:webhooks`: 100,000 messages, 10 % doubled, 10 % out of order, 5 % lost, 1 % forged, to a TDS that is killed every few seconds.
 *   --seed N       what chance goes by; a failure prints its own
 *   --events N     default 100000
 *   --every MS     between two kills, default 4000
 */
import { availableParallelism, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { storm, type StormResult } from '../../support/webhooks/storm.ts';

const { values } = parseArgs({ options: { seed: { type: 'string' }, events: { type: 'string', default: '100000' }, every: { type: 'string', default: '4000' } } });
const seed = Number(values.seed ?? Math.floor(Math.random() * 1e6));
console.log(`# ${values.events} messages (seed ${seed}, ${load()})`);
const endings: (() => unknown)[] = [];
let result: StormResult;
try {
  result = await storm({ teardown: (action: () => unknown) => endings.push(action) }, { seed, events: Number(values.events), invoices: 5000, killEvery: Number(values.every), say: (line) => console.log(`  · ${line}`) });
} catch (error) {
  result = { figures: {}, faults: [error instanceof Error ? error.stack ?? error.message : String(error)] };
}
for (const ending of endings.toReversed()) await Promise.resolve(ending()).catch((error: unknown) => console.log(`  teardown: ${String(error)}`));
for (const [what, figure] of Object.entries(result.figures)) console.log(`  ${what.padEnd(24)} ${figure}`);
for (const fault of result.faults) console.log(`  FAULT: ${fault}`);
if (result.faults.length > 0) console.log(`  again: npm run test:webhooks -- --seed ${seed} --events ${values.events} --every ${values.every}`);
console.log(`  ${result.faults.length === 0 ? 'kept' : 'BROKEN'} (${load()})`);
process.exit(result.faults.length === 0 ? 0 : 1);

function load(): string {
  return `load ${loadavg().map((each) => each.toFixed(1)).join(' ')} on ${availableParallelism()} cores`;
}
