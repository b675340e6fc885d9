import { describe, expect, it } from 'vitest';
import { type MeteredPiece, Meters } from '../../../src/pipeline/status/meters.ts';
import { RateWindow } from '../../../src/pipeline/status/rate-window.ts';

const START_MS = 1_700_000_000_000;

function setUp() {
  let passedMs = 0;
  const meters = new Meters({ now: () => START_MS + passedMs, monotonicMs: () => 5_000 + passedMs });
  return { meters, pass: (ms: number) => (passedMs += ms), now: () => START_MS + passedMs };
}

function piece(timestampMs: number, types: readonly string[], rejected = 0, ids = types): MeteredPiece {
  return {
    topic: 'order_events',
    timestampMs,
    lastTimestampMs: timestampMs,
    consumed: types.length + rejected,
    events: types.map((eventType, index) => ({ eventType, entityId: ids[index] ?? '' })),
    rejected: { length: rejected },
  };
}

describe('the meters', () => {
  it('count records by topic and type, and the refused ones without a type', () => {
    const { meters, now } = setUp();
    meters.committed([piece(now(), ['A', 'A', 'B', 'A'], 2)], 0);
    meters.committed([{ ...piece(now(), ['A']), topic: 'payment_events' }], 0);
    meters.committed([piece(now(), ['A', 'B'])], 0);
    expect(meters.status().consumed).toEqual([
      { topic: 'order_events', type: 'A', records: 4 },
      { topic: 'order_events', type: 'B', records: 2 },
      { topic: 'order_events', type: null, records: 2 },
      { topic: 'payment_events', type: 'A', records: 1 },
    ]);
  });

  it('measure from the timestamp of a record to its commit', () => {
    const { meters, pass, now } = setUp();
    const appendedMs = now();
    pass(2_000);
    meters.committed([piece(appendedMs, ['A'])], 1);
    const { samples, p50Seconds } = meters.status().journaled;
    expect(samples).toBe(1);
    expect(p50Seconds).toBeCloseTo(2, 0);
  });

  it('measure a delivery from its record, and later ones of the entity from the moment they became due', () => {
    const { meters, pass, now } = setUp();
    const appendedMs = now();
    pass(8_000);
    meters.committed([piece(appendedMs, ['A'], 0, ['order-1'])], 1);
    pass(1_000);
    const delivery = { entityId: 'order-1', dueSinceMs: now() - 1_000 };
    meters.delivered([delivery]);
    expect(meters.status().delivered.totals.sumSeconds).toBeCloseTo(9);
    meters.delivered([delivery, { entityId: 'order-2', dueSinceMs: now() - 4_000 }]);
    expect(meters.status().delivered.totals.sumSeconds).toBeCloseTo(9 + 1 + 4);
  });

  it('forget an arrival at its first delivery, also one from long ago', () => {
    const { meters, now } = setUp();
    meters.committed([piece(now() - 50_000, ['A'], 0, ['first'])], 1);
    // Since then others have come, and the arrival is one of the older ones.
    for (let from = 0; from < 50_000; from += 250) {
      const ids = Array.from({ length: 250 }, (_, at) => `order-${from + at}`);
      meters.committed([piece(now(), ids, 0, ids)], 1);
    }
    const again = { entityId: 'first', dueSinceMs: now() - 1_000 };
    meters.delivered([again]);
    expect(meters.status().delivered.totals.sumSeconds).toBeCloseTo(50);
    meters.delivered([again]);
    expect(meters.status().delivered.totals.sumSeconds).toBeCloseTo(51);
  });

  it('forget the oldest arrivals, however many entities there are', () => {
    const { meters, now } = setUp();
    const ids = (from: number) => Array.from({ length: 250 }, (_, at) => `order-${from + at}`);
    meters.committed([piece(now() - 50_000, ['A'], 0, ['first'])], 1);
    for (let from = 0; from < 80_000; from += 250) {
      const each = ids(from);
      meters.committed([piece(now(), each, 0, each)], 1);
    }
    meters.delivered([{ entityId: 'first', dueSinceMs: now() - 1_000 }]);
    expect(meters.status().delivered.totals.sumSeconds).toBeCloseTo(1);
  });

  it('show what a window without records has, and begin with no counts', () => {
    const { meters } = setUp();
    expect(meters.status()).toMatchObject({
      consumed: [],
      statesDue: 0,
      perSecond: { last10Seconds: 0, lastMinute: 0 },
      journaled: { samples: 0 },
      delivered: { samples: 0 },
    });
  });

  it('add up the states that become due, and tell the rate of records', () => {
    const { meters, pass, now } = setUp();
    meters.committed([piece(now(), ['A', 'A'], 1)], 2);
    pass(1_000);
    meters.committed([piece(now(), ['A'])], 3);
    pass(1_000);
    expect(meters.status()).toMatchObject({
      statesDue: 5,
      perSecond: { last10Seconds: 2, lastMinute: 2 },
    });
    pass(20_000);
    expect(meters.status().perSecond).toEqual({ last10Seconds: 0, lastMinute: 4 / 22 });
  });

  it('remember no arrival of a commit that made nothing due, or of an instance that does not deliver', () => {
    const { meters, now } = setUp();
    const quiet = new Meters({ now, monotonicMs: () => 5_000 }, { delivers: false });
    const arrived = piece(now() - 50_000, ['A'], 0, ['order-1']);
    meters.committed([arrived], 0);
    quiet.committed([arrived], 1);
    for (const each of [meters, quiet]) {
      each.delivered([{ entityId: 'order-1', dueSinceMs: now() - 1_000 }]);
      expect(each.status().delivered.totals.sumSeconds).toBeCloseTo(1);
    }
  });

  it('take the timestamp of the last record of a piece for its entities', () => {
    const { meters, now } = setUp();
    const arrived = { ...piece(now() - 9_000, ['A', 'A']), lastTimestampMs: now() - 5_000 };
    meters.committed([arrived], 1);
    expect(meters.status().journaled.totals).toMatchObject({ count: 2, sumSeconds: 14 });
    meters.delivered([{ entityId: 'A', dueSinceMs: now() - 1_000 }]);
    expect(meters.status().delivered.totals.sumSeconds).toBeCloseTo(5);
  });

  it('give copies of the counts of both latencies', () => {
    const { meters, now } = setUp();
    meters.committed([piece(now() - 45, ['A'])], 1);
    const { journaled, delivered } = meters.latencies();
    const sum = (counts: Float64Array) => counts.reduce((total, count) => total + count, 0);
    expect([sum(journaled), sum(delivered)]).toEqual([1, 0]);
    meters.delivered([{ entityId: 'A', dueSinceMs: now() }]);
    expect([sum(delivered), sum(meters.latencies().delivered)]).toEqual([0, 1]);
  });

  it('ignore a piece without records, whose timestamp is no time', () => {
    const { meters } = setUp();
    meters.committed([{ ...piece(Number.NEGATIVE_INFINITY, []), consumed: 0 }], 1);
    expect(meters.status().journaled.totals).toMatchObject({ count: 0, sumSeconds: 0 });
  });

  it('tell the rate since the first record, and not since an empty piece before it', () => {
    const { meters, pass, now } = setUp();
    meters.committed([piece(now(), [])], 0);
    pass(5_000);
    meters.committed([piece(now(), ['A', 'A', 'A', 'A', 'A', 'A'])], 0);
    pass(1_000);
    expect(meters.status().perSecond).toEqual({ last10Seconds: 6, lastMinute: 6 });
  });

  it('remember the arrivals of 32,768 to 65,536 entities', () => {
    const { meters, now } = setUp();
    const arrive = (from: number, count: number) => {
      const ids = Array.from({ length: count }, (_, at) => `order-${from + at}`);
      meters.committed([piece(now() - 50_000, ids, 0, ids)], 1);
    };
    for (let from = 0; from < 65_536; from += 256) arrive(from, 256);
    const sum = () => meters.status().delivered.totals.sumSeconds;
    meters.delivered([{ entityId: 'order-0', dueSinceMs: now() - 1_000 }]);
    expect(sum()).toBeCloseTo(50);
    arrive(65_536, 1);
    meters.delivered([{ entityId: 'order-1', dueSinceMs: now() - 1_000 }]);
    expect(sum()).toBeCloseTo(51);
    meters.delivered([{ entityId: 'order-32768', dueSinceMs: now() - 1_000 }]);
    expect(sum()).toBeCloseTo(101);
  });
});

describe('the window of the rate', () => {
  it('gives the mean of the last seconds, without the second that has just begun', () => {
    const rate = new RateWindow();
    for (let second = 0; second < 100; second++) rate.add(second < 90 ? 10 : 50, 1_000_000 + second * 1_000);
    const nowMs = 1_000_000 + 100_000;
    expect(rate.perSecond(10, nowMs)).toBe(50);
    expect(rate.perSecond(60, nowMs)).toBeCloseTo((50 * 10 + 50 * 10) / 60);
    expect(rate.perSecond(10, nowMs + 30_000)).toBe(0);
  });

  it('counts from the first record, not from a time before it', () => {
    const rate = new RateWindow();
    rate.add(100, 1_000_000);
    rate.add(100, 1_001_000);
    expect(rate.perSecond(60, 1_002_000)).toBe(100);
    expect(new RateWindow().perSecond(10, 5_000)).toBe(0);
  });

  it('adds up what came within one second', () => {
    const rate = new RateWindow();
    rate.add(3, 1_000_000);
    rate.add(4, 1_000_900);
    expect(rate.perSecond(10, 1_001_000)).toBe(7);
    rate.add(8, 1_001_500);
    expect(rate.perSecond(1, 1_001_999)).toBe(7);
    expect(rate.perSecond(1, 1_002_000)).toBe(8);
  });

  it('forgets each second after a minute, also after a long pause', () => {
    const rate = new RateWindow();
    for (let second = 0; second < 61; second++) rate.add(6, 1_000_000 + second * 1_000);
    expect(rate.perSecond(60, 1_061_000)).toBe(6);
    expect(rate.perSecond(60, 1_091_000)).toBe(3);
    rate.add(60, 1_500_000);
    expect(rate.perSecond(60, 1_501_000)).toBe(1);
  });

  it('counts whole seconds since the first count', () => {
    const rate = new RateWindow();
    rate.add(9, 1_000_500);
    rate.add(9, 1_001_500);
    rate.add(9, 1_002_500);
    expect(rate.perSecond(10, 1_003_000)).toBe(9);
    expect(rate.perSecond(2, 1_003_000)).toBe(9);
  });

  it('gives the mean of the seconds that have passed since the program began to count', () => {
    const rate = new RateWindow();
    rate.add(4, 0);
    expect(rate.perSecond(10, 500)).toBe(0);
    expect(rate.perSecond(10, 2_000)).toBe(2);
  });
});
