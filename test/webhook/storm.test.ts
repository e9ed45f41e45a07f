/** The short form of `npm run test:webhooks`. */
import t from 'tap';
import { storm } from '../support/webhooks/storm.ts';

t.test('messages that are doubled, out of order, lost and forged, to a process that is killed: the table equals the source', async (t) => {
  const seed = Number(process.env['TDS_SEED'] ?? Math.floor(Math.random() * 1e6));
  const { faults, figures } = await storm(t, { seed, events: 2000, invoices: 500, killEvery: 1000, mostKills: 2 });
  t.comment(`seed ${seed}: ${JSON.stringify(figures)}`);
  t.same(faults, [], `seed ${seed}`);
  t.ok(Number(figures['kills']) > 0 && Number(figures['forged']) > 0 && Number(figures['lost']) > 0);
});
