/** Two nodes that are real processes (`process-node.ts`), killed by SIGKILL at any moment. A third one is loaded and waits, so that a dead one is replaced soon. */
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { sessionName } from '../../core/queue/index.ts';
import type { Pool } from '../../core/store/pool.ts';
import type { Random } from '../../sandbox/zoho/random.ts';
import { Child, until } from '../support/processes.ts';
import type { Crew, Journey } from './journey.ts';

const program = fileURLToPath(new URL('process-node.ts', import.meta.url));

interface Scope { teardown(action: () => unknown): unknown }

class ProcessNode {
  readonly name: string;
  readonly child: Child;
  over = false;
  #asked = 0;

  constructor(scope: Scope, name: string, given: object) {
    this.name = name;
    this.child = new Child(scope, process.execPath, [program, JSON.stringify({ ...given, name })]);
    void this.child.ended.then(() => (this.over = true));
  }

  /** Sends a command and waits for its answer; undefined where the process dies first. */
  async ask(command: string): Promise<string | undefined> {
    this.#asked += 1;
    this.child.output = '';
    this.child.process.stdin?.write(`${this.#asked} ${command}\n`);
    return (await this.child.said(new RegExp(`^${this.#asked} (.*)$`, 'm')).catch((error: unknown) => {
      if (this.child.process.signalCode !== 'SIGKILL') throw error;
      return undefined;
    }))?.[1];
  }
}

export async function processCrew(scope: Scope, { pool, url }: { pool: Pool; url: string }, { plan, timezone }: Journey, random: Random): Promise<Crew> {
  let births = 0;
  const born = (): ProcessNode => new ProcessNode(scope, `node-${++births}`, { url, plan, timezone });
  const nodes = [born(), born()];
  let spare = born();
  let doomed: { node: ProcessNode; dead: Promise<{ inLook: boolean; at: number }> } | undefined;
  let usualMs = 20;
  let looks = 0;
  await Promise.all(nodes.map((one) => one.ask('begin')));
  return {
    async look(at) {
      looks += 1;
      const begun = performance.now();
      const answers = await Promise.all(nodes.map((one) => (one.over ? undefined : one.ask(`look ${at.getTime()}`))));
      if (!doomed) usualMs += (performance.now() - begun - usualMs) / 10;
      return Math.min(...answers.map((answer) => (answer === undefined ? Infinity : Number(answer))));
    },
    doom() {
      const node = nodes[random.below(2)] as ProcessNode;
      const look = looks + 1;
      doomed = { node, dead: (async () => {
        await pause(random.next() * usualMs * 1.2);
        const inLook = looks === look && !/^\d+ /m.test(node.child.output);
        const at = performance.now();
        node.child.process.kill('SIGKILL');
        await node.child.ended;
        return { inLook, at };
      })() };
    },
    async bury() {
      const { node, dead } = doomed as NonNullable<typeof doomed>;
      const { inLook, at } = await dead;
      await until('the database knows', async () => (await pool.query('SELECT FROM pg_stat_activity WHERE application_name = $1', [sessionName(node.name)])).rowCount === 0);
      const tookMs = performance.now() - at;
      nodes[nodes.indexOf(node)] = spare;
      await spare.ask('begin');
      spare = born();
      doomed = undefined;
      return { inLook, tookMs };
    },
    work: () => until('all has been done', async () => {
      const { rows } = await pool.query<{ open: number }>(`SELECT (SELECT count(*) FROM runs WHERE ended_at IS NULL)::int + (SELECT count(*) FROM ticks WHERE work <> 'sync' AND status IN ('waiting', 'queued', 'running'))::int AS open`);
      return rows[0]?.open === 0;
    }, 60_000),
  };
}
