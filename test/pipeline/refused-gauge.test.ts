import { describe, expect, it } from 'vitest';
import { SeededClock } from '../../src/adapters/seeded-clock.ts';
import { TributaryError } from '../../src/core/errors.ts';
import { RefusedGauge } from '../../src/pipeline/refused-gauge.ts';
import type { RefusedCounts } from '../../src/ports/quarantine.ts';

const COUNTS: RefusedCounts = {
  quarantined: [
    { topic: 'order_events', reason: 'json_invalid', records: 150 },
    { topic: 'payment_events', reason: 'key_missing', records: 50 },
  ],
  deadDeliveries: [{ target: 'order-mgt', deliveries: 7 }],
};

/** Runs a gauge whose counts each take `countTakesMs` of the store, until `times` counts were asked for. */
async function runGauge(counts: () => RefusedCounts, countTakesMs: number, times: number) {
  const clock = new SeededClock({ seed: 1, time: 'immediately' });
  const over = new AbortController();
  const askedMs: number[] = [];
  const logged: string[] = [];
  const store = {
    async refusedCounts() {
      askedMs.push(clock.monotonicMs());
      if (askedMs.length === times) over.abort();
      await clock.sleep(countTakesMs);
      return counts();
    },
  };
  const fields: unknown[] = [];
  const gauge = new RefusedGauge(store, clock, (level, message, facts) => {
    logged.push(`${level}: ${message}`);
    fields.push(facts);
  });
  await gauge.run(over.signal);
  return { gauge, askedMs, logged, fields };
}

describe('the gauge of what was refused', () => {
  it('the status shows what the store holds, from the first count on', async () => {
    const { gauge } = await runGauge(() => COUNTS, 0, 1);
    expect(gauge.status()).toEqual({
      ...COUNTS,
      quarantinedRecords: 200,
      countedAt: '2026-01-01T00:00:00.000Z',
    });
    expect(gauge.warnings()).toEqual([
      'Quarantine holds 200 records: see order-sync quarantine.',
      '7 deliveries to order-mgt are dead: see order-sync dead-letters.',
    ]);
  });

  it('the start logs once what is there from before', async () => {
    const { logged } = await runGauge(() => COUNTS, 0, 5);
    expect(logged).toEqual([
      expect.stringContaining(
        'warn: Quarantine holds 200 records from before this start: 150 of order_events for json_invalid, 50 of payment_events for key_missing.',
      ),
      expect.stringContaining('warn: 7 deliveries to order-mgt are dead since before this start'),
    ]);
  });

  it('nothing is logged where nothing was refused', async () => {
    const { gauge, logged } = await runGauge(() => ({ quarantined: [], deadDeliveries: [] }), 0, 3);
    expect(logged).toEqual([]);
    expect(gauge.warnings()).toEqual([]);
  });

  it('a count comes every 10 s at most, and the counts take at most a hundredth of the time', async () => {
    const gaps = (askedMs: readonly number[]) =>
      askedMs.slice(1).map((ms, index) => ms - (askedMs[index] ?? 0));
    expect(gaps((await runGauge(() => COUNTS, 5, 3)).askedMs)).toEqual([10_005, 10_005]);
    expect(gaps((await runGauge(() => COUNTS, 2_000, 3)).askedMs)).toEqual([202_000, 202_000]);
  });

  it('the last count stays while the store does not answer', async () => {
    let isDown = false;
    const { gauge, logged } = await runGauge(
      () => {
        if (isDown) throw new TributaryError('store_unreachable', 'The store is away.');
        isDown = true;
        return COUNTS;
      },
      0,
      3,
    );
    expect(gauge.status()?.quarantinedRecords).toBe(200);
    expect(logged.slice(2)).toEqual(
      Array(2).fill('debug: Refused records and dead deliveries could not be counted: The store is away.'),
    );
  });

  it('nothing is known and no warning given before the first count', () => {
    const clock = new SeededClock({ seed: 1 });
    const gauge = new RefusedGauge({ refusedCounts: async () => COUNTS }, clock, () => {});
    expect([gauge.status(), gauge.warnings()]).toEqual([null, []]);
  });

  it('the lines at the start have the counts as fields', async () => {
    const { fields } = await runGauge(() => COUNTS, 0, 1);
    expect(fields).toEqual([{ records: 200 }, { deliveries: 7, target: 'order-mgt' }]);
  });

  it.each([
    [5, '1 of topic-4 for json_invalid. List'],
    [6, '1 of topic-4 for json_invalid and 1 more kinds. List'],
  ])('the first of %i kinds are named, and the others counted', async (kinds, end) => {
    const quarantined = Array.from({ length: kinds }, (_, index) => ({
      topic: `topic-${index}`,
      reason: 'json_invalid',
      records: 1,
    }));
    const { logged } = await runGauge(() => ({ quarantined, deadDeliveries: [] }), 0, 1);
    expect(logged[0]).toContain(end);
  });

  it.each([1, 2])('a mistake of the program at count %i ends the gauge', async (at) => {
    let counted = 0;
    const counts = () => {
      if (++counted === at) throw new TypeError('x is not a function');
      return COUNTS;
    };
    await expect(runGauge(counts, 0, 3)).rejects.toThrow(TypeError);
  });

  it('dead deliveries are logged once, also where no record was refused', async () => {
    const { logged } = await runGauge(() => ({ ...COUNTS, quarantined: [] }), 0, 3);
    expect(logged).toEqual([expect.stringContaining('7 deliveries to order-mgt are dead since before')]);
  });
});
