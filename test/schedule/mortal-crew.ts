/** Two nodes in this process, of which one can be taken away at any statement of a look: every statement is met, some time. */
import type { Pool } from '../../core/store/pool.ts';
import type { Random } from '../../sandbox/zoho/random.ts';
import { TestClock } from '../support/clock.ts';
import type { Crew, Journey } from './journey.ts';
import { definitions, endRuns, mortalDatabase, node, type TestNode } from './support.ts';

interface Life extends TestNode { mortal: ReturnType<typeof mortalDatabase>; dead: boolean }

/** Statements of a look that has something to write. */
const statements = 14;

export function mortalCrew(pool: Pool, { plan, timezone, spans }: Journey, random: Random): Crew {
  const clock = new TestClock(spans[0]?.from);
  const known = definitions(plan, timezone);
  const born = (name: string): Life => {
    const mortal = mortalDatabase(pool);
    const life: Life = { ...node(pool, known, { name, clock, database: mortal.database }), mortal, dead: false };
    void mortal.dead.then(() => (life.dead = true));
    return life;
  };
  const nodes = [born('a'), born('b')];
  let doomed: Life | undefined;
  let births = 0;
  return {
    async look(at) {
      await clock.moveTo(at);
      return Math.min(...await Promise.all(nodes.map((life) => Promise.race([life.scheduler.look(), life.mortal.dead.then(() => Infinity)]))));
    },
    doom() {
      doomed = nodes[random.below(2)] as Life;
      doomed.mortal.dieAfter(random.between(1, statements));
    },
    async bury() {
      const { dead, mortal } = doomed as Life;
      mortal.dieAfter(0);
      nodes[nodes.indexOf(doomed as Life)] = born(`n-${++births}`);
      return { inLook: dead, tookMs: 0 };
    },
    work: (at) => endRuns(pool, 'succeeded', at),
  };
}
