import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { MALFORMATIONS } from '../../../../src/apps/event-producer/load/malformed.ts';
import {
  type LoadItem,
  type LoadOptions,
  loadStream,
  ordersFor,
  recordsFor,
} from '../../../../src/apps/event-producer/load/stream.ts';
import { orders } from '../../../../src/orders/index.ts';
import { createDecoder } from '../../../../src/pipeline/decode/decoder.ts';

const TYPICAL: LoadOptions = {
  orderTopic: 'order_events',
  paymentTopic: 'payment_events',
  source: '/test',
  seed: '7',
  count: 20_000,
  orders: 8_000,
  duplicateRate: 0.1,
  reorderRate: 0.1,
  malformedRate: 0.05,
  revisionRate: 0.1,
  unusualIdRate: 0.05,
};

function load(options: Partial<LoadOptions> = {}): LoadItem[] {
  return [...loadStream({ ...TYPICAL, ...options })];
}

function fingerprint(items: readonly LoadItem[]): string {
  const hash = createHash('sha256');
  for (const { topic, key, value, headers, kind, orderId } of items) {
    hash.update(JSON.stringify([topic, kind, orderId, key === null, value === null, headers.length]));
    for (const part of [key, value, ...headers.map(([, bytes]) => bytes)])
      hash.update(part ?? '').update('\n');
  }
  return hash.digest('hex');
}

function countBy(items: readonly LoadItem[]): Record<string, number> {
  return Object.fromEntries(
    [...Map.groupBy(items, ({ kind }) => kind)].map(([kind, ofKind]) => [kind, ofKind.length]),
  );
}

const decoder = createDecoder(orders, {
  topicNames: { order_events: 'order_events', payment_events: 'payment_events' },
});

function decode(item: LoadItem) {
  return decoder.decode({ ...item, offset: 0n, timestampMs: 0 }, { topic: item.topic, partition: 0 }, 0);
}

describe('a load', () => {
  it('holds no valid event among its malformed records if both kinds of events have one topic', () => {
    const topics = { orderTopic: 'shop', paymentTopic: 'shop' };
    const one = createDecoder(orders, { topicNames: { order_events: 'shop', payment_events: 'shop' } });
    for (const item of load({ ...topics, malformedRate: 0.5 })) {
      const { kind } = one.decode(
        { ...item, offset: 0n, timestampMs: 0 },
        { topic: 'shop', partition: 0 },
        0,
      );
      expect(kind).toBe(item.kind === 'malformed' ? 'rejected' : 'event');
    }
  });

  it('gives the same bytes for the same seed, and others for another seed', () => {
    const first = fingerprint(load());
    expect(fingerprint(load())).toBe(first);
    expect(fingerprint(load({ seed: '8' }))).not.toBe(first);
  });

  it('yields the same records on every day and on every machine', () => {
    // If this hash changes, every seed that somebody has noted makes another load.
    expect(fingerprint(load({ count: 1_000 }))).toMatchInlineSnapshot(
      `"7e033f628a3b07d15c81d4f61c0a714bd80e72c59eca0e58f3b005dbdd9de07a"`,
    );
  });

  it('gives exactly as many records of each kind as the rates say', () => {
    expect(countBy(load())).toEqual({ event: 15_000, late: 2_000, duplicate: 2_000, malformed: 1_000 });
    expect(countBy(load({ count: 7, duplicateRate: 0.3, reorderRate: 0.3, malformedRate: 0 }))).toEqual({
      event: 3,
      late: 2,
      duplicate: 2,
    });
    expect(countBy(load({ count: 50, duplicateRate: 0, reorderRate: 0, malformedRate: 0 }))).toEqual({
      event: 50,
    });
  });

  it.each([
    ['with CloudEvents headers', '/test'],
    ['as plain JSON', null],
  ])(
    '(%s) holds events that order-sync accepts, malformed records that it refuses, and no repetition except duplicates',
    (_, source) => {
      const seen = new Set<string>();
      const wrong: LoadItem[] = [];
      for (const item of load({ source })) {
        const decoded = decode(item);
        if ((decoded.kind === 'rejected') !== (item.kind === 'malformed')) wrong.push(item);
        if (decoded.kind !== 'event') continue;
        const identity = `${decoded.event.eventId} ${decoded.event.contentHash}`;
        if (seen.has(identity) !== (item.kind === 'duplicate')) wrong.push(item);
        if (decoded.event.entityId !== item.orderId) wrong.push(item);
        seen.add(identity);
      }
      expect(wrong).toEqual([]);
    },
  );

  it('gives malformed records of every kind', () => {
    const ways = new Set(load({ malformedRate: 0.2 }).map(({ malformation }) => malformation));
    expect([...ways].filter((way) => way !== null).sort()).toEqual([...MALFORMATIONS].sort());
  });

  it('holds only late events back behind later ones of the same order', () => {
    const isOutOfPlace = (items: readonly LoadItem[]): number => {
      const lastMs = new Map<string, number>();
      let count = 0;
      for (const item of items) {
        const decoded = item.kind === 'event' || item.kind === 'late' ? decode(item) : null;
        if (decoded?.kind !== 'event') continue;
        const { entityId, occurredAtMs } = decoded.event;
        // The clocks of some sources are two seconds slow. That alone makes no late event.
        if (occurredAtMs + 2_001 < (lastMs.get(entityId) ?? 0)) count++;
        lastMs.set(entityId, Math.max(occurredAtMs, lastMs.get(entityId) ?? 0));
      }
      return count;
    };
    expect(isOutOfPlace(load({ reorderRate: 0 }))).toBe(0);
    expect(isOutOfPlace(load({ reorderRate: 0.2 }))).toBeGreaterThan(200);
  });

  it('gives orders that are unpaid, paid first and reviewed, and payments without an order', () => {
    const lives = new Map<string, string[]>();
    for (const item of load({
      reorderRate: 0,
      duplicateRate: 0,
      malformedRate: 0,
      orders: 3_000,
      count: 6_000,
    })) {
      const body = JSON.parse(Buffer.from(item.value ?? '').toString());
      const statuses = lives.get(item.orderId) ?? [];
      statuses.push(body.orderStatus ?? body.paymentStatus);
      lives.set(item.orderId, statuses);
    }
    const kinds = new Set([...lives.values()].map((statuses) => statuses.join(' ')));
    for (const kind of [
      'CREATED',
      'CREATED PAYMENT_AUTHORIZED',
      'CREATED PAYMENT_AUHTORIZED',
      'PAYMENT_AUTHORIZED CREATED',
      'CREATED PAYMENT_AUTH_WITHPENDING_REVIEW AUTHORIZATION_REVIEW_ACCEPTED',
      'CREATED PAYMENT_AUTH_WITHPENDING_REVIEW AUTHORIZATION_REVIEW_DECLINED',
      'PAYMENT_AUTHORIZED',
    ]) {
      expect(kinds).toContain(kind);
    }
  });

  it('gives the requested number of orders, whether there are few or many records for them', () => {
    const ordersOf = (options: Partial<LoadOptions>) =>
      new Set(load(options).map(({ orderId }) => orderId)).size;
    expect(ordersOf({ orders: 10, count: 5_000 })).toBe(10);
    expect(ordersOf({ orders: 2_000, count: 20_000 })).toBe(2_000);
    const orderCount = ordersFor(10_000, 0);
    const made = ordersOf({ orders: orderCount, count: 10_000, duplicateRate: 0, malformedRate: 0 });
    expect(made).toBeGreaterThan(orderCount * 0.95);
    expect(recordsFor(orderCount, 0)).toBeGreaterThan(9_990);
  });

  it('refuses rates that leave no plain event', () => {
    expect(() => load({ duplicateRate: 0.6, reorderRate: 0.6 })).toThrow(
      expect.objectContaining({ code: 'usage' }),
    );
  });
});
