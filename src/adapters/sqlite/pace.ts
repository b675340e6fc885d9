import { setImmediate } from 'node:timers/promises';

/** The most rows that are read or written before the event loop gets its turn. */
const ROWS_PER_TURN = 250;

/** Counts rows, and gives the event loop its turn after every 250 of them. */
export class Pace {
  #rows = 0;

  async pass(rows: number): Promise<void> {
    this.#rows += rows;
    if (this.#rows < ROWS_PER_TURN) return;
    this.#rows = 0;
    await setImmediate();
  }
}

/** Cuts a list into slices, none of which blocks the event loop for long. */
export function* slices<T>(list: readonly T[]): Generator<readonly T[]> {
  for (let start = 0; start < list.length; start += ROWS_PER_TURN) {
    yield list.slice(start, start + ROWS_PER_TURN);
  }
}

/** The most rows of one statement. */
export const PORTION = 32;

/** Cuts a list into portions of 32 rows and the rest into single rows, so that two statement texts are enough. */
export function* portions<T>(list: readonly T[]): Generator<readonly T[]> {
  let start = 0;
  for (; start + PORTION <= list.length; start += PORTION) yield list.slice(start, start + PORTION);
  for (; start < list.length; start++) yield list.slice(start, start + 1);
}
