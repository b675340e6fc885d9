import { TributaryError } from '../../../src/core/errors.ts';
import type { SweeperOptions } from '../../../src/pipeline/reconcile/sweeper.ts';
import type { SweepResult } from '../../../src/ports/sweeps.ts';

/** As `test/contract/store/sweeps.ts` says; for one target. */
export class SweepBook {
  waitsSinceMs: number | null = null;
  last: SweepResult | null = null;
  holder: string | null = null;
  leasedUntilMs = 0;
  readonly claims: string[] = [];
  /** How many calls reject. */
  troubles = 0;

  readonly calls: Pick<SweeperOptions['store'], 'readSweep' | 'claimSweep' | 'endSweep'> = {
    readSweep: async ({ nowMs }) => {
      this.#trouble();
      this.waitsSinceMs ??= nowMs;
      return { waitsSinceMs: this.waitsSinceMs, last: this.last };
    },
    claimSweep: async ({ claimant, waitsSinceMs, nowMs, leaseMs }) => {
      this.#trouble();
      const isFree = this.holder === null || this.leasedUntilMs <= nowMs;
      if (this.holder !== claimant && !(isFree && waitsSinceMs === this.waitsSinceMs)) return false;
      if (this.holder !== claimant) this.claims.push(claimant);
      this.holder = claimant;
      this.leasedUntilMs = nowMs + leaseMs;
      return true;
    },
    endSweep: async ({ claimant, result }) => {
      this.#trouble();
      if (this.holder !== claimant) return;
      this.holder = null;
      this.waitsSinceMs = result?.endedAtMs ?? this.waitsSinceMs;
      this.last = result ?? this.last;
    },
  };

  #trouble(): void {
    if (this.troubles === 0) return;
    this.troubles--;
    throw new TributaryError('store_unreachable', 'The database does not answer.');
  }
}
