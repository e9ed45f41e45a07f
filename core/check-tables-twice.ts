import { finding, type Finding, type OutlineEntity, type Path, type Sources } from './config/index.ts';
import type { EntityMapping } from './pipeline/mapping/index.ts';
import { isTdsError, type Destination, type TableSpec } from './sdk/index.ts';

/** Who writes into which table, by where the table really lies: `products` and `erp.products` may be one, by two connections too. */
export class Tables {
  readonly #sources: Sources;
  readonly #first = new Map<string, Path>();

  constructor(sources: Sources) {
    this.#sources = sources;
  }

  /** The tables of an entity that another one, or another list of its own, is written into already. */
  check({ path }: OutlineEntity, connection: string, destination: Destination, { table, children }: EntityMapping): Finding[] {
    const specs: [TableSpec, Path][] = [[table, [...path, 'to', 'table']], ...children.map(({ name, spec }): [TableSpec, Path] => [spec, [...path, 'children', name, 'table']])];
    return specs.flatMap(([spec, at]) => this.#table(placeOf(connection, destination, spec), at));
  }

  #table(place: string | undefined, path: Path): Finding[] {
    if (place === undefined) return [];
    const first = this.#first.get(place);
    if (!first) {
      this.#first.set(place, path);
      return [];
    }
    const { file, line } = this.#sources.locate(first);
    const owner = first.slice(0, -1).filter((step) => step !== 'to').join('.');
    return [finding({ code: 'config.table_used_twice', message: `names the table into which ${owner} is written already (${file}:${line})`, suggestion: 'give each a table of its own' }, this.#sources.locate(path), path)];
  }
}

/** Undefined where the destination can't tell, or the name can't be: that is told elsewhere. */
function placeOf(connection: string, destination: Destination, spec: TableSpec): string | undefined {
  try {
    const place = destination.locate?.(spec);
    return place && JSON.stringify([place.database ?? (destination.transactional ? '' : `connection ${connection}`), place.schema, place.table]);
  } catch (error) {
    if (isTdsError(error)) return undefined;
    throw error;
  }
}
