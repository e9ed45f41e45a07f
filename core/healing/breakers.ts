/** Open breakers: after its rest a connection is called once, cheaply, so that nothing has to wait for the next sync to find that it works again. */
import type { BreakerState } from '../connection/breaker.ts';
import type { CheckFinding, Clock } from '../sdk/index.ts';
import type { HealingRule } from './rule.ts';

/** What the rule needs of a connection. */
export interface ProbedConnection { id: string; breaker: () => BreakerState | Promise<BreakerState>; check: (signal: AbortSignal) => Promise<CheckFinding[]> }

export interface BreakersDeps {
  connections: readonly ProbedConnection[];
  /** The one that the breakers rest by. */
  clock: Clock;
  every: number;
  cap: number;
}

/** A breaker is one for all nodes, so one of them looks. */
export function breakers({ connections, clock, every, cap }: BreakersDeps): HealingRule {
  const byId = new Map(connections.map((connection) => [connection.id, connection]));
  return {
    id: 'breakers', about: 'Open breakers are probed with one call when their rest is over.', every, cap, scope: 'all',
    async look() {
      const now = clock.now();
      const states = await Promise.all(connections.map(async ({ id, breaker }) => ({ id, ...(await breaker()) })));
      return states.flatMap(({ id, state, resumesAt, code }) => {
        if (state !== 'open' || (resumesAt && resumesAt > now)) return [];
        return [{
          fingerprint: id, seen: `the breaker of "${id}" is open${code === undefined ? '' : ` (${code})`}, and its rest is over`, plan: 'probe the connection with one call',
          cure: `Try it by hand: "tds check ${id}". The next call of a sync probes it as well.`, facts: { connection: id },
        }];
      });
    },
    async act({ facts }, { signal }) {
      const connection = byId.get(facts['connection'] as string);
      if (!connection) return undefined;
      const findings = await connection.check(signal);
      const { state, resumesAt } = await connection.breaker();
      if (state === 'closed') return { outcome: 'healed', came: 'the connection answers again, the breaker is closed' };
      const fault = findings.find((finding) => !finding.ok);
      return { outcome: 'failed', came: `${fault ? fault.message : 'no answer'}${resumesAt ? `; it rests until ${resumesAt.toISOString()}` : ''}` };
    },
  };
}
