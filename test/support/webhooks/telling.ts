/** A source beside that of the chaos tests, which changes all the time and tells of it by signed messages alone. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Pool } from '../../../core/store/pool.ts';
import { Random } from '../../../sandbox/zoho/random.ts';
import { startZohoSandbox } from '../../../sandbox/zoho/server.ts';
import type { WorldOptions } from '../chaos/world.ts';
import type { TestScope } from '../database.ts';
import { until } from '../processes.ts';
import { envOf } from '../shop.ts';
import { accepted, changeInvoices, differences, invoicesEntity, noteTaken, rulesTo } from './told.ts';

const secret = 'thesecretthatistold1';
const together = 5;
/** So many messages wait for the TDS at most, where none is there. */
const mostPending = 60;

const connections = `  books:
    plugin: zoho-books
    with: { organizationId: "\${ZOHO_ORGANIZATION_ID}", clientId: "\${ZOHO_CLIENT_ID}", clientSecret: "\${ZOHO_CLIENT_SECRET}", refreshToken: "\${ZOHO_REFRESH_TOKEN}", accountsUrl: "\${ZOHO_ACCOUNTS_URL}", apiUrl: "\${ZOHO_API_URL}" }
    webhooks: { secret: ${secret} }
`;

export interface Telling {
  /** What a world needs beside its own source. */
  config: NonNullable<WorldOptions['beside']>;
  /** Messages that were answered 202 so far. */
  taken(): number;
  /** Changes nothing more; resolves when every message was taken. */
  end(): Promise<void>;
  /** What was lost of messages that were answered 202, when all that was taken is applied. */
  faults(pool: Pool): Promise<string[]>;
}

/** Begins at once; messages that nobody takes at this port are sent again. */
export async function startTelling(scope: TestScope, { seed, port }: { seed: number; port: number }): Promise<Telling> {
  // Its clock lags, and moves with each change: a record is changed at most once a second, as times count in seconds.
  const sandbox = await startZohoSandbox({ scale: 'none', limits: false, seed, startAt: Date.now() - 4 * 3_600_000, frozen: true });
  const over = new AbortController();
  scope.teardown(async () => {
    over.abort();
    await sandbox.close();
  });
  const { webhooks } = sandbox;
  const taken = noteTaken(sandbox);
  Object.assign(webhooks.settings, { secret, doubling: 0.1, reordering: 0.1, retries: 100_000, retryMs: 50, rules: rulesTo(port) });
  const random = new Random(seed);
  const running = (async () => {
    while (!over.signal.aborted) {
      if (webhooks.pending < mostPending) changeInvoices(sandbox, random, together);
      await pause(50);
    }
  })();
  return {
    config: { connections, entities: invoicesEntity, env: envOf(sandbox) },
    taken: () => webhooks.counts.taken,
    async end() {
      over.abort();
      await running;
      webhooks.flush();
      await until('every message was taken', () => webhooks.pending === 0);
    },
    faults: async (pool) => [...await accepted(pool, taken), ...await differences(pool, sandbox)],
  };
}
