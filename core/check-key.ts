import { finding, type EntityConfig, type Finding, type OutlineEntity, type Sources } from './config/index.ts';
import { compileExpr } from './pipeline/mapping/index.ts';
import type { StreamInfo } from './sdk/index.ts';

/**
 * Whether the key of the table tells records apart as the stream does: else two records fight for one row, or one that changes gets a
 * second row and leaves the first. Plain fields are certain and constants do no harm; of an expression only what it reads is known.
 */
export function checkKey(entity: OutlineEntity, { key, fields }: EntityConfig, stream: StreamInfo, sources: Sources): Finding[] {
  const at = [...entity.path, 'key'];
  const columns = key.flatMap((name) => (fields[name] ? [{ name, ...fields[name] }] : []));
  const plain = columns.filter(({ expr, value }) => expr === undefined && value === undefined).map(({ name, from }) => from ?? name);
  const reads = columns.flatMap(({ expr }) => (expr === undefined ? [] : [compileExpr(expr).reads.own]));
  const missing = stream.key.filter((path) => !plain.includes(path));
  const covered = missing.every((path) => reads.some(({ paths, whole }) => whole || paths.has(path)));
  if (!covered && reads.length === 0) {
    return [finding({
      code: 'host.key_not_unique', message: `can't tell the records of "${stream.name}" apart: they are told apart by ${stream.key.join(' and ')}`, suggestion: cureOf(stream.key, fields),
    }, sources.locate(at), at)];
  }
  const others = [...plain, ...reads.flatMap(({ paths }) => [...paths])].filter((path) => !stream.key.includes(path));
  const takesAll = reads.some(({ whole }) => whole);
  if (covered && others.length === 0 && !takesAll) return [];
  const what = covered
    ? `takes ${takesAll ? 'the whole record' : others.join(', ')} besides what tells the records of "${stream.name}" apart: when that changes, a record gets a second row and leaves the first`
    : `is made by an expression that leaves out ${missing.join(' and ')}, by which the records of "${stream.name}" are told apart: two with the same key would share a row`;
  return [finding({ severity: 'warning', code: 'host.key_unsure', message: what, suggestion: cureOf(stream.key, fields) }, sources.locate(at), at)];
}

/** The key that is meant, by the columns that are there already. */
function cureOf(paths: readonly string[], fields: EntityConfig['fields']): string {
  const plain = Object.entries(fields).filter(([, { expr, value }]) => expr === undefined && value === undefined);
  const wanted = paths.map((path) => ({ path, column: plain.find(([name, { from }]) => (from ?? name) === path)?.[0] }));
  const names = wanted.map(({ path, column }) => column ?? path.replaceAll('.', '_'));
  const added = wanted.flatMap(({ path, column }, index) => (column === undefined ? [`"${names[index]}: ${path}"`] : []));
  return `${added.length > 0 ? `add ${added.join(' and ')} to the fields and ` : ''}write "key: ${names.length === 1 ? names[0] : `[${names.join(', ')}]`}"`;
}
