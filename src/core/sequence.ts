import { compareUtf8 } from './text.ts';

/**
 * Where an event stands inside its entity, whatever the moment of its arrival: its fields, compared in this
 * sequence, are the canonical sequence. Event id and content hash are also the event's identity, so two
 * different events never compare equal.
 */
export interface SequenceKey {
  /** The source's own revision if it gave one, else the stage of the entity's life (1, 2, 3, ...). */
  readonly position: number;
  /** When the source says that it happened, in milliseconds since 1970-01-01T00:00:00Z. */
  readonly occurredAtMs: number;
  /** At equal position and time the more cautious event (the higher rank) comes last, and so wins. */
  readonly cautionRank: number;
  readonly eventId: string;
  /** SHA-256 of the body as canonical JSON, 64 lower-case hexadecimal digits. */
  readonly contentHash: string;
}

/** The canonical sequence: negative if `left` comes first, zero only for the same event. */
export function compareSequence(left: SequenceKey, right: SequenceKey): number {
  return (
    left.position - right.position ||
    left.occurredAtMs - right.occurredAtMs ||
    left.cautionRank - right.cautionRank ||
    compareUtf8(left.eventId, right.eventId) ||
    (left.contentHash < right.contentHash ? -1 : left.contentHash > right.contentHash ? 1 : 0)
  );
}

/** Whether two keys name the same event: the same id with the same content. */
export function isSameEvent(left: SequenceKey, right: SequenceKey): boolean {
  return left.contentHash === right.contentHash && left.eventId === right.eventId;
}
