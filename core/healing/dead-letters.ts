/**
 * Dead letters are tried again by themselves, a fault at a time: with growing pauses, and at once when the mapping or a plugin has changed
 * since. First a canary of a few; the rest follows when most of these pass. After a day without success a person is told.
 */
import { faultStates, openFaults, removeFault, saveFault, type FaultState, type OpenFault } from '../store/healing-faults.ts';
import { endAct } from '../store/healing-acts.ts';
import { readRun, type Run } from '../store/runs.ts';
import type { SqlSession } from '../sdk/index.ts';
import type { Found, HealingContext, HealingRule } from './rule.ts';

export interface DeadLettersDeps {
  every: number;
  cap: number;
  /** Milliseconds for which a fault is tried again. */
  tryFor: number;
  /** The first pause; each one after it is four times as long. */
  firstPause: number;
  /** Letters that are tried first. */
  canary: number;
  /** What the outcome of an entity's mapping hangs on, as one text; undefined where it is not switched on. */
  causeOf: (entity: string) => string | undefined;
  /** Asks for a run that maps the open letters of a fault again, the oldest `most` of them. Undefined: it can't be had just now. */
  retry: (letters: { entity: string; fingerprint: string; most?: number }) => Promise<{ runId: string } | undefined>;
}

interface FaultFound extends Found { fault: OpenFault; state: FaultState }

const growth = 4;

export function deadLetters(deps: DeadLettersDeps): HealingRule {
  return {
    id: 'dead-letters', about: 'Dead letters are tried again with growing pauses, and at once after a change of the config or a plugin.', every: deps.every, cap: deps.cap, scope: 'all',
    settle: (context) => settle(deps, context),
    async look({ database, now }) {
      const [faults, states] = await database.transaction(async (session) => [await openFaults(session), byFault(await faultStates(session))] as const);
      return faults.map((fault) => due(deps, fault, states.get(nameOf(fault)), now)).filter((found) => found !== undefined);
    },
    async act(found, { database, actId }) {
      const { fault, state } = found as FaultFound;
      const canary = state.stage !== 'passed' && fault.letters > deps.canary;
      const asked = await deps.retry({ entity: fault.entity, fingerprint: fault.fingerprint, ...(canary ? { most: deps.canary } : {}) });
      if (!asked) return undefined;
      await database.transaction((session) => saveFault(session, { ...state, stage: canary ? 'canary' : 'rest', runId: asked.runId, actId }));
      return { outcome: 'started', came: `run ${asked.runId} tries them` };
    },
  };
}

/** What there is to do about a fault just now, if anything. */
function due(deps: DeadLettersDeps, fault: OpenFault, state: FaultState | undefined, now: Date): FaultFound | undefined {
  const cause = deps.causeOf(fault.entity);
  if (cause === undefined || !state || state.stage === 'canary' || state.stage === 'rest') return undefined;
  const fresh = cause !== state.cause;
  const tries = fresh ? { ...state, cause, since: now, tries: 0, stage: 'waiting' as const } : state;
  const over = now.getTime() - tries.since.getTime() >= deps.tryFor;
  if (!fresh && !over && state.nextAt > now) return undefined;
  const few = Math.min(deps.canary, fault.letters);
  const how = tries.stage === 'passed' ? 'try the rest again' : few < fault.letters ? `try ${few} of them again, then the rest` : 'try them again';
  return {
    fault, state: tries,
    // Mended config is another matter: what a person was told of before is tried with it at once.
    fingerprint: `${fault.fingerprint}/${cause}`, seen: `${fault.letters} dead ${fault.letters === 1 ? 'letter' : 'letters'} of "${fault.entity}": ${fault.message} (${fault.code})`,
    plan: fresh ? `${how}, as the config or a plugin has changed` : how,
    cure: `See "tds dead-letters --fingerprint ${fault.fingerprint}"; mend the mapping or the record at its source. After a change of the config they are tried again by themselves.`,
    facts: { entity: fault.entity, fault: fault.fingerprint, letters: fault.letters },
    ...(over && !fresh ? { hopeless: `they were tried for ${Math.round(deps.tryFor / 3_600_000)} hours` } : {}),
  };
}

/** Notes new faults, ends the retries that have come to their end, and forgets faults that are gone. */
async function settle(deps: DeadLettersDeps, { database, now }: HealingContext): Promise<void> {
  await database.transaction(async (session) => {
    const faults = byFault(await openFaults(session));
    const states = byFault(await faultStates(session));
    for (const fault of faults.values()) {
      const cause = deps.causeOf(fault.entity);
      if (cause === undefined || states.has(nameOf(fault))) continue;
      await saveFault(session, { entity: fault.entity, fingerprint: fault.fingerprint, cause, since: now, tries: 0, stage: 'waiting', nextAt: later(now, deps.firstPause), runId: null, actId: null });
    }
    for (const state of states.values()) {
      const fault = faults.get(nameOf(state));
      if (state.stage === 'canary' || state.stage === 'rest') await settleRetry(deps, session, state, fault, now);
      else if (!fault) await removeFault(session, state);
    }
  });
}

async function settleRetry(deps: DeadLettersDeps, session: SqlSession, state: FaultState, fault: OpenFault | undefined, now: Date): Promise<void> {
  const run = state.runId === null ? undefined : await readRun(session, state.runId);
  if (run && !run.endedAt) return;
  const passed = hasPassed(run);
  if (state.actId !== null) await endAct(session, state.actId, { outcome: passed || !fault ? 'healed' : 'failed', came: wordsOf(run, fault), at: now });
  if (!fault) return removeFault(session, state);
  const idle = { ...state, runId: null, actId: null };
  if (state.stage === 'canary' && passed) return saveFault(session, { ...idle, stage: 'passed', nextAt: now });
  await saveFault(session, { ...idle, stage: 'waiting', tries: state.tries + 1, nextAt: later(now, deps.firstPause * growth ** (state.tries + 1)) });
}

/** Most of them: a fault may group values of which a few are beyond help, and these are not to hold up the others. */
function hasPassed(run: Run | undefined): boolean {
  return run?.status === 'succeeded' && run.refused * 2 < Math.max(run.read, 1);
}

function wordsOf(run: Run | undefined, fault: OpenFault | undefined): string {
  if (!run) return 'the run is gone';
  const left = fault ? `${fault.letters} are left` : 'none is left';
  if (run.status !== 'succeeded') return `run ${run.id} ${run.status}: ${run.reason ?? 'no reason given'}; ${left}`;
  return `run ${run.id}: ${run.read - run.refused} of ${run.read} passed, ${left}`;
}

function byFault<T extends { entity: string; fingerprint: string }>(list: readonly T[]): Map<string, T> {
  return new Map(list.map((one) => [nameOf(one), one]));
}

function nameOf({ entity, fingerprint }: { entity: string; fingerprint: string }): string {
  return `${entity}\0${fingerprint}`;
}

function later(now: Date, ms: number): Date {
  return new Date(now.getTime() + ms);
}
