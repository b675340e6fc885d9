import type { PoolConnection, ResultSetHeader } from 'mysql2/promise';

/** What a prepared statement can be given; bigints go as text, since a double would round them. */
export type Parameter = string | number | bigint | boolean | Date | Uint8Array | null;

/** The protocol's limit is 65,535 parameters in one statement; rows of 13 columns stay far below it. */
const MAX_ROWS = 512;
/** Below the smallest default of max_allowed_packet in use (4 MiB); one larger row goes alone. */
const MAX_BYTES = 1024 * 1024;

/**
 * A statement over many rows, sent as prepared statements of 512, 256, ..., 1 rows, so that the server has at
 * most ten texts to prepare, however many rows there are, and never sees a packet that it would refuse.
 */
export class RowsStatement {
  readonly #before: string;
  readonly #row: string;
  readonly #after: string;
  readonly #texts = new Map<number, string>();

  /** `before` `row`, `row`, ... `after`: e.g. `INSERT INTO t VALUES`, `(?,?)`, `ON DUPLICATE KEY UPDATE ...`. */
  constructor(before: string, row: string, after = '') {
    this.#before = before;
    this.#row = row;
    this.#after = after;
  }

  /** Runs it over all rows; resolves with the sum of the affected rows. `tail` fills the parameters of `after`. */
  async run(
    connection: PoolConnection,
    rows: readonly (readonly Parameter[])[],
    tail: readonly Parameter[] = [],
  ): Promise<number> {
    let affected = 0;
    for (let from = 0; from < rows.length; ) {
      const size = chunkSize(rows, from);
      const parameters: Parameter[] = [];
      for (let index = from; index < from + size; index++) {
        for (const parameter of rows[index] as readonly Parameter[]) parameters.push(parameter);
      }
      for (const parameter of tail) parameters.push(parameter);
      const [result] = await connection.execute<ResultSetHeader>(this.#text(size), parameters as never[]);
      affected += result.affectedRows;
      from += size;
    }
    return affected;
  }

  #text(size: number): string {
    let text = this.#texts.get(size);
    if (text === undefined) {
      text = `${this.#before} ${new Array(size).fill(this.#row).join(',')} ${this.#after}`;
      this.#texts.set(size, text);
    }
    return text;
  }
}

/** Question marks for a list of `count` values. */
export function marks(count: number): string {
  return new Array(count).fill('?').join(',');
}

/** Ids asked for in one statement: below 1,000, where MariaDB would turn the list into a subquery. */
const LIST_CHUNK = 256;

/** Cut into chunks, the last one filled up with its own last item to the next power of two: few texts to prepare. */
export function* chunksOf<Item>(items: readonly Item[]): Generator<Item[]> {
  for (let from = 0; from < items.length; from += LIST_CHUNK) {
    const chunk = items.slice(from, from + LIST_CHUNK);
    const size = 2 ** Math.ceil(Math.log2(chunk.length));
    while (chunk.length < size) chunk.push(chunk.at(-1) as Item);
    yield chunk;
  }
}

/** The largest power of two of rows, from `from` on, that keeps within both limits; at least one. */
function chunkSize(rows: readonly (readonly Parameter[])[], from: number): number {
  let fitting = 0;
  let bytes = 0;
  const end = Math.min(rows.length, from + MAX_ROWS);
  for (let index = from; index < end; index++) {
    for (const parameter of rows[index] as readonly Parameter[]) {
      bytes +=
        typeof parameter === 'string'
          ? parameter.length * 3
          : parameter instanceof Uint8Array
            ? parameter.length
            : 8;
    }
    if (bytes > MAX_BYTES && fitting > 0) break;
    fitting++;
  }
  return 2 ** Math.floor(Math.log2(fitting));
}
