import type { ViewRow } from '../core/domain.ts';

/**
 * What a target says that it holds, in the sequence of the ids' UTF-8 bytes. Each call ends within the adapter's
 * deadline, or soon after the signal aborts. Rejects with `target_unreachable`, which may pass; with
 * `holdings_not_offered` by a target that does not tell; and with `target_answer_invalid` for an answer that is
 * not as it has to be, one that is out of sequence or too large among them.
 */
export interface TargetHoldings {
  /** The next `limit` (1 to 1,000) entities whose ids come behind `after`; null is before all of them. */
  page(range: HoldingsRange, signal: AbortSignal): Promise<HoldingsPage>;
  /** The same entities by their number and one hash: cheap to send, and equal only if all of them are. */
  digest(range: HoldingsRange, signal: AbortSignal): Promise<HoldingsDigest>;
  /** May be called twice. */
  close(): Promise<void>;
}

export interface HoldingsRange {
  readonly after: string | null;
  readonly limit: number;
}

export interface HeldState {
  readonly entityId: string;
  readonly version: number;
  /** The view's columns, without the key. */
  readonly row: ViewRow;
}

export interface HoldingsPage {
  readonly states: readonly HeldState[];
  /** Whether there is anything behind the last of them; if there is, there is a last one. */
  readonly hasMore: boolean;
}

export interface HoldingsDigest {
  readonly count: number;
  /**
   * SHA-256, hexadecimal, over a line for each: `JSON.stringify([id, ...row, version])` and a line feed.
   * Source: docs/being-a-target.md.
   */
  readonly digest: string;
}
