import { TributaryError } from '../../../src/core/errors.ts';
import type { SweeperOptions } from '../../../src/pipeline/reconcile/sweeper.ts';
import type { Clock } from '../../../src/ports/clock.ts';
import type { SweepResult } from '../../../src/ports/sweeps.ts';

/** As `test/contract/store/sweeps.ts` says; for one target. */
export class SweepBook {
  waitsSinceMs: number | null = null;
  last: SweepResult | null = null;
  holder: string | null = null;
  leasedUntilMs = 0;
  readonly claims: string[] = [];
  /** What the sweeps recorded, or would have if they still had their lease. */
  readonly endings: (SweepResult | null)[] = [];
  readonly #clock: Pick<Clock, 'now'>;
  /** The number of calls that will reject. */
  troubles = 0;

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock;
  }

  readonly calls: Pick<SweeperOptions['store'], 'readSweep' | 'claimSweep' | 'endSweep'> = {
    readSweep: async () => {
      this.#trouble();
      const nowMs = this.#clock.now();
      this.waitsSinceMs ??= nowMs;
      return { waitsSinceMs: this.waitsSinceMs, waitedMs: nowMs - this.waitsSinceMs, last: this.last };
    },
    claimSweep: async ({ claimant, waitsSinceMs, leaseMs }) => {
      this.#trouble();
      const nowMs = this.#clock.now();
      const isFree = this.holder === null || this.leasedUntilMs <= nowMs;
      if (this.holder !== claimant && !(isFree && waitsSinceMs === this.waitsSinceMs)) return false;
      if (this.holder !== claimant) this.claims.push(claimant);
      this.holder = claimant;
      this.leasedUntilMs = nowMs + leaseMs;
      return true;
    },
    endSweep: async ({ claimant, result }) => {
      this.#trouble();
      this.endings.push(result);
      if (this.holder !== claimant) return;
      this.holder = null;
      this.waitsSinceMs = result === null ? this.waitsSinceMs : this.#clock.now();
      this.last = result ?? this.last;
    },
  };

  #trouble(): void {
    if (this.troubles === 0) return;
    this.troubles--;
    throw new TributaryError('store_unreachable', 'The database does not answer.');
  }
}
