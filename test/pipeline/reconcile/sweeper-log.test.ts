import { describe, expect, it } from 'vitest';
import type { SweeperOptions } from '../../../src/pipeline/reconcile/sweeper.ts';
import { state } from './pair.ts';
import { EVERY_MS, MINUTE_MS, Place } from './sweeper-place.ts';

type Words = NonNullable<SweeperOptions['words']>;
const PARCELS = { plural: 'parcels' } as Words;

describe('the log of a sweeper', () => {
  /** The target holds a later version of b than the ledger and the view have, and an entity that nobody knows. */
  function strange(): Place {
    const place = new Place('a', 'b');
    place.pair.hold('b', 2);
    place.pair.hold('c');
    return place;
  }

  it('says that the database has lost versions for good once all of the log has been read', async () => {
    const place = strange();
    place.sweeper({ words: PARCELS, untilCaughtUp: async () => true }).start();
    await place.pass(1_000);
    await place.waits(2);
    expect(place.logged).toEqual([
      expect.stringMatching(
        /^error: warehouse holds later versions than this database has, and all of the log has been read: .*\(parcels "b" newer, "c" unexpected\) \{"unexpected":1,"newer":1\}$/,
      ),
    ]);
  });

  it.each([
    ['parcels', PARCELS],
    ['entities', undefined],
  ])(
    'names the %s that were never delivered, and does so again when their number changes',
    async (named, words) => {
      const place = strange();
      place.sweeper({ ...(words === undefined ? {} : { words }), untilCaughtUp: async () => false }).start();
      await place.pass(1_000);
      await place.waits(2);
      place.pair.hold('d');
      await place.waits(2);
      const told = (unexpected: number, names: string) =>
        'warn: warehouse holds states that were never delivered to it; order-sync reconcile lists them ' +
        `(${named} ${names}) {"unexpected":${unexpected},"newer":1}`;
      expect(place.logged).toEqual([
        told(1, '"b" newer, "c" unexpected'),
        told(2, '"b" newer, "c" unexpected, "d" unexpected'),
      ]);
    },
  );

  it('says the same of the same states once more when all of the log has been read meanwhile', async () => {
    const place = strange();
    let isCaughtUp = false;
    place.sweeper({ untilCaughtUp: async () => isCaughtUp }).start();
    await place.pass(1_000);
    await place.waits(1);
    isCaughtUp = true;
    await place.waits(2);
    expect(place.logged.map((line) => line.split(':')[0])).toEqual(['warn', 'error']);
  });

  it('names the states that are delivered again, with how each differed', async () => {
    const place = new Place('a', 'b', 'c');
    place.pair.held.delete('a');
    place.pair.owe('b', { deliveredVersion: 3 });
    place.pair.hold('c', 1, ['CHANGED', true]);
    place.pair.hold('d', 2);
    place.pair.viewed.set('d', state('d', 3));
    place.sweeper({ words: PARCELS }).start();
    await place.pass(1_000);
    await place.waits(1);
    expect(place.logged).toEqual([
      'warn: warehouse lacked states that were delivered to it: they are delivered again ' +
        '(parcels "a" missing, "b" older, "c" different, "d" unrecorded) ' +
        '{"missing":1,"older":1,"different":1,"unrecorded":1,"madeDue":4,"healed":4}',
    ]);
  });

  it('says nothing of lost versions where the states of the same version were replaced', async () => {
    const place = new Place('a');
    place.pair.hold('b', 2);
    place.pair.viewed.set('b', state('b', 2, ['DECLINED', false]));
    place.sweeper({ untilCaughtUp: async () => true }).start();
    await place.pass(1_000);
    await place.waits(1);
    expect(place.book.last).toMatchObject({ healed: 1, newer: 0 });
    expect(place.logged).toEqual([expect.stringMatching(/^warn: warehouse lacked states/)]);
  });

  it('stays empty while both sides agree', async () => {
    const place = new Place('a', 'b');
    place.sweeper().start();
    await place.pass(1_000);
    await place.waits(3);
    expect(place.logged).toEqual([]);
  });

  it('names the outcome of a sweep that could not compare', async () => {
    const place = new Place('a');
    place.pair.mood = 'target_unreachable';
    place.sweeper().start();
    await place.pass(1_000);
    await place.waits(1);
    expect(place.logged).toEqual([
      'info: warehouse could not be compared with the ledger: It is as target_unreachable says. {"outcome":"gave_up"}',
    ]);
  });
});

describe('the pace of a sweeper', () => {
  it('the wait is a second at least, however short the interval is', async () => {
    const place = new Place('a');
    place.sweeper({ everyMs: 1 }).start();
    await place.pass(1_000);
    for (const ms of await place.waits(3)) {
      expect(ms).toBeGreaterThanOrEqual(1_000);
      expect(ms).toBeLessThan(1_100);
    }
  });

  it('the lease of a long sweep is renewed every 20 s', async () => {
    const place = new Place('a');
    place.pair.mood = 'hangs';
    const atMs: number[] = [];
    const { claimSweep } = place.book.calls;
    const calls = {
      ...place.book.calls,
      claimSweep: (claim: Parameters<typeof claimSweep>[0]) => {
        atMs.push(place.clock.monotonicMs());
        return claimSweep(claim);
      },
    };
    place.sweeper({ store: { ...place.pair.store, ...calls } }).start();
    await place.pass(1.2 * EVERY_MS);
    await place.pass(5 * MINUTE_MS);
    const pauses = atMs.slice(1).map((ms, index) => ms - (atMs[index] as number));
    expect(pauses.length).toBeGreaterThan(10);
    expect(new Set(pauses)).toEqual(new Set([20_000]));
  });

  it('a sweep compares as many rows at a time as it was told', async () => {
    const place = new Place('a', 'b', 'c', 'd', 'e');
    place.sweeper({ pageRows: 2 }).start();
    await place.pass(1_000);
    await place.waits(1);
    expect(place.pair.asked).toEqual(['digest', 'digest', 'digest', 'page']);
  });

  it('everything that a sweep makes due names the epoch of the view', async () => {
    const place = new Place('a');
    place.pair.held.clear();
    const epochs: (number | undefined)[] = [];
    const makeDueAgain: SweeperOptions['store']['makeDueAgain'] = (due) => {
      epochs.push(due.viewEpoch);
      return place.pair.store.makeDueAgain(due);
    };
    const store = { ...place.pair.store, ...place.book.calls, makeDueAgain };
    place.sweeper({ store, viewEpoch: () => 7 }).start();
    await place.pass(1_000);
    await place.waits(1);
    expect(epochs).toEqual([7]);
  });

  it('a sweep waits for its deliveries for as long as it was told', async () => {
    const place = new Place('a');
    place.pair.held.clear();
    place.isDelivering = false;
    place.sweeper({ patienceMs: 3_000 }).start();
    await place.pass(1_000);
    await place.waits(1);
    const { beganAtMs = 0, endedAtMs = 0, outcome } = place.book.last ?? {};
    expect(outcome).toBe('gave_up');
    expect(endedAtMs - beganAtMs).toBeGreaterThanOrEqual(3_000);
    expect(endedAtMs - beganAtMs).toBeLessThan(5_000);
  });
});
