/** Decides which instance sweeps a target next, and keeps the result of the last sweep for all instances. */
export interface Sweeps {
  /** Reads the record of a target's sweeps. A target that has none gets one, whose wait begins now. */
  readSweep(target: string): Promise<SweepRecord>;
  /**
   * Claims the target's next sweep for `leaseMs`, or renews the claim that the claimant has. Resolves with false if
   * another claimant has the sweep, or if a sweep has ended since the caller read `waitsSinceMs`.
   */
  claimSweep(claim: SweepClaim): Promise<boolean>;
  /**
   * Ends the claimant's sweep. With a result, the wait for the next sweep begins; with null, the next one may begin at
   * once. Does nothing if another claimant has the sweep by now.
   */
  endSweep(end: {
    readonly target: string;
    readonly claimant: string;
    readonly result: SweepResult | null;
  }): Promise<void>;
}

export interface SweepRecord {
  /** When the last sweep ended, by the store's time; if there was none, when the record was made. */
  readonly waitsSinceMs: number;
  /** The time since `waitsSinceMs` by the store's clock; negative if that clock was set back. */
  readonly waitedMs: number;
  readonly last: SweepResult | null;
}

export interface SweepClaim {
  readonly target: string;
  /** A new name for each sweep. */
  readonly claimant: string;
  readonly waitsSinceMs: number;
  readonly leaseMs: number;
}

export interface SweepResult {
  readonly beganAtMs: number;
  readonly endedAtMs: number;
  /**
   * How the sweep ended.
   *
   * - `complete`: both sides were compared in full.
   * - `gave_up`: the target did not answer, or could not be given what it lost. A later sweep may work.
   * - `not_offered`: the target does not tell what it holds.
   * - `failed`: the answers of the target make no sense.
   */
  readonly outcome: 'complete' | 'gave_up' | 'not_offered' | 'failed';
  /** Why the sweep is not complete, in one sentence. */
  readonly error: string | null;
  /** The number of entities that the ledger calls delivered. Each was compared, by digest or by row. */
  readonly compared: number;
  /** Entities whose deliveries are under way, of which nothing can be said. */
  readonly inFlight: number;
  /** Entities whose deliveries are dead. */
  readonly dead: number;
  /** Delivered entities that the target lacks. */
  readonly missing: number;
  /** Entities that the target holds at an older version than the delivered one. */
  readonly older: number;
  /** Entities that the target holds at the delivered version with other content. */
  readonly different: number;
  /** Entities of the view that the target holds and the ledger lacks. */
  readonly unrecorded: number;
  /** Entities that the target holds and the view lacks. */
  readonly unexpected: number;
  /** Entities that the target holds at a later version than the view has. */
  readonly newer: number;
  /** States that this sweep made due. */
  readonly madeDue: number;
  /** Differences that were gone when the sweep ended. */
  readonly healed: number;
}
