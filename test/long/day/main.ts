/**
 * `npm run test:day`: a shop of 20,000 items through a day with Zoho's limits and with faults, on two nodes, then three, then one, each a
 * process of its own; one of them is killed. Takes some minutes.
 *   --speed N   how fast the time runs while something is done; default 20
 */
import { availableParallelism, loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { FastClock } from '../../support/fast-clock.ts';
import { Child } from '../../support/processes.ts';
import type { Shop } from '../../support/shop.ts';
import { simulateDay, type DayNode } from './simulate.ts';

const script = fileURLToPath(new URL('../../support/shop-node.ts', import.meta.url));
const { values } = parseArgs({ options: { speed: { type: 'string', default: '20' } } });
const endings: (() => unknown)[] = [];
const scope = { teardown: (action: () => unknown): void => void endings.push(action) };
const load = (): string => `load ${loadavg().map((each) => each.toFixed(1)).join(' ')} on ${availableParallelism()} cores`;

async function open(shop: Shop, clock: FastClock, name: string): Promise<DayNode> {
  const { PATH = '', HOME = '' } = process.env;
  const node = new Child(scope, process.execPath, [script, shop.file, name, JSON.stringify(clock.origin)], { env: { PATH, HOME, ...shop.env } });
  await node.said(/^ready$/m);
  let moves = 0;
  const end = (signal: 'SIGTERM' | 'SIGKILL') => async (): Promise<unknown> => {
    node.process.kill(signal);
    return node.ended;
  };
  return {
    name, stop: end('SIGTERM'), drop: end('SIGKILL'),
    moved(ms) {
      node.process.stdin?.write(`advance ${ms}\n`);
      return node.said(new RegExp(`^moved ${++moves}$`, 'm'));
    },
  };
}

const began = performance.now();
console.log(`a day of 20,000 items (${load()})`);
let broken = true;
try {
  const { figures, faults } = await simulateDay(scope, {
    items: 20_000, hours: 23, edits: 45, perDay: 1000, perMinute: 100, atOnce: 10, speed: Number(values.speed), world: { customers: 100, vendors: 20, daysOfOrders: 2 },
    open, say: (line) => console.log(`  · ${line}`),
  });
  for (const [what, figure] of Object.entries(figures)) console.log(`  ${what.padEnd(32)} ${figure}`);
  for (const fault of faults) console.log(`  FAULT: ${fault}`);
  broken = faults.length > 0;
} finally {
  for (const ending of endings.toReversed()) await Promise.resolve(ending()).catch((error: unknown) => console.log(`  teardown: ${String(error)}`));
}
console.log(`${broken ? 'BROKEN' : 'kept'} in ${Math.round((performance.now() - began) / 1000)} s (${load()})`);
process.exit(broken ? 1 : 0);
