import { PermanentError } from '../sdk/index.ts';
import type { Entity } from './entity.ts';

/** For so long a table that fitted is taken to fit still, so that frequent runs don't look each time. */
const trustedMs = 10 * 60_000;
const fitted = new WeakMap<Entity, number>();

/**
 * Holds the tables that belong to the user (`manage: false`) against the mapping before a run writes its first row:
 * a run that would fail row by row ends at once, with everything that does not fit by its name.
 */
export async function refuseMisfits(entity: Entity): Promise<void> {
  const now = performance.now();
  if (now - (fitted.get(entity) ?? -Infinity) < trustedMs) return;
  const specs = [entity.mapping.table, ...entity.mapping.children.map((child) => child.spec)].filter((spec) => !spec.managed);
  const faults: { message: string; suggestion: string | undefined; code: string }[] = [];
  for (const spec of specs) {
    for (const { severity, code, message, suggestion } of await entity.destination.inspect(spec)) if (severity === 'error') faults.push({ code, message, suggestion });
  }
  if (faults.length > 0) {
    throw new PermanentError('table.misfit', `the table does not fit the mapping: ${faults.map(({ message }) => message).join('; ')}`, {
      suggestion: faults.map(({ suggestion }) => suggestion).filter((text) => text !== undefined).join(' ') || 'See: tds check', details: { codes: faults.map(({ code }) => code) },
    });
  }
  fitted.set(entity, now);
}
