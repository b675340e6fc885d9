import type { Clock } from '../../ports/clock.ts';

/** The times that the store reckons by, in milliseconds. */
export interface StoreTime {
  /** Of retries and waits, which have to outlive the machine: its clock, in milliseconds since 1970. */
  now(): number;
  /**
   * Of leases: since the machine started. All processes that share the file are on this machine, and nobody sets this
   * time. A lease that was given before the machine started again is over.
   */
  leaseNow(): number;
}

export class MachineTime implements StoreTime {
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  now(): number {
    return this.#clock.now();
  }

  leaseNow(): number {
    return Math.floor(this.#clock.monotonicMs());
  }
}
