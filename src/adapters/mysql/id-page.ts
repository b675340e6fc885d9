/** A page of rows that are sorted by an id, which is bytes. */
export interface IdPage {
  /** The columns, as expressions of `rows`. The first one is the id. */
  readonly columns: readonly string[];
  /** What follows the columns: FROM with an index that is sorted by the id, and WHERE. */
  readonly rows: string;
  readonly limit: number;
  /** The rows in front that are left out; default 0. */
  readonly offset?: number;
}

/**
 * The statement that reads a page. The server reads the rows in the sequence of its index, and sorts these few again by a
 * text. A proxy that merges the pages of several servers can compare texts, and no bytes.
 */
export function idPage({ columns, rows, limit, offset = 0 }: IdPage): string {
  const names = columns.map((_, index) => `c${index}`);
  const named = columns.map((column, index) => `${column} AS c${index}`);
  const [first = 0, count = 0] = [Math.floor(offset), Math.floor(limit)];
  const place = first === 0 ? `${count}` : `${first}, ${count}`;
  return (
    `SELECT ${names.join(', ')} FROM (SELECT ${named.join(', ')} ${rows} ORDER BY ${columns[0]} LIMIT ${first + count}) ` +
    `AS page ORDER BY ${sortKey('c0')} LIMIT ${place}`
  );
}

/**
 * The text that sorts like the bytes of an id. A server compares `max_sort_length` bytes of a key alone, 1,024 by default,
 * and the 510 digits of the longest id are more than that in a character set that counts three bytes for each.
 */
export function sortKey(id: string): string {
  return `CONVERT(HEX(${id}) USING ascii)`;
}
