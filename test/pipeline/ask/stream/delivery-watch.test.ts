import { describe, expect, it } from 'vitest';
import { DeliveryWatch } from '../../../../src/pipeline/ask/stream/delivery-watch.ts';
import type { StreamListener } from '../../../../src/pipeline/ask/stream/messages.ts';
import type { StoredDelivery } from '../../../../src/ports/ledger.ts';

function delivery(entityId: string, dueVersion: number): StoredDelivery {
  return {
    target: 'order-mgt',
    entityId,
    status: 'pending',
    dueVersion,
    deliveredVersion: null,
    attempts: 0,
    nextAttemptAtMs: 0,
    dueSinceMs: 0,
    lastStatus: null,
    lastError: null,
    lastAnswer: null,
  };
}

/** A ledger in which each look finds a newer version of every order, and listeners that note the versions. */
class Place {
  dueVersion = 0;
  readonly asked: string[] = [];
  readonly watch = new DeliveryWatch({
    store: {
      readDelivery: async (_, entityId) => {
        this.asked.push(entityId);
        return delivery(entityId, this.dueVersion);
      },
    },
    targets: ['order-mgt'],
  });

  listener(...entityIds: string[]): StreamListener & { readonly seen: string[] } {
    const seen: string[] = [];
    return {
      entityIds: new Set(entityIds),
      position: null,
      send(message) {
        if (message.kind === 'delivery')
          seen.push(`${message.delivery.entityId} ${message.delivery.dueVersion}`);
      },
      seen,
    };
  }

  async look(): Promise<void> {
    this.dueVersion++;
    await this.watch.look(new AbortController().signal);
  }
}

describe('the watch of deliveries', () => {
  it('goes on for the other listeners of an order when one of them goes, and ends with the last one', async () => {
    const place = new Place();
    const { watch } = place;
    const [first, second] = [place.listener('a', 'b'), place.listener('a')];
    watch.add(first);
    watch.add(second);
    await place.look();
    watch.remove(first);
    watch.remove(first);
    expect(['a', 'b'].map((id) => watch.isWatched(id))).toEqual([true, false]);
    await place.look();
    expect([first.seen, second.seen]).toEqual([
      ['a 1', 'b 1'],
      ['a 1', 'a 2'],
    ]);
    watch.remove(second);
    expect(watch.isWatching).toBe(false);
    await place.look();
    expect(place.asked).toEqual(['a', 'b', 'a']);
  });

  it('tells a new listener what is known of its orders, and all others by the next look', async () => {
    const place = new Place();
    place.watch.add(place.listener('a'));
    await place.look();
    const late = place.listener('a', 'b');
    place.watch.add(late);
    expect(late.seen).toEqual(['a 1']);
    await place.look();
    expect(late.seen).toEqual(['a 1', 'a 2', 'b 2']);
  });

  it('reads at most 200 deliveries in one look, and takes turns', async () => {
    const place = new Place();
    const ids = Array.from({ length: 250 }, (_, index) => `order ${1_000 + index}`);
    place.watch.add(place.listener(...ids));
    await place.look();
    expect(place.asked).toEqual(ids.slice(0, 200));
    await place.look();
    expect(place.asked.slice(200)).toEqual([...ids.slice(200), ...ids.slice(0, 150)]);
  });
});
