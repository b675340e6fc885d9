import type { Clock } from '../../ports/clock.ts';

/**
 * The one time that leases, retries and waits are reckoned by, in milliseconds since 1970. All instances share it, so
 * that an instance whose own clock is wrong neither holds up the others nor takes what is theirs.
 */
export interface StoreTime {
  /** An expression for the time in a statement: exact, and the same in all of the statement. */
  readonly sql: string;
  /** The time as it is known without asking. */
  now(): number;
  /** Takes note of what a statement said that the time was, and gives it back as a number. */
  heard(value: unknown): number;
}

/** The database server's clock. */
export class ServerTime implements StoreTime {
  readonly sql = 'CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS SIGNED)';
  readonly #clock: Clock;
  #heard: { readonly serverMs: number; readonly atMs: number } | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Goes on from the last answer of the server by the process's own measure, which no correction of its clock moves. */
  now(): number {
    if (this.#heard === null) return this.#clock.now();
    const { serverMs, atMs } = this.#heard;
    return Math.floor(serverMs + this.#clock.monotonicMs() - atMs);
  }

  heard(value: unknown): number {
    const serverMs = Number(value);
    this.#heard = { serverMs, atMs: this.#clock.monotonicMs() };
    return serverMs;
  }
}
