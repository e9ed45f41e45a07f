/** What TDS mends by itself: rules that look, acts that are rows, and a person who is told when nothing helps. */
import { OperationError } from '../operations/errors.ts';
import type { HealingOperations } from '../operations/healing.ts';
import { listActs, listRules, resetActs } from '../store/healing-acts.ts';
import { Healer, type HealerDeps } from './healer.ts';
import { healingRules, type RulesDeps } from './rules.ts';

export { Healer, type HealerDeps } from './healer.ts';
export { healingRules, type RulesDeps } from './rules.ts';
export type { Found, HealingContext, HealingRule, Outcome } from './rule.ts';

/** The healing of one process. */
export interface Healing {
  operations: HealingOperations;
  /** Looks from now on, unless the config has it switched off. */
  start(): void;
  /** Idempotent, and safe before `start`. */
  stop(): Promise<void>;
}

/** Puts the healing together; nothing looks before `start`. */
export function createHealing(deps: RulesDeps & Omit<HealerDeps, 'rules' | 'every'>): Healing {
  const { policies: { healing }, database } = deps;
  const healer = new Healer({ ...deps, rules: healingRules(deps), every: healing.every });
  return {
    start: () => void (healing.enabled && healer.start()),
    stop: () => healer.stop(),
    operations: {
      enabled: healing.enabled,
      acts: (filter) => listActs(database.reads, filter),
      async rules() {
        const rows = await listRules(database.reads);
        return healer.rules.map(({ id, about, every, cap, scope }) => ({ id, about, every, cap: Number.isFinite(cap) ? cap : null, scope, looks: rows.filter(({ rule }) => rule === id).map(({ rule: _rule, ...look }) => look) }));
      },
      run: (request) => healer.run(request),
      async reset(act) {
        const things = await database.transaction((session) => resetActs(session, act === 'all' ? 'all' : act, deps.clock.now()));
        if (things === 0 && act !== 'all') throw new OperationError('operation.unknown_act', `healing has no act ${JSON.stringify(act)} that could be reset`, { suggestion: 'See the list: tds healing' });
        return things;
      },
    },
  };
}
