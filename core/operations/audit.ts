/** Who did what. */
import type { JsonObject } from '../sdk/index.ts';
import type { Database } from '../store/session.ts';
import { insertAudit, listAudit, maintainAudit, type AuditEntry, type AuditFilter, type AuditRow } from '../store/audit.ts';

export interface AuditOperations {
  /** Adds a row; secrets in its target are masked. Rejects where it can't be kept: then the act must not be told as done. */
  note(entry: AuditEntry): Promise<void>;
  /** Rows, the newest first. */
  list(filter: AuditFilter): Promise<AuditRow[]>;
}

/** Characters of a target. A longer one is cut: it tells what was meant, it is no archive of bodies. */
const longestTarget = 4000;

export function auditOperations({ database, redact }: { database: Database; redact: (value: unknown) => unknown }): AuditOperations {
  return {
    async note(entry) {
      const row = { ...entry, action: cut(entry.action, 300), actor: cut(entry.actor, 200), target: targetOf(redact(entry.target)) };
      try {
        await database.transaction((session) => insertAudit(session, row));
      } catch (error) {
        if (!lacksPartition(error)) throw error;
        // nobody has made the partition of this month: no node has started or tidied up for a quarter
        await database.transaction((session) => maintainAudit(session, new Date(), new Date(0)));
        await database.transaction((session) => insertAudit(session, row));
      }
    },
    list: (filter) => listAudit(database.reads, filter),
  };
}

function targetOf(value: unknown): JsonObject {
  const text = JSON.stringify(value, storable);
  return text.length > longestTarget ? { cut: text.slice(0, longestTarget).toWellFormed() } : (JSON.parse(text) as JsonObject);
}

/** Texts and names without what jsonb can't hold: NUL, and halves of a character. */
function storable(_name: string, value: unknown): unknown {
  const clean = (text: string): string => text.replaceAll('\0', '').toWellFormed();
  if (typeof value === 'string') return clean(value);
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.fromEntries(Object.entries(value).map(([name, inner]) => [clean(name), inner])) : value;
}

function cut(text: string, most: number): string {
  return text.replaceAll('\0', '').slice(0, most);
}

function lacksPartition(error: unknown): boolean {
  return (error as { code?: string }).code === '23514' && (error as { constraint?: string }).constraint === undefined;
}
