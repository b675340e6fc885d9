import type { History } from '../../core/fold.ts';
import type { JournaledEvent } from '../../ports/journal.ts';
import type { DecodedEvent } from '../decode/decoder.ts';
import type { Unfoldable } from './unfoldable.ts';

/** The journal of an entity that cannot be folded, and why it cannot. */
export interface UnfoldableJournal extends Unfoldable {
  readonly journal: readonly JournaledEvent[];
}

const FEW = 4;

/** An entity with events in a batch, and what a plan knows of it. A map for each of these would cost more than the fold. */
export class PlannedEntity<State, Event> {
  readonly entityId: string;
  /** Its events in the batch, in the sequence in which they came. */
  incoming: DecodedEvent<Event>[];
  /** Its history before the batch; null if the plan knows of none. */
  before: History<State, Event> | null = null;
  /** Its history with the batch; null if it has none that can be kept. */
  after: History<State, Event> | null = null;
  /** Whether it was not in the cache, and was looked up. */
  wasRead = false;
  /** Its journal, if that was read and cannot be folded. */
  unfoldable: UnfoldableJournal | null = null;
  /** Whether its journal is too long to be read whole. */
  isLong = false;
  /** Where the cache was when it was asked for the history. */
  cacheTurn = 0;

  constructor(event: DecodedEvent<Event>) {
    this.entityId = event.entityId;
    this.incoming = [event];
  }

  /** Adds an event. A list that grows by itself takes room for 16 events at once, and most entities have two or three. */
  add(event: DecodedEvent<Event>): void {
    if (this.incoming.length < FEW) this.incoming = [...this.incoming, event];
    else this.incoming.push(event);
  }

  /** Forgets what an earlier attempt found. */
  reset(): void {
    this.before = null;
    this.after = null;
    this.wasRead = false;
    this.unfoldable = null;
    this.isLong = false;
  }
}
