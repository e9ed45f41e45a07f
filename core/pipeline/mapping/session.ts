import { left, runSubset, type Expr } from './expr.ts';
import { mappingCodes, type MappingCode } from './codes.ts';
import { Refusal, shorten } from './refusal.ts';
import type { Problem } from './types.ts';

/** An expression of the mapping, with its number within the mapping. */
export interface Slot { readonly id: number; readonly expr: Expr }

interface Request { key: string; slot: Slot; input: unknown; parent: unknown }

/** More problems of one record than this are only counted. */
const mostProblems = 50;

/**
 * The mapping of one record under way: its problems, and the expressions that only JSONata can evaluate. A record is
 * first mapped as if there were none of these; when there are, they are evaluated and the record is mapped again with
 * the answers at hand.
 */
export class Session {
  problems: Problem[] = [];
  warnings: Problem[] = [];
  #more = 0;
  #requests: Request[] = [];
  #answers: Map<string, unknown> | undefined;
  readonly #spent = new Set<Slot>();

  /** Makes the session ready for the next record. */
  reset(): void {
    this.#answers = undefined;
    this.#spent.clear();
    this.restart();
  }

  /** Makes the session ready to map the same record again. */
  restart(): void {
    if (this.problems.length > 0) this.problems = [];
    if (this.warnings.length > 0) this.warnings = [];
    if (this.#requests.length > 0) this.#requests = [];
    this.#more = 0;
  }

  /** Whether the record waits for JSONata. */
  get waiting(): boolean {
    return this.#requests.length > 0;
  }

  /** The value of an expression for a row (0: the record itself, from 1: elements of a list), a Refusal, or undefined while the record waits. */
  run(slot: Slot, input: unknown, parent: unknown, row: number): unknown {
    if (this.#answers !== undefined) {
      const key = `${slot.id}/${row}`;
      if (this.#answers.has(key)) return this.#answers.get(key);
    }
    if (slot.expr.subset !== undefined) {
      const value = runSubset(slot.expr.subset, { input, parent });
      if (value !== left) return value;
    }
    this.#requests.push({ key: `${slot.id}/${row}`, slot, input, parent });
    return undefined;
  }

  /** Evaluates what the record waits for. An expression that ran into a limit is not tried on the record's other rows. */
  async answer(): Promise<void> {
    this.#answers ??= new Map();
    for (const { key, slot, input, parent } of this.#requests) {
      const value = this.#spent.has(slot)
        ? new Refusal('map.expr_limit', 'ran into a limit on an earlier row of this record')
        : await slot.expr.evaluate({ input, parent });
      if (value instanceof Refusal && value.code === 'map.expr_limit') this.#spent.add(slot);
      this.#answers.set(key, value);
    }
  }

  /** Notes what is wrong. */
  refuse(code: MappingCode, message: string, at: { field?: string; path?: string; value?: unknown }): void {
    if (this.problems.length >= mostProblems) {
      this.#more += 1;
      const last = problemOf('map.more_problems', `${this.#more} more problems`, {});
      this.problems[mostProblems] = last;
      return;
    }
    this.problems.push(problemOf(code, message, at));
  }

  /** Notes what was mended or let pass. */
  warn(code: MappingCode, message: string, at: { field?: string; path?: string; value?: unknown }): void {
    if (this.warnings.length < mostProblems) this.warnings.push(problemOf(code, message, at));
  }
}

/** A problem with the cure of its code. */
export function problemOf(code: MappingCode, message: string, at: { field?: string; path?: string; value?: unknown }): Problem {
  const problem: Problem = { code, message, suggestion: mappingCodes[code].cure };
  if (at.field !== undefined) problem.field = at.field;
  if (at.path !== undefined) problem.path = at.path;
  if (at.value !== undefined) problem.value = shorten(at.value);
  return problem;
}
