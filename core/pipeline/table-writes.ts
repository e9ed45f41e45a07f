/** The rows of a batch as its destination gets them: one write per table. */
import type { CellValue, TableWrite } from '../sdk/index.ts';
import type { Entity } from './entity.ts';

/** The lines of one child table, and the parents whose lines they are. */
export interface ChildRows { rows: CellValue[][]; parents: CellValue[][] }

/** A row whose record is gone, and when the source was seen not to have it any more. */
export interface GoneRow { key: CellValue[]; at: Date }

/**
 * What a batch writes into the tables of its entity: lines of rows that are removed, the rows, the lines of those that stay. So a foreign key
 * from the lines to their row holds throughout.
 */
export function tableWrites({ mapping, config }: Entity, rows: CellValue[][], allNew: boolean, gone: readonly GoneRow[], children: readonly ChildRows[]): TableWrite[] {
  const { mode } = config.deletes;
  const keys = gone.map(({ key }) => key);
  const deletes = keys.length > 0 && mode !== 'keep' ? { keys, mode, at: gone.map(({ at }) => at) } : undefined;
  const writes: TableWrite[] = deletes?.mode === 'remove' ? mapping.children.map(({ spec }) => ({ spec, replaceParents: keys })) : [];
  if (rows.length > 0 || deletes) {
    writes.push({ spec: mapping.table, ...(rows.length > 0 ? { upserts: { rows, allNew } } : {}), ...(deletes ? { deletes } : {}) });
  }
  mapping.children.forEach(({ spec }, position) => {
    const child = children[position];
    if (child && child.parents.length > 0) writes.push({ spec, ...(allNew ? {} : { replaceParents: child.parents }), upserts: { rows: child.rows, allNew } });
  });
  return writes;
}

/** Writes of several batches as one for each table, in the order that {@link tableWrites} gives them. */
export function joinTables(writes: readonly TableWrite[]): TableWrite[] {
  const removals = writes.filter(({ upserts, deletes }) => !upserts && !deletes);
  const others = writes.filter(({ upserts, deletes }) => upserts ?? deletes);
  return [...Map.groupBy(removals, ({ spec }) => spec).values(), ...Map.groupBy(others, ({ spec }) => spec).values()].map(joinOfOne);
}

function joinOfOne(own: readonly TableWrite[]): TableWrite {
  const [{ spec }] = own as [TableWrite];
  const upserts = own.flatMap((write) => write.upserts ?? []);
  const deletes = own.flatMap((write) => write.deletes ?? []);
  const parents = own.flatMap((write) => write.replaceParents ?? []);
  const [lastDelete] = deletes.slice(-1);
  return {
    spec,
    ...(upserts.length > 0 ? { upserts: { rows: upserts.flatMap(({ rows }) => rows), allNew: upserts.every(({ allNew }) => allNew) } } : {}),
    ...(lastDelete ? { deletes: { ...lastDelete, keys: deletes.flatMap(({ keys }) => keys), at: deletes.flatMap(({ at }) => at) } } : {}),
    ...(own.some((write) => write.replaceParents) ? { replaceParents: parents } : {}),
  };
}
