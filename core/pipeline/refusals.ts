/** What a destination's refusal says: whether the row is at fault, and what a person can do about it. */
import type { DeadLetterProblem } from '../store/dead-letters.ts';
import { causesOf } from '../store/causes.ts';
import type { Incoming } from './decide.ts';
import type { Entity } from './entity.ts';

/** Where in PostgreSQL an error was made, which its text says in the server's language: `RAISE`, in a trigger of the user, by whatever code … */
const raised = 'exec_stmt_raise';
/** … and a policy of row security. The same code, from elsewhere, is a missing grant. */
const rowPolicy = 'ExecWithCheckOptions';

/** What `pg` tells of an error beside its code. */
interface Told { message: string; detail?: string; hint?: string; column?: string; constraint?: string; routine?: string }

/**
 * Whether the row is at fault, not the table nor the database: a bad value (class 22), a constraint (23), a policy or a view's check option
 * (44), what a trigger does (P0, 38), two rows for one key (21), a row beyond the limits (54000). A missing grant is no row's fault.
 */
export function isRowsFault(error: unknown): boolean {
  const { routine } = error as Partial<Told>;
  return routine === raised || routine === rowPolicy || /^(21|22|23|38|44|54000|P0)/.test(sqlState(error) ?? '');
}

/** The five letters of PostgreSQL; undefined where it did not make the error. */
export function sqlState(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) ? code : undefined;
}

/** What is noted of a record that the table refused to take, or of a deletion whose row it refused to let go. */
export function refusalOf(error: unknown, { form }: Pick<Incoming, 'form'>, { config }: Pick<Entity, 'config'>): DeadLetterProblem {
  const { message, detail, hint, column } = error as Told;
  const causes = causesOf(error);
  const isDeletion = form === 'gone';
  const what = !isDeletion ? 'refused the row' : config.deletes.mode === 'mark' ? 'refused to have the row marked as deleted' : 'refused to let the row go';
  return {
    code: `${isDeletion ? 'destination.refused_deletion' : 'destination.refused'}.${sqlState(error) ?? 'unknown'}`, ...(column ? { field: column } : {}),
    message: `the table ${what}: ${message}${detail ? ` (${detail})` : ''}${hint ? `; ${hint}` : ''}`,
    suggestion: isDeletion ? cureOfDeletion(error) : cureOfRow(error),
    ...(causes.length > 0 ? { causes } : {}),
  };
}

function cureOfRow(error: unknown): string {
  const { constraint, routine } = error as Told;
  if (constraint) return `Look at the constraint "${constraint}", or add a check or a default to the mapping.`;
  if (routine === raised) return 'A trigger of the table refuses it: mend the record at its source, or add a check to the mapping.';
  if (isPolicy(error)) return 'A row security policy of the table refuses it: change the policy, or leave such records out by a check.';
  return 'Change the column or the mapping.';
}

function cureOfDeletion(error: unknown): string {
  const { constraint, routine } = error as Told;
  const kept = 'or have rows stay: "deletes: { mode: keep }"';
  if (constraint) return `The constraint "${constraint}" needs the row: take away what points to it, change the constraint, ${kept}.`;
  if (routine === raised) return `A trigger of the table refuses it: let the trigger pass it, ${kept}.`;
  if (isPolicy(error)) return `A row security policy of the table keeps the row: change the policy, ${kept}.`;
  return `Change what stands in its way, ${kept}.`;
}

function isPolicy(error: unknown): boolean {
  return (error as Told).routine === rowPolicy || sqlState(error)?.startsWith('44') === true;
}
