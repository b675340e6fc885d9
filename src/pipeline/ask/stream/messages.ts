import type { StoredDelivery } from '../../../ports/ledger.ts';
import type { StatusReport } from '../../status/report.ts';
import type { StreamedEvent } from './change-reader.ts';

/**
 * A message to listeners. One object goes to all listeners that get the same, so that it needs to be written as a text only
 * once.
 *
 * - `status`: the status, which has changed.
 * - `changes`: what lies behind the checkpoints now, and did not before.
 * - `position`: the position has changed, and there is nothing to tell.
 * - `delivery`: the delivery of an order of this listener, as it is now.
 * - `reset`: something was not told. The listener has to look at everything again. What follows begins at `position`.
 * - `note`: why the log cannot be followed now; null once it is followed again.
 */
export type StreamMessage =
  | { readonly kind: 'status'; readonly report: StatusReport }
  | ChangesMessage
  | { readonly kind: 'position'; readonly position: string }
  | { readonly kind: 'delivery'; readonly delivery: StoredDelivery }
  | { readonly kind: 'reset'; readonly position: string; readonly reason: ResetReason }
  | { readonly kind: 'note'; readonly atMs: number; readonly problem: string | null };

export interface ChangesMessage {
  readonly kind: 'changes';
  readonly position: string;
  readonly atMs: number;
  readonly records: number;
  /** The newest events, or those of the listener's entities, the oldest first. */
  readonly events: readonly StreamedEvent[];
  /** For a listener to all entities: the number of the other records, those without an event included. */
  readonly more: number;
}

/**
 * - `position_unknown`: nobody here ever gave this position, or a topic was deleted and made again since.
 * - `too_far_back`: more lies behind the position than is told at once.
 * - `position_ahead`: the store is not as far, as after a restore of its backup.
 * - `checkpoint_went_back`: an operator has set it back, or the store was restored.
 * - `log_truncated`: the log no longer has all records.
 * - `log_unreadable`: a partition cannot be read now, and so not what lies behind the position.
 * - `too_many_changes`: more has changed than is told at once.
 */
export const RESET_REASONS = [
  'position_unknown',
  'too_far_back',
  'position_ahead',
  'checkpoint_went_back',
  'log_truncated',
  'log_unreadable',
  'too_many_changes',
] as const;
export type ResetReason = (typeof RESET_REASONS)[number];

export interface StreamListener {
  /** The entities that it listens to. With none it gets the newest events of all. */
  readonly entityIds: ReadonlySet<string>;
  /** The position of the last message that it got; null to begin now. */
  readonly position: string | null;
  /** Must not throw. May remove the listener. */
  send(message: StreamMessage): void;
}
