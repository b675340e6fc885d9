import type { DeliveryStatus } from '../../ports/ledger.ts';

/** The place of a dead delivery in the index of due ones, behind all others. */
export const DEAD_AT_MS = Date.UTC(9999, 11, 31);
/** The value of `nextAttemptAt` of a delivered one, which is in no index. */
export const DONE_AT_MS = DEAD_AT_MS + 1;

/** A row of the ledger. Only `TargetLedger.change` changes it. */
export interface DeliveryRow {
  readonly target: string;
  readonly entityId: string;
  dueVersion: number;
  status: DeliveryStatus;
  /** The attempts at the due version. */
  attempts: number;
  /** Whether one of them has failed. */
  isRetry: boolean;
  /** 0 if the target has accepted none. */
  deliveredVersion: number;
  nextAttemptAt: number;
  /** When anybody may claim the delivery again, while `claimant` is set. */
  leasedUntil: number;
  claimant: string | null;
  dueSince: number;
  /** 0 if there is none. */
  lastStatus: number;
  lastError: string | null;
  /** As `packTrace` writes it. */
  trace: string | null;
}
