import { setImmediate } from 'node:timers/promises';

/** After this many rows read or written at a stretch the event loop gets its turn. */
const ROWS_PER_TURN = 250;

/** Counts rows, and lets the event loop have its turn whenever enough have passed. */
export class Pace {
  #rows = 0;

  async pass(rows: number): Promise<void> {
    this.#rows += rows;
    if (this.#rows < ROWS_PER_TURN) return;
    this.#rows = 0;
    await setImmediate();
  }
}

/** Cuts a list so that no cut keeps the event loop for long. */
export function* slices<T>(list: readonly T[]): Generator<readonly T[]> {
  for (let start = 0; start < list.length; start += ROWS_PER_TURN) {
    yield list.slice(start, start + ROWS_PER_TURN);
  }
}

/** So many rows go into one statement. */
export const PORTION = 32;

/** Cuts a list into portions of one size, and what is left into single ones: two texts of a statement are enough. */
export function* portions<T>(list: readonly T[]): Generator<readonly T[]> {
  let start = 0;
  for (; start + PORTION <= list.length; start += PORTION) yield list.slice(start, start + PORTION);
  for (; start < list.length; start++) yield list.slice(start, start + 1);
}
