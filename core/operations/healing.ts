/** What people and programs ask of the healing. `core/healing` does it. */
import type { ActFilter, ActOutcome, HealingAct, RuleRow } from '../store/healing-acts.ts';

/** A rule that is switched on, and how it stands. */
export interface HealingRuleStatus {
  id: string;
  /** For people, one line. */
  about: string;
  /** Milliseconds between two looks. */
  every: number;
  /** Acts on one thing within 24 hours, before a person is told; null where there is no end. */
  cap: number | null;
  /** One node looks for all, or each for itself. */
  scope: 'all' | 'node';
  /** The looks: none before the first; one, or one per node. */
  looks: Omit<RuleRow, 'rule'>[];
}

/** What a look of one rule came to. */
export interface HealReport {
  rule: string;
  /** Another node was at it. */
  busy: boolean;
  /** `would`: of a dry run. `silent`: a person was told before, and nothing more is done until a reset. */
  found: { fingerprint: string; seen: string; done: string; outcome: ActOutcome | 'would' | 'silent'; came: string | null }[];
  /** Why the look failed. */
  error?: string;
}

export interface HealingOperations {
  /** False: `policies.healing.enabled` is off. Looks can be asked for all the same. */
  readonly enabled: boolean;
  acts(filter: ActFilter): Promise<HealingAct[]>;
  rules(): Promise<HealingRuleStatus[]>;
  /** Looks now, in this process; all rules when none is named. @throws OperationError `operation.unknown_rule` */
  run(request: { rule?: string | undefined; dryRun: boolean; trigger: string }): Promise<HealReport[]>;
  /** Lets healing act again on what an act was about, or on all that people were told of. Answers on how many things. @throws OperationError `operation.unknown_act` */
  reset(act: string): Promise<number>;
}
