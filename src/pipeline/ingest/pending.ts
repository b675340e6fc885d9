import { partitionName, type TopicPartition } from '../../core/offset.ts';
import type { QuarantinedRecord } from '../../ports/quarantine.ts';
import type { DecodedEvent } from '../decode/decoder.ts';

/** Consecutive records of one partition, decoded, waiting to be committed. */
export interface Piece<Event> extends TopicPartition {
  readonly toOffset: bigint;
  /** The log's leader epoch of the last record. */
  readonly leaderEpoch: number;
  /** Of the first record; of a piece without records, negative infinity: nothing has to wait for it. */
  readonly timestampMs: number;
  readonly consumed: number;
  /** Of the records' values. */
  readonly bytes: number;
  readonly events: readonly DecodedEvent<Event>[];
  readonly rejected: readonly QuarantinedRecord[];
}

export interface PieceLimits {
  readonly events: number;
  readonly bytes: number;
}

/**
 * What a lane has decoded and not committed yet. Pieces of one partition leave in the sequence they came in;
 * between partitions the one with the older records goes first, and of equally old ones that which gave less. So when a lane catches up, topics advance side
 * by side in time, and the events of one entity tend to meet in one transaction: fewer rows are written and
 * fewer states are due that the next event would overtake. Nothing but speed depends on it.
 */
export class PendingPieces<Event> {
  readonly #queues = new Map<string, Piece<Event>[]>();
  #events = 0;
  #bytes = 0;
  #count = 0;
  #turn = 0;
  /** Pieces of partitions that are held back, by the partition's name. */
  readonly #held = new Map<string, Piece<Event>[]>();

  /** Whether nothing can be taken. */
  get isEmpty(): boolean {
    return this.#count === 0;
  }

  /** Whether pieces wait that cannot be taken, because their partitions are held back. */
  get isHoldingBack(): boolean {
    return this.#held.size > 0;
  }

  isHeld(partition: TopicPartition): boolean {
    return this.#held.size > 0 && this.#held.has(partitionName(partition));
  }

  /** Holds the partition back: `taken` are pieces of it that were taken last, and have to be taken again. */
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

  /** Whether as much waits as may wait, without what is held back. */
  isFull(limits: PieceLimits): boolean {
    return this.#events >= limits.events || this.#bytes >= limits.bytes;
  }

  /** All that waits, up to the limits; one piece at least, if there is one. */
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
    // A piece of each, whatever its age: records with odd timestamps hold no other partition up.
    for (const queue of this.#inTurn()) if (queue.length > 0) takeFrom(queue);
    let oldest = this.#oldest(given);
    while (oldest !== undefined && takeFrom(oldest)) oldest = this.#oldest(given);
    this.#events -= events;
    this.#bytes -= bytes;
    this.#count -= taken.length;
    return taken;
  }

  /** Another partition first each time, should the limits leave no room for one piece of each. */
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
