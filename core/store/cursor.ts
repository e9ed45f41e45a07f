/** Where a page of a list begins, and which way the list goes. */
export interface Page {
  /** At most so many. */
  limit: number;
  /** The id of the last one of the page before, with the newest first. */
  before?: string;
  /** The same, with the oldest first. */
  after?: string;
  /** Default `newest`. */
  sort?: 'newest' | 'oldest';
}

/**
 * The end of a list's statement, after its own conditions: where the page begins, the order, the limit. `id` is the qualified column that the
 * list goes by; parameters are numbered from `first`.
 */
export function pageOfList(id: string, { limit, before, after, sort }: Page, first: number): { text: string; values: unknown[] } {
  return {
    text: `AND ($${first}::bigint IS NULL OR ${id} < $${first}) AND ($${first + 1}::bigint IS NULL OR ${id} > $${first + 1}) ORDER BY ${id} ${sort === 'oldest' ? 'ASC' : 'DESC'} LIMIT $${first + 2}`,
    values: [before ?? null, after ?? null, limit],
  };
}

/**
 * The cursor of a row in a list that goes by a time, as SQL. `columns`: the time, then the numbers by which rows of the same time are told apart. It
 * is the time's microseconds since 1970 and those numbers, such as `1767603600000000-17`.
 */
export function timeCursorOf([time, ...numbers]: readonly string[]): string {
  return [`(extract(epoch FROM ${String(time)}) * 1000000)::bigint`, ...numbers].join(` || '-' || `);
}

/** The same as `pageOfList` for a list that goes by a time: it is served by an index on these columns, which are qualified where a result is called so, all of them descending. */
export function pageOfTimes(columns: readonly string[], { limit, before, after, sort }: Page, first: number): { text: string; values: unknown[] } {
  const [down, up] = [before, after].map((cursor) => cursor?.split('-') ?? columns.map(() => null)) as [unknown[], unknown[]];
  const row = (from: number): string => columns.map((_, at) => (at === 0 ? `'epoch'::timestamptz + $${from}::bigint * interval '1 microsecond'` : `$${from + at}::bigint`)).join(', ');
  const [own, next] = [columns.join(', '), first + columns.length];
  return {
    text: `AND ($${first}::bigint IS NULL OR (${own}) < (${row(first)})) AND ($${next}::bigint IS NULL OR (${own}) > (${row(next)})) ORDER BY ${columns.map((column) => `${column} ${sort === 'oldest' ? 'ASC' : 'DESC'}`).join(', ')} LIMIT $${next + columns.length}`,
    values: [...down, ...up, limit],
  };
}
