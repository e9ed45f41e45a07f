import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openWorld, type World } from '../../support/chaos/world.ts';
import type { TestScope } from '../../support/database.ts';
import { until } from '../../support/processes.ts';
import type { Outcome, ScenarioOptions } from './scenario.ts';

const letters = 1_000;
const fields = ['price', 'stock', 'weight'] as const;

/**
 * 1,000 records whose mapping fails in three ways, on a real `tds start`; then the mapping is mended, and `tds start` runs again. Nobody
 * does anything else. `rounds`: times.
 */
export async function mendMapping(scope: TestScope, { seed, rounds, say }: ScenarioOptions): Promise<Outcome> {
  const faults: string[] = [];
  const seconds: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const world = await openWorld(scope, { seed, records: 1 });
    const folder = await mkdtemp(join(tmpdir(), 'tds-chaos-letters-'));
    scope.teardown(() => rm(folder, { recursive: true, force: true }));
    await writeThings(folder);
    await writeConfig(world, folder, false);
    const before = world.start();
    await before.said(/"type":"started"/);
    await world.ask('full');
    await world.settled();
    const { rows: groups } = await world.pool.query<{ n: number }>(`select count(*)::int as n from tds.dead_letters where status = 'open' group by fingerprint order by 1`);
    if (groups.map(({ n }) => n).join() !== '333,333,334') faults.push(`the letters by fingerprint: ${JSON.stringify(groups)}`);
    before.process.kill('SIGTERM');
    await before.ended;

    await writeConfig(world, folder, true);
    const began = performance.now();
    const after = world.start();
    const open = async (): Promise<number> => (await world.pool.query<{ n: number }>(`select count(*)::int as n from tds.dead_letters where status = 'open'`)).rows[0]?.n ?? -1;
    await until('no dead letter is open', async () => await open() === 0, 180_000).catch((error: unknown) => void faults.push(`${String(error)}: ${after.output.slice(-1500)}`));
    seconds.push((performance.now() - began) / 1000);
    faults.push(...await differences(world));
    after.process.kill('SIGTERM');
    await after.ended;
    say(`${letters} dead letters of ${groups.length} faults healed in ${seconds.at(-1)?.toFixed(1)} s, the start included`);
  }
  return { figures: { 'dead letters': letters, 'fingerprints': fields.length, 'left': faults.length === 0 ? 0 : 'see below', 'healed after': seconds.map((each) => `${each.toFixed(1)} s`).join(', ') }, faults: faults.map((fault) => `seed ${seed}: ${fault}`) };
}

async function differences(world: World): Promise<string[]> {
  const { rows: [sums] } = await world.pool.query<{ rows: number; values: string }>(`select count(*)::int as rows, concat_ws(',', sum(price)::int, sum(stock)::int, sum(weight)::int) as values from erp.mended`);
  // what can't be read as a number is 7
  const sum = (wrong: number): number => letters - wrong + wrong * 7;
  const right = [sum(334), sum(333), sum(333)].join();
  const told = sums?.rows === letters && sums.values === right ? [] : [`the table holds ${JSON.stringify(sums)}, and not ${letters} rows with ${right}`];
  const { rows: acts } = await world.pool.query<{ outcome: string; trigger: string; n: number }>(`select outcome, trigger, count(*)::int as n from tds.healing_acts where rule = 'dead-letters' group by 1, 2`);
  if (acts.some(({ trigger }) => trigger !== 'tick')) told.push(`somebody helped: ${JSON.stringify(acts)}`);
  return told;
}

async function writeThings(folder: string): Promise<void> {
  const things = Array.from({ length: letters }, (_, n) => {
    const wrong = fields[n % fields.length] as (typeof fields)[number];
    return { id: `t${String(n).padStart(5, '0')}`, price: 1, stock: 1, weight: 1, [wrong]: 'a word', modified: new Date(Date.UTC(2026, 0, 1, 0, 0, n)).toISOString() };
  });
  await writeFile(join(folder, 'things.json'), JSON.stringify(things));
}

async function writeConfig(world: World, folder: string, mended: boolean): Promise<void> {
  const field = (name: string): string => `      ${name}: { ${mended ? `expr: "$type(${name}) = 'number' ? ${name} : 7"` : `from: ${name}`}, type: "numeric(12,2)" }`;
  await writeFile(world.file, `
database: { url: "\${TDS_DATABASE_URL}" }
api: { port: 0 }
plugins: [${JSON.stringify(fileURLToPath(new URL('../../support/chaos/plugins', import.meta.url)))}]
connections:
  source: { plugin: scripted, with: { file: ${JSON.stringify(join(folder, 'things.json'))} } }
  erp: { plugin: postgres, with: { schema: erp } }
entities:
  things:
    from: { connection: source, stream: things }
    to: { connection: erp, table: mended }
    key: id
    fields:
      id: id
${fields.map(field).join('\n')}
`);
}
