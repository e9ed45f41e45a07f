/** The short form of `npm run test:day`, with nodes in this process. */
import t from 'tap';
import { simulateDay, type DayNode } from '../long/day/simulate.ts';

void t.test('through a day on two nodes, three and one no call is refused, each stands in the ledger, and the reserve is left', async (t) => {
  const { figures, faults } = await simulateDay(t, {
    items: 1_000, hours: 6, edits: 12, perDay: 100, perMinute: 30, atOnce: 4, speed: 40, world: { customers: 20, vendors: 5, daysOfOrders: 1 },
    async open(shop, _clock, name): Promise<DayNode> {
      const node = await shop.another({ nodeId: name });
      // Here a node can't be killed: it hands back what it is at as soon as it may.
      return { name, stop: () => node.stop(), drop: () => node.stop({ drainMs: 0 }), moved: async () => {} };
    },
    say: (line) => t.comment(line),
  });
  for (const [what, figure] of Object.entries(figures)) t.comment(`${what}: ${figure}`);
  t.same(faults, []);
  t.ok(Number.parseInt(String(figures['most calls of a minute']), 10) >= 24, 'the limit was felt: all but what is kept free of it was used');
  t.match(figures['of those, bulk work'], /it paused/, 'the day was short enough for the reserve to be felt');
});
