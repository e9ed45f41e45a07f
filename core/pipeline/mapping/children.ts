import type { CellValue, JsonObject, TableSpec } from '../../sdk/index.ts';
import { compilePath, type PathReader } from './path.ts';
import { compileColumns, mapRow, mappingFault, type Column, type CompileContext } from './row.ts';
import type { Session } from './session.ts';
import type { ChildMapping } from './types.ts';

/** The column that numbers the rows of a list that has no key of its own. */
export const positionColumn = 'position';

/** A child table made ready. Its columns: those of the parent's key that it does not map itself, `position` if asked for, its fields. */
export interface Child {
  readonly name: string;
  readonly spec: TableSpec;
  readonly from: string;
  readonly read: PathReader;
  readonly columns: readonly Column[];
  /** Per added key column of the parent, its place in the parent's key. */
  readonly added: readonly number[];
  readonly numbered: boolean;
  /** Per key column of the parent that the child maps itself: its place in the parent's key and in the row. */
  readonly own: readonly { readonly keyIndex: number; readonly rowIndex: number }[];
  /** Places of `spec.key` in the row. */
  readonly keyIndexes: readonly number[];
}

/** Compiles a child table for a parent with this key. */
export function compileChild(name: string, config: ChildMapping, parentKey: readonly Column[], context: CompileContext): Child {
  const fields = inheritTypes(config, parentKey);
  const columns = compileColumns(fields, config.from, context);
  const mapped = new Set(columns.map((column) => column.name));
  const wanted = config.key ?? [];
  const numbered = wanted.length === 0 || (wanted.includes(positionColumn) && !mapped.has(positionColumn));
  if (numbered && (mapped.has(positionColumn) || parentKey.some((column) => column.name === positionColumn))) {
    throw mappingFault('map.column_twice', `the child "${name}" has no key, so that its rows are numbered in the column "${positionColumn}", which exists already`);
  }
  const childKey = wanted.length === 0 ? [positionColumn] : wanted;
  const missing = childKey.find((column) => !mapped.has(column) && !(numbered && column === positionColumn) && !parentKey.some((each) => each.name === column));
  if (missing !== undefined) throw mappingFault('map.unknown_column', `the key of the child "${name}" names the column "${missing}", which is not in its fields`);
  const parentNames = parentKey.map((column) => column.name);
  const ownKey = childKey.filter((column) => !parentNames.includes(column));
  if (ownKey.length === 0) throw mappingFault('map.child_key_clash', `the key of the child "${name}" (${childKey.join(', ')}) has no column beyond the key of the parent`);

  const added = parentKey.flatMap((column, index) => (mapped.has(column.name) ? [] : [index]));
  const specColumns = [
    ...added.map((index) => specColumn(parentKey[index] as Column)),
    ...(numbered ? [{ name: positionColumn, type: 'integer', description: 'The place in the list, from 1.' }] : []),
    ...columns.map(specColumn),
  ];
  const places = new Map(specColumns.map((column, index) => [column.name, index]));
  const key = [...parentNames, ...ownKey];
  return {
    name, from: config.from, read: compilePath(config.from), columns, added, numbered,
    spec: { table: config.table, managed: config.manage ?? true, columns: specColumns, key, parentKey: parentNames },
    own: parentNames.flatMap((column, keyIndex) => (mapped.has(column) ? [{ keyIndex, rowIndex: places.get(column) as number }] : [])),
    keyIndexes: key.map((column) => places.get(column) as number),
  };
}

/** A column of the parent's key has the parent's type in the child, too, unless the child says otherwise. */
function inheritTypes(config: ChildMapping, parentKey: readonly Column[]): ChildMapping['fields'] {
  const entries = Object.entries(config.fields).map(([name, field]) => {
    const parent = parentKey.find((column) => column.name === name);
    return [name, parent === undefined || field.type !== undefined ? field : { ...field, type: parent.typeText }] as const;
  });
  return Object.fromEntries(entries);
}

/** A column as the destination gets it. */
export function specColumn(column: Column): { name: string; type: string; description?: string } {
  const { name, typeText: type, description } = column;
  return description === undefined ? { name, type } : { name, type, description };
}

/** The rows of one child table, or undefined where the record carries no such list: absent, null, or Zoho's `""`. */
export function mapChild(child: Child, record: JsonObject, key: readonly CellValue[], session: Session): CellValue[][] | undefined {
  const list = child.read(record);
  if (list === undefined || list === null || list === '') return undefined;
  if (!Array.isArray(list)) {
    session.refuse('map.not_a_list', `${child.name} is no list`, { field: child.name, path: child.from, value: list });
    return undefined;
  }
  const rows: CellValue[][] = [];
  for (const [index, element] of (list as unknown[]).entries()) {
    rows.push(mapElement(child, element, index, record, key, session));
  }
  if (rows.length > 1 && session.problems.length === 0 && !session.waiting) refuseTwins(child, rows, session);
  return rows;
}

function mapElement(child: Child, element: unknown, index: number, record: JsonObject, key: readonly CellValue[], session: Session): CellValue[] {
  const row: CellValue[] = [];
  for (const place of child.added) row.push(key[place] as CellValue);
  if (child.numbered) row.push(index + 1);
  const at = { source: element, parent: record, row: index + 1, fieldPrefix: `${child.name}.`, pathPrefix: `${child.from}.${index}.` };
  mapRow(child.columns, at, session, row, row.length);
  if (session.waiting) return row;
  for (const { keyIndex, rowIndex } of child.own) {
    const own = row[rowIndex];
    const parent = key[keyIndex] as CellValue;
    if (own === null || own === '') row[rowIndex] = parent;
    else if (own !== parent) refuseAt(child, 'map.parent_key_differs', `has ${JSON.stringify(own)} where the record has ${JSON.stringify(parent)}`, rowIndex, index, own, session);
  }
  // The parent's own part of the key is the parent's to complain about.
  for (const rowIndex of child.keyIndexes.slice(key.length)) {
    const cell = row[rowIndex];
    if (cell === null || cell === '') refuseAt(child, 'map.key_missing', 'is part of the key and has no value', rowIndex, index, undefined, session);
  }
  return row;
}

function refuseAt(child: Child, code: 'map.parent_key_differs' | 'map.key_missing', message: string, rowIndex: number, index: number, value: unknown, session: Session): void {
  const field = `${child.name}.${child.spec.columns[rowIndex]?.name ?? ''}`;
  if (session.problems.some((problem) => problem.field === field && problem.path?.startsWith(`${child.from}.${index}.`) === true)) return;
  session.refuse(code, `${field} ${message}`, { field, path: `${child.from}.${index}`, value });
}

function refuseTwins(child: Child, rows: readonly (readonly CellValue[])[], session: Session): void {
  const seen = new Map<string, number>();
  for (const [index, row] of rows.entries()) {
    const key = JSON.stringify(child.keyIndexes.map((place) => row[place]));
    const earlier = seen.get(key);
    seen.set(key, index);
    if (earlier === undefined) continue;
    session.refuse('map.child_key_twice', `${child.name}: elements ${earlier} and ${index} have the same key`, { field: child.name, path: `${child.from}.${index}`, value: key });
  }
}
