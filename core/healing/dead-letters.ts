/**
 * Dead letters are tried again by themselves, a fault at a time: with growing pauses, and at once when the config or a plugin has changed
 * since. First a canary of a few; the rest follows when most of these pass. After a day without success a person is told. Letters of
 * records are mapped again by a run; failed jobs go back to the queue, but for those that kill or hang their process: they wait for a change.
 * So does a record that kills its process, after one careful try: kills by chance may have hit a good one, and that comes back by it.
 */
import { faultStates, openFaults, removeFault, saveFault, type FaultState, type OpenFault, type TriedJob } from '../store/healing-faults.ts';
import { endAct } from '../store/healing-acts.ts';
import { resultOf, type Result } from './tried.ts';
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
  /** When this process began. A fault from before, of which nothing is noted, may be of another config: it needs no pause. Default: each new fault has its pause. */
  begunAt?: Date;
  /** What the outcome of an entity's mapping hangs on, or that of its jobs, as one text; undefined where it is not switched on. '' stands for jobs without an entity. */
  causeOf: (entity: string, kind: OpenFault['kind']) => string | undefined;
  /** Tries the open letters of a fault again, that one `letter` or the oldest `most` of them: by a run that maps records, or by jobs. Undefined: it can't be had just now. */
  retry: (letters: { kind: OpenFault['kind']; entity: string; fingerprint: string; letter?: string; most?: number }) => Promise<{ runId: string } | { jobs: TriedJob[] } | undefined>;
  /** Which of these jobs are on the queue. */
  onQueue: (jobIds: readonly string[]) => Promise<ReadonlySet<string>>;
}

interface FaultFound extends Found { fault: OpenFault; state: FaultState }

const growth = 4;
/** To try these again as they are would cost another process. */
const dangerous = new Set(['queue.worker_lost', 'run.stuck', 'record.poison']);

export function deadLetters(deps: DeadLettersDeps): HealingRule {
  return {
    id: 'dead-letters', about: 'Dead letters and failed jobs are tried again with growing pauses, and at once after a change of the config or a plugin.', every: deps.every, cap: deps.cap, scope: 'all',
    settle: (context) => settle(deps, context),
    async look({ database, now }) {
      const [faults, states] = await database.transaction(async (session) => [await openFaults(session), byFault(await faultStates(session))] as const);
      return oneAtATime(faults.map((fault) => due(deps, fault, states.get(nameOf(fault)), now)).filter((found) => found !== undefined), [...states.values()]);
    },
    async act(found, { database, actId }) {
      const { fault, state } = found as FaultFound;
      const canary = state.stage !== 'passed' && fault.letters > deps.canary;
      const asked = await deps.retry({ kind: fault.kind, entity: fault.entity, fingerprint: fault.fingerprint, ...(fault.letter === null ? {} : { letter: fault.letter }), ...(canary ? { most: deps.canary } : {}) });
      if (!asked) return undefined;
      const tried = 'runId' in asked ? { runId: asked.runId, jobs: null } : { runId: null, jobs: asked.jobs };
      await database.transaction((session) => saveFault(session, { ...state, ...tried, stage: canary ? 'canary' : 'rest', actId }));
      return { outcome: 'started', came: 'runId' in asked ? `run ${asked.runId} tries them` : `tried as ${asked.jobs.map(({ jobId, runId }) => (runId === null ? `job ${jobId}` : `run ${runId}`)).join(', ')}` };
    },
  };
}

/** Each try of a record that kills its process may cost a process: never two under way. */
function oneAtATime(found: readonly FaultFound[], states: readonly FaultState[]): FaultFound[] {
  let busy = states.some(({ fingerprint, stage }) => namesLetter(fingerprint) && stage === 'rest');
  return found.filter(({ fault, hopeless }) => {
    if (fault.letter === null || hopeless !== undefined) return true;
    const mine = !busy;
    busy = true;
    return mine;
  });
}

/** The fault of one letter has its number behind the colon. */
function namesLetter(fingerprint: string): boolean {
  return fingerprint.includes(':');
}

/** What there is to do about a fault just now, if anything. */
function due(deps: DeadLettersDeps, fault: OpenFault, state: FaultState | undefined, now: Date): FaultFound | undefined {
  const cause = deps.causeOf(fault.entity, fault.kind);
  if (cause === undefined || !state || state.stage === 'canary' || state.stage === 'rest') return undefined;
  const fresh = cause !== state.cause;
  const tries = fresh ? { ...state, cause, since: now, tries: 0, stage: 'waiting' as const } : state;
  const over = now.getTime() - tries.since.getTime() >= deps.tryFor;
  const waits = dangerous.has(fault.code) && !fresh && state.stage !== 'passed' && (fault.letter === null || state.tries > 0);
  if (!fresh && !over && !waits && state.nextAt > now) return undefined;
  const few = Math.min(deps.canary, fault.letters);
  const how = fault.letter !== null ? 'try it again, alone' : tries.stage === 'passed' ? 'try the rest again' : few < fault.letters ? `try ${few} of them again, then the rest` : 'try them again';
  return {
    fault, state: tries,
    // Mended config is another matter: what a person was told of before is tried with it at once.
    fingerprint: `${fault.fingerprint}/${cause}${fault.kind === 'job' ? `/${fault.entity}` : ''}`, seen: seen(fault),
    plan: fresh ? `${how}, as the config or a plugin has changed` : how,
    cure: `See "tds dead-letters ${fault.letter === null ? `--fingerprint ${fault.fingerprint}` : `show ${fault.letter}`}"; mend ${fault.kind === 'job' ? 'what its message names' : 'the mapping or the record at its source'}. After a change of the config they are tried again by themselves.`,
    facts: { entity: fault.entity, fault: fault.fingerprint, letters: fault.letters },
    ...(waits ? { hopeless: 'what they do kills or hangs its process, so they are not tried again as they are' } : over && !fresh ? { hopeless: `they were tried for ${Math.round(deps.tryFor / 3_600_000)} hours` } : {}),
  };
}

function seen({ kind, letters, entity, message, code }: OpenFault): string {
  const what = kind === 'job' ? `failed ${letters === 1 ? 'job' : 'jobs'}` : `dead ${letters === 1 ? 'letter' : 'letters'}`;
  return `${letters} ${what}${entity === '' ? '' : ` of "${entity}"`}: ${message} (${code})`;
}

/** Notes new faults, ends the retries that have come to their end, and forgets faults that are gone. */
async function settle(deps: DeadLettersDeps, { database, now }: HealingContext): Promise<void> {
  await database.transaction(async (session) => {
    const faults = byFault(await openFaults(session));
    const states = byFault(await faultStates(session));
    for (const fault of faults.values()) {
      const cause = deps.causeOf(fault.entity, fault.kind);
      if (cause === undefined || states.has(nameOf(fault))) continue;
      await saveFault(session, { kind: fault.kind, jobs: null, entity: fault.entity, fingerprint: fault.fingerprint, cause, since: now, tries: 0, stage: 'waiting', nextAt: deps.begunAt && fault.lastAt < deps.begunAt ? now : later(now, deps.firstPause), runId: null, actId: null });
    }
    for (const state of states.values()) {
      const fault = faults.get(nameOf(state));
      if (state.stage === 'canary' || state.stage === 'rest') await settleRetry(deps, session, state, fault, now);
      else if (!fault) await removeFault(session, state);
    }
  });
}

async function settleRetry(deps: DeadLettersDeps, session: SqlSession, state: FaultState, fault: OpenFault | undefined, now: Date): Promise<void> {
  const result = await resultOf(session, state, deps.onQueue);
  if (result === 'pending') return;
  if (state.actId !== null) await endAct(session, state.actId, { outcome: result.passed || (!fault && state.kind === 'record') ? 'healed' : 'failed', came: wordsOf(result, fault), at: now });
  if (!fault) return removeFault(session, state);
  const idle = { ...state, runId: null, jobs: null, actId: null };
  if (state.stage === 'canary' && result.passed) return saveFault(session, { ...idle, stage: 'passed', nextAt: now });
  await saveFault(session, { ...idle, stage: 'waiting', tries: state.tries + 1, nextAt: later(now, deps.firstPause * growth ** (state.tries + 1)) });
}

function wordsOf({ words, tells }: Result, fault: OpenFault | undefined): string {
  return tells ? `${words}, ${fault ? `${fault.letters} are left` : 'none is left'}` : `${words}; ${fault ? `${fault.letters} are left` : 'none is left'}`;
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
