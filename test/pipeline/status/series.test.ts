import { describe, expect, it } from 'vitest';
import { SeededClock } from '../../../src/adapters/seeded-clock.ts';
import { LatencyWindow } from '../../../src/pipeline/status/latency-window.ts';
import {
  SERIES_POINTS_MAX,
  Series,
  type SeriesCounts,
  type SeriesLevels,
  seriesReadingOf,
} from '../../../src/pipeline/status/series.ts';
import type { SharedStatus } from '../../../src/pipeline/status/status.ts';
import { UNUSED_PARTS } from '../../apps/order-sync/http/parts.ts';
import { lagWith, NOW_MS, outbox, peeked, shared } from './fake-parts.ts';

const NO_COUNTS: SeriesCounts = {
  records: 0,
  journaled: 0,
  duplicates: 0,
  refused: 0,
  due: 0,
  delivered: 0,
  failed: 0,
};
const NO_LEVELS: SeriesLevels = { lagMessages: null, lagSeconds: null, outboxPending: null };

function setUp() {
  const clock = new SeededClock({ seed: 1, startMs: Date.UTC(2026, 4, 1) });
  const journaled = new LatencyWindow();
  const delivered = new LatencyWindow();
  const readingOf = (counts: Partial<SeriesCounts> = {}, levels: Partial<SeriesLevels> = {}) => ({
    counts: { ...NO_COUNTS, ...counts },
    levels: { ...NO_LEVELS, ...levels },
    latencies: { journaled: journaled.counts(), delivered: delivered.counts() },
  });
  return { clock, journaled, delivered, readingOf, series: new Series(clock) };
}

describe('the series of the last hour', () => {
  it('shows the increases of each step, and the levels at its end', () => {
    const { series, readingOf } = setUp();
    series.take(readingOf({ records: 5, delivered: 2 }, { lagMessages: 9 }));
    series.take(readingOf({ records: 12, delivered: 2, failed: 1 }, { lagMessages: 4, lagSeconds: 1.5 }));
    series.take(readingOf({ records: 12, delivered: 3, failed: 1 }));
    expect(series.points()).toMatchObject([
      { records: 5, delivered: 2, lagMessages: 9 },
      { records: 7, delivered: 0, failed: 1, lagMessages: 4, lagSeconds: 1.5, outboxPending: null },
      { records: 0, delivered: 1, failed: 0, lagMessages: null },
    ]);
  });

  it('shows the latencies of one step alone', () => {
    const { series, readingOf, journaled, delivered } = setUp();
    journaled.add(50_000, 100, 0);
    series.take(readingOf());
    journaled.add(10, 98, 0);
    journaled.add(4_000, 2, 0);
    series.take(readingOf());
    delivered.add(500, 1, 0);
    series.take(readingOf());
    const [, first, second] = series.points();
    expect(first?.deliveredMs).toBeNull();
    expect(first?.journaledMs?.p50).toBeLessThanOrEqual(10);
    expect(first?.journaledMs?.p99).toBeGreaterThan(3_000);
    expect(first?.journaledMs?.p99).toBeLessThanOrEqual(4_000);
    expect(second).toMatchObject({ journaledMs: null, deliveredMs: { p50: expect.any(Number) } });
  });

  it('keeps one hour, the oldest step first', () => {
    const { series, readingOf } = setUp();
    for (let step = 1; step <= SERIES_POINTS_MAX + 3; step++)
      series.take(readingOf({ records: (step * (step + 1)) / 2 }));
    const records = series.points().map((point) => point.records);
    expect(records).toHaveLength(SERIES_POINTS_MAX);
    expect(records).toEqual(Array.from({ length: SERIES_POINTS_MAX }, (_, index) => index + 4));
  });

  it('ends a step every 10 s, also if a reading takes long, and stops with its signal', async () => {
    const { series, readingOf, clock } = setUp();
    const stop = new AbortController();
    let reads = 0;
    const running = series.run(async () => {
      reads++;
      if (reads === 2) await clock.sleep(4_000);
      return readingOf({ records: reads });
    }, stop.signal);
    for (let second = 0; second < 45; second++) await clock.advance(1_000);
    stop.abort();
    await running;
    expect(series.points().map(({ at }) => at.slice(11, 19))).toEqual([
      '00:00:10',
      '00:00:24',
      '00:00:30',
      '00:00:40',
    ]);
  });

  it('reads counts from the instance, and lag and outbox only from an answer of log and store', () => {
    const { journaled, delivered } = setUp();
    const latencies = { journaled: journaled.counts(), delivered: delivered.counts() };
    const sync = {
      ...UNUSED_PARTS.status(),
      meters: {
        ...UNUSED_PARTS.status().meters,
        consumed: [
          { topic: 'order_events', type: 'ORDER', records: 4 },
          { topic: 'order_events', type: null, records: 3 },
        ],
        statesDue: 2,
      },
    };
    const without = seriesReadingOf(sync, null, latencies);
    expect(without.counts).toMatchObject({ records: 7, refused: 3, journaled: 0, due: 2, delivered: 0 });
    expect(without.levels).toEqual(NO_LEVELS);
    const silent = { ok: false, code: 'store_unreachable', reason: 'silent' } as const;
    const shared: SharedStatus = { atMs: 0, log: silent, store: silent };
    expect(seriesReadingOf(sync, shared, latencies).levels).toEqual(NO_LEVELS);
  });

  it('reads what the instance journaled, what its targets took, and what log and store hold', async () => {
    const { journaled, delivered } = setUp();
    const latencies = { journaled: journaled.counts(), delivered: delivered.counts() };
    const idle = UNUSED_PARTS.status();
    const attempts = (...counts: { outcome: string; attempts: number }[]) => ({ counts });
    const sync = {
      ...idle,
      ingest: { ...idle.ingest, journaled: 11, duplicates: 2 },
      deliveries: {
        crm: { delivered: 4, attempts: attempts({ outcome: 'delivered', attempts: 4 }) },
        mgt: {
          delivered: 3,
          attempts: attempts({ outcome: 'retry', attempts: 5 }, { outcome: 'dead', attempts: 1 }),
        },
      },
    } as unknown as typeof idle;
    const first = {
      kind: 'record',
      offset: 90n,
      timestampMs: NOW_MS - 7_000,
      timestampType: 'create',
    } as const;
    const { reading } = await lagWith([peeked({ first })]);
    const due = { first: { count: 5, isMore: false }, retries: { count: 2, isMore: false } };
    const answered = shared({ lag: reading, outboxes: [outbox(due), outbox({ ...due, target: 'crm' })] });
    const read = seriesReadingOf(sync, answered, latencies);
    expect(read.counts).toEqual({ ...NO_COUNTS, journaled: 11, duplicates: 2, delivered: 7, failed: 6 });
    expect(read.levels).toEqual({ lagMessages: 10, lagSeconds: 7, outboxPending: 14 });
    expect(read.latencies).toBe(latencies);
  });

  it('reads no lag while the log or the store is silent, and the outbox from the store alone', async () => {
    const { journaled, delivered } = setUp();
    const latencies = { journaled: journaled.counts(), delivered: delivered.counts() };
    const levels = (status: SharedStatus) => seriesReadingOf(UNUSED_PARTS.status(), status, latencies).levels;
    const silent = { ok: false, code: 'log_unreachable', reason: 'silent' } as const;
    expect(levels(shared())).toEqual({ lagMessages: 0, lagSeconds: 0, outboxPending: 0 });
    expect(levels({ ...shared(), log: silent })).toEqual({ ...NO_LEVELS, outboxPending: 0 });
    expect(levels({ ...shared(), store: silent })).toEqual(NO_LEVELS);
  });

  it('shows latencies in milliseconds with three digits behind the point, and no fall of a count', () => {
    const { series, readingOf, journaled, delivered } = setUp();
    journaled.add(45, 3, 0);
    delivered.add(95, 1, 0);
    series.take(readingOf({ records: 9, journaled: 8, duplicates: 7, refused: 6, due: 5, delivered: 4 }));
    series.take(readingOf({ records: 3, failed: 2 }));
    const [first, second] = series.points();
    expect(first).toMatchObject({
      ...{ records: 9, journaled: 8, duplicates: 7, refused: 6, due: 5, delivered: 4, failed: 0 },
      journaledMs: { p50: 45, p95: 49.5, p99: 49.9 },
      deliveredMs: { p50: 90, p95: 99, p99: 99.8 },
    });
    expect(second).toMatchObject({ ...NO_COUNTS, failed: 2, journaledMs: null, deliveredMs: null });
  });

  it('makes one long step of a standstill', async () => {
    const { series, readingOf, clock } = setUp();
    const stop = new AbortController();
    let reads = 0;
    const running = series.run(async () => {
      if (++reads === 1) await clock.sleep(55_000);
      return readingOf({ records: reads });
    }, stop.signal);
    for (let second = 0; second < 80; second++) await clock.advance(1_000);
    stop.abort();
    await running;
    // A reading comes at once after the standstill, and the next one 10 s later.
    expect(series.points().map(({ at }) => at.slice(14, 19))).toEqual(['01:05', '01:05', '01:15']);
    expect(reads).toBe(3);
  });

  it('rejects if a reading does', async () => {
    const { series, clock } = setUp();
    const running = series.run(
      () => Promise.reject(new TypeError('x is no y')),
      new AbortController().signal,
    );
    const rejected = expect(running).rejects.toThrow('x is no y');
    await clock.advance(10_000);
    await rejected;
    expect(series.points()).toEqual([]);
  });
});
