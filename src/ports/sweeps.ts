/**
 * Whose turn it is to compare a target with the ledger, and what the last sweep came to: one for all instances, and
 * for those that come after them.
 */
export interface Sweeps {
  /** A target that is not known yet is noted as waiting from now on. */
  readSweep(target: string): Promise<SweepRecord>;
  /**
   * Takes the target's next sweep, or keeps the one that the claimant has: for it alone for `leaseMs`.
   * Resolves with false if another has it, or if another's has ended since the caller read `waitsSinceMs`.
   */
  claimSweep(claim: SweepClaim): Promise<boolean>;
  /**
   * Gives the sweep back: with what it came to, from which the wait for the next one begins; or with null, so that
   * it may be begun again at once. Does nothing if another has it by now.
   */
  endSweep(end: {
    readonly target: string;
    readonly claimant: string;
    readonly result: SweepResult | null;
  }): Promise<void>;
}

export interface SweepRecord {
  /** When the last sweep ended, by the store's time; if none has, when the target was noted. */
  readonly waitsSinceMs: number;
  /** How long that is ago, by the store's time; less than 0 if that was set back. */
  readonly waitedMs: number;
  readonly last: SweepResult | null;
}

export interface SweepClaim {
  readonly target: string;
  /** Another one for each sweep. */
  readonly claimant: string;
  readonly waitsSinceMs: number;
  readonly leaseMs: number;
}

export interface SweepResult {
  readonly beganAtMs: number;
  readonly endedAtMs: number;
  /**
   * `complete`: all of both sides was looked at. `gave_up`: the target did not answer, or could not be given what it
   * lost, which may pass. `not_offered`: it does not tell what it holds. `failed`: what it told makes no sense.
   */
  readonly outcome: 'complete' | 'gave_up' | 'not_offered' | 'failed';
  /** Why it is not complete, in one sentence. */
  readonly error: string | null;
  /** Entities of which the ledger says that they were delivered; each was compared, by digest or by row. */
  readonly compared: number;
  readonly inFlight: number;
  readonly dead: number;
  /** Differences, by their kind. */
  readonly missing: number;
  readonly older: number;
  readonly different: number;
  readonly unrecorded: number;
  readonly unexpected: number;
  readonly newer: number;
  readonly madeDue: number;
  readonly healed: number;
}
