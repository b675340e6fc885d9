import type { ViewRow } from '../core/domain.ts';

/**
 * Asks a target what it holds, sorted by the UTF-8 bytes of the ids. Each call ends within the adapter's deadline, or
 * soon after the signal aborts. Rejects with `target_unreachable`, which may pass; with `holdings_not_offered` if the
 * target does not tell; and with `target_answer_invalid` if the answer is malformed, out of sequence or too large.
 */
export interface TargetHoldings {
  /** The next `limit` entities (1 to 1,000) whose ids come behind `after`; null begins before all of them. */
  page(range: HoldingsRange, signal: AbortSignal): Promise<HoldingsPage>;
  /**
   * The number of the same entities, and one hash over them. It is cheap to send, and equal only if all of them are
   * equal.
   */
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
  /** Whether more entities come behind the last one of this page. If so, the page is not empty. */
  readonly hasMore: boolean;
}

export interface HoldingsDigest {
  readonly count: number;
  /**
   * The SHA-256, in hexadecimal, of one line for each entity: `JSON.stringify([id, ...row, version])` and a line feed.
   * Source: docs/being-a-target.md.
   */
  readonly digest: string;
}
