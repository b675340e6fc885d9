import { hasSameContent, hasSameId, PackedKey } from './key-pack.ts';
import { compareUtf8 } from './text.ts';

/**
 * The place of an event inside its entity, whenever it arrives. The canonical sequence compares these fields, one after
 * the other. Event id and content hash are the event's identity, so two different events never compare as equal.
 */
export interface SequenceKey {
  /** The revision by the source; without one, the stage of the entity's life (1, 2, 3, ...). */
  readonly position: number;
  /** The time of the event by the source, in milliseconds since 1970-01-01T00:00:00Z. */
  readonly occurredAtMs: number;
  /** At equal position and time the event with the higher rank, the more cautious one, comes last, and so decides. */
  readonly cautionRank: number;
  readonly eventId: string;
  /** SHA-256 of the body as canonical JSON, 64 lower-case hexadecimal digits. */
  readonly contentHash: string;
}

/** Compares by the canonical sequence: negative if `left` comes first, zero only for the same event. */
export function compareSequence(left: SequenceKey, right: SequenceKey): number {
  return (
    left.position - right.position ||
    left.occurredAtMs - right.occurredAtMs ||
    left.cautionRank - right.cautionRank ||
    compareUtf8(left.eventId, right.eventId) ||
    (left.contentHash < right.contentHash ? -1 : left.contentHash > right.contentHash ? 1 : 0)
  );
}

/** Whether two keys name the same event: both ids are equal, and both contents. */
export function isSameEvent(left: SequenceKey, right: SequenceKey): boolean {
  return left instanceof PackedKey && right instanceof PackedKey
    ? hasSameContent(left, right) && hasSameId(left, right)
    : left.contentHash === right.contentHash && left.eventId === right.eventId;
}

/** Whether two keys have the same event id. */
export function isSameId(left: SequenceKey, right: SequenceKey): boolean {
  return left instanceof PackedKey && right instanceof PackedKey
    ? hasSameId(left, right)
    : left.eventId === right.eventId;
}
