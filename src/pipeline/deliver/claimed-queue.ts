import type { ClaimedDelivery } from '../../ports/delivery-claims.ts';

interface Claim {
  readonly claimedMs: number;
  readonly deliveries: readonly ClaimedDelivery[];
  taken: number;
}

/** Claimed deliveries that wait for a call, in the sequence of their claims. */
export class ClaimedQueue {
  readonly #claims: Claim[] = [];
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** When the oldest claim in the queue was made; null if the queue is empty. */
  get oldestMs(): number | null {
    return this.#claims[0]?.claimedMs ?? null;
  }

  add(deliveries: readonly ClaimedDelivery[], claimedMs: number): void {
    if (deliveries.length === 0) return;
    this.#claims.push({ claimedMs, deliveries, taken: 0 });
    this.#length += deliveries.length;
  }

  /** Takes out the first `count` deliveries, or all if there are fewer. */
  take(count: number): ClaimedDelivery[] {
    const taken: ClaimedDelivery[] = [];
    for (let first = this.#claims[0]; first !== undefined && taken.length < count; first = this.#claims[0]) {
      const end = Math.min(first.deliveries.length, first.taken + count - taken.length);
      for (let index = first.taken; index < end; index++) {
        taken.push(first.deliveries[index] as ClaimedDelivery);
      }
      first.taken = end;
      if (end === first.deliveries.length) this.#claims.shift();
    }
    this.#length -= taken.length;
    return taken;
  }

  /** Takes out the deliveries that were claimed before this moment, and returns them. */
  dropBefore(claimedMs: number): ClaimedDelivery[] {
    const dropped: ClaimedDelivery[] = [];
    for (
      let first = this.#claims[0];
      first !== undefined && first.claimedMs < claimedMs;
      first = this.#claims[0]
    ) {
      dropped.push(...first.deliveries.slice(first.taken));
      this.#claims.shift();
    }
    this.#length -= dropped.length;
    return dropped;
  }
}
