import { partitionName, type TopicPartition } from '../../core/offset.ts';
import type { EventPack } from '../../ports/packed-event.ts';
import type { QuarantinedRecord } from '../../ports/quarantine.ts';
import type { DecodedEvent } from '../decode/decoder.ts';

/** Consecutive records of one partition that are decoded and wait to be committed. */
export interface Piece<Event> extends TopicPartition {
  readonly toOffset: bigint;
  /** The leader epoch of the last record. */
  readonly leaderEpoch: number;
  /**
   * The timestamp of the first record. A piece without records has negative infinity, because nothing has to wait for
   * it.
   */
  readonly timestampMs: number;
  /** The timestamp of the last record; negative infinity without records. */
  readonly lastTimestampMs: number;
  readonly consumed: number;
  /** The bytes of the events' bodies, and of the values of rejected records. */
  readonly bytes: number;
  readonly events: readonly DecodedEvent<Event>[];
  /** Has the events. */
  readonly pack: Pick<EventPack, 'dropBodies'>;
  readonly rejected: readonly QuarantinedRecord[];
}

export interface PieceLimits {
  readonly events: number;
  readonly bytes: number;
}

/**
 * The pieces that a lane has decoded and not committed yet. Pieces of one partition leave in the sequence in which they
 * came. Among partitions the one with the oldest record goes first, and among equally old ones the one that gave fewer
 * records. So a lane that catches up advances all topics side by side in time, and the events of one entity tend to
 * meet in one transaction: it writes fewer rows, and makes fewer states due that the next event replaces. Only speed
 * depends on this.
 */
export class PendingPieces<Event> {
  readonly #queues = new Map<string, Piece<Event>[]>();
  #events = 0;
  #bytes = 0;
  #count = 0;
  #turn = 0;
  /** The pieces of partitions that are held back, by the name of the partition. */
  readonly #held = new Map<string, Piece<Event>[]>();

  /** Whether there is no piece to take. */
  get isEmpty(): boolean {
    return this.#count === 0;
  }

  /** Whether pieces wait that cannot be taken because their partitions are held back. */
  get isHoldingBack(): boolean {
    return this.#held.size > 0;
  }

  isHeld(partition: TopicPartition): boolean {
    return this.#held.size > 0 && this.#held.has(partitionName(partition));
  }

  /** Holds the partition back. `taken` are the pieces of it that were taken last, which will be taken again. */
  hold(partition: TopicPartition, taken: readonly Piece<Event>[]): void {
    const name = partitionName(partition);
    const waiting = this.#queues.get(name) ?? [];
    this.#queues.delete(name);
    for (const piece of waiting) this.#add(piece, -1);
    this.#held.set(name, [...taken, ...(this.#held.get(name) ?? []), ...waiting]);
  }

  /** Lets the pieces of the partition be taken again. */
  letGo(partition: TopicPartition): void {
    const name = partitionName(partition);
    const held = this.#held.get(name);
    if (held === undefined) return;
    this.#held.delete(name);
    for (const piece of held) this.push(piece);
  }

  push(piece: Piece<Event>): void {
    const name = partitionName(piece);
    const held = this.#held.get(name);
    if (held !== undefined) {
      held.push(piece);
      return;
    }
    const queue = this.#queues.get(name);
    if (queue === undefined) this.#queues.set(name, [piece]);
    else queue.push(piece);
    this.#add(piece, 1);
  }

  #add(piece: Piece<Event>, sign: 1 | -1): void {
    this.#events += sign * piece.consumed;
    this.#bytes += sign * piece.bytes;
    this.#count += sign;
  }

  /** Whether the limits are reached, not counting what is held back. */
  isFull(limits: PieceLimits): boolean {
    return this.#events >= limits.events || this.#bytes >= limits.bytes;
  }

  /** Takes all waiting pieces up to the limits, and at least one piece if there is one. */
  take(limits: PieceLimits): Piece<Event>[] {
    const taken: Piece<Event>[] = [];
    let events = 0;
    let bytes = 0;
    const given = new Map<Piece<Event>[], number>();
    const takeFrom = (queue: Piece<Event>[]): boolean => {
      const piece = queue[0] as Piece<Event>;
      const isOver = events + piece.consumed > limits.events || bytes + piece.bytes > limits.bytes;
      if (taken.length > 0 && isOver) return false;
      queue.shift();
      taken.push(piece);
      given.set(queue, (given.get(queue) ?? 0) + piece.consumed);
      events += piece.consumed;
      bytes += piece.bytes;
      return true;
    };
    // One piece of each partition comes first, so that odd timestamps in one of them do not delay the others.
    for (const queue of this.#inTurn()) if (queue.length > 0) takeFrom(queue);
    let oldest = this.#oldest(given);
    while (oldest !== undefined && takeFrom(oldest)) oldest = this.#oldest(given);
    this.#events -= events;
    this.#bytes -= bytes;
    this.#count -= taken.length;
    return taken;
  }

  /** Begins with another partition each time, in case the limits do not allow one piece of each. */
  #inTurn(): Piece<Event>[][] {
    const queues = [...this.#queues.values()];
    const first = this.#turn++ % Math.max(1, queues.length);
    return [...queues.slice(first), ...queues.slice(0, first)];
  }

  #oldest(given: ReadonlyMap<Piece<Event>[], number>): Piece<Event>[] | undefined {
    let oldest: Piece<Event>[] | undefined;
    for (const queue of this.#queues.values()) {
      if (queue.length === 0) continue;
      if (oldest === undefined || isBefore(queue, oldest, given)) oldest = queue;
    }
    return oldest;
  }
}

function isBefore<Event>(
  left: readonly Piece<Event>[],
  right: readonly Piece<Event>[],
  given: ReadonlyMap<readonly Piece<Event>[], number>,
): boolean {
  const [leftMs, rightMs] = [left[0]?.timestampMs ?? 0, right[0]?.timestampMs ?? 0];
  return leftMs === rightMs ? (given.get(left) ?? 0) < (given.get(right) ?? 0) : leftMs < rightMs;
}
