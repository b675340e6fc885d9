import type { Clock } from '../../ports/clock.ts';

/**
 * The time that leases, retries and waits go by, in milliseconds since 1970. All instances share it, so an instance
 * whose own clock is wrong neither delays the others nor takes over their claims.
 */
export interface StoreTime {
  /** An SQL expression for the time. It is exact, and has one value within a statement. */
  readonly sql: string;
  /** The time as far as it is known without asking the server. */
  now(): number;
  /** Takes note of the time that a statement returned. Gives it as a number. */
  heard(value: unknown): number;
}

/** The clock of the database server. */
export class ServerTime implements StoreTime {
  readonly sql = 'CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS SIGNED)';
  readonly #clock: Clock;
  #heard: { readonly serverMs: number; readonly atMs: number } | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Adds the time since the server's last answer, measured by the process's monotonic clock. */
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
