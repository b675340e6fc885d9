import type { DeliveryInspection, StoredDelivery } from '../../../ports/ledger.ts';
import type { StreamListener, StreamMessage } from './messages.ts';

export interface DeliveryWatchParts {
  readonly store: Pick<DeliveryInspection, 'readDelivery'>;
  /** The names of all targets. */
  readonly targets: readonly string[];
}

/** The most deliveries that one look reads. With more of them, the looks take turns. */
const READS_MAX = 200;
/**
 * The end of a lease is worked out from two clocks, which drift apart by milliseconds. A time that moved by less is no
 * change.
 */
const SAME_TIME_MS = 1_000;

interface Watched {
  readonly listeners: Set<StreamListener>;
  /** The last message of each target. */
  readonly last: Map<string, DeliveryMessage>;
}

type DeliveryMessage = Extract<StreamMessage, { kind: 'delivery' }>;

/** Looks at the deliveries of the entities that listeners ask for, each by its key, and tells which have changed. */
export class DeliveryWatch {
  readonly #parts: DeliveryWatchParts;
  /** By the id of the entity. The one that was looked at last comes last. */
  readonly #watched = new Map<string, Watched>();

  constructor(parts: DeliveryWatchParts) {
    this.#parts = parts;
  }

  /** Watches the listener's entities for it. It gets their deliveries as they are known, and the others by the next look. */
  add(listener: StreamListener): void {
    for (const entityId of listener.entityIds) {
      const watched = this.#watched.get(entityId) ?? { listeners: new Set(), last: new Map() };
      watched.listeners.add(listener);
      this.#watched.set(entityId, watched);
      for (const message of watched.last.values()) listener.send(message);
    }
  }

  remove(listener: StreamListener): void {
    for (const entityId of listener.entityIds) {
      const watched = this.#watched.get(entityId);
      watched?.listeners.delete(listener);
      if (watched?.listeners.size === 0) this.#watched.delete(entityId);
    }
  }

  /** Whether any entity is watched. */
  get isWatching(): boolean {
    return this.#watched.size > 0;
  }

  isWatched(entityId: string): boolean {
    return this.#watched.has(entityId);
  }

  /** Reads at most 200 deliveries, and sends those that have changed. Rejects like the store. */
  async look(signal: AbortSignal): Promise<void> {
    const { store, targets } = this.#parts;
    const entities = Math.max(1, Math.floor(READS_MAX / Math.max(1, targets.length)));
    for (const [entityId, watched] of [...this.#watched].slice(0, entities)) {
      for (const target of targets) {
        const delivery = await store.readDelivery(target, entityId);
        if (signal.aborted) return;
        if (delivery !== null) tell(watched, delivery);
      }
      if (this.#watched.delete(entityId)) this.#watched.set(entityId, watched);
    }
  }
}

function tell(watched: Watched, delivery: StoredDelivery): void {
  const last = watched.last.get(delivery.target);
  if (last !== undefined && isSame(last.delivery, delivery)) return;
  const message = { kind: 'delivery', delivery } as const;
  watched.last.set(delivery.target, message);
  for (const listener of [...watched.listeners]) listener.send(message);
}

function isSame(one: StoredDelivery, other: StoredDelivery): boolean {
  const { nextAttemptAtMs: oneNext, ...oneRest } = one;
  const { nextAttemptAtMs: otherNext, ...otherRest } = other;
  const isSameTime =
    oneNext === null || otherNext === null
      ? oneNext === otherNext
      : Math.abs(oneNext - otherNext) < SAME_TIME_MS;
  return isSameTime && JSON.stringify(oneRest) === JSON.stringify(otherRest);
}
