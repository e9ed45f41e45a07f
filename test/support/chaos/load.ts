/** Work without end: the source changes all the time, and a sync is asked for whenever none is under way. */
import { setTimeout as pause } from 'node:timers/promises';
import { patienceMs } from '../processes.ts';
import type { World } from './world.ts';

export interface Load {
  /** Ends it; everything that was asked for is done by then, and one complete read more. */
  end(): Promise<void>;
  /** Resolves with the milliseconds until the next effect lands. */
  resumes(): Promise<number>;
}

export function startLoad(world: World): Load {
  const over = new AbortController();
  world.scope.teardown(async () => over.abort());
  const running = (async () => {
    while (!over.signal.aborted) {
      await world.change();
      await world.ask('full').catch(() => {}); // the database is away
      await pause(50);
    }
  })();
  running.catch(() => {}); // awaited at the end; a test that failed has none
  return {
    async end() {
      over.abort();
      await running;
      await world.settled();
      await world.ask('full');
      await world.settled();
    },
    async resumes() {
      const began = performance.now();
      let before: number | undefined;
      while (performance.now() - began < patienceMs) {
        const now = await world.effects().catch(() => undefined);
        before ??= now;
        if (now !== undefined && before !== undefined && now > before) return performance.now() - began;
        await pause(10);
      }
      throw new Error(`no work was done for ${patienceMs} ms: ${await world.standing()}`);
    },
  };
}
