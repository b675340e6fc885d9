import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { TributaryError } from '../../../src/core/errors.ts';
import { THREE_PAGES, VerifierPlace } from './verifier-place.ts';

const BETWEEN_PASSES_MS = 15_000;
const SECOND_PAGE = 'id 1099';
const THIRD_PAGE = 'id 1199';

const outage = () => new TributaryError('store_unreachable', 'No answer.');
const mistake = () => new TypeError('x is not a function');

describe('the passes of the verifier', () => {
  it('rest after a page 199 times as long as it took, between 50 ms and 10 s, and 15 s after the last page', async () => {
    for (const [workMs, restMs] of [
      [0, 50],
      [3, 597],
      [60, 10_000],
    ] as const) {
      const place = new VerifierPlace(THREE_PAGES);
      place.beforePage = () => place.clock.advance(workMs);
      place.verifier.start();
      expect(await place.rests(4)).toEqual([restMs, restMs, BETWEEN_PASSES_MS, restMs]);
      expect(place.asked.slice(0, 4)).toEqual([null, SECOND_PAGE, THIRD_PAGE, null]);
    }
  });

  it('end with a page that is not full, be it empty', async () => {
    const place = new VerifierPlace(THREE_PAGES.slice(0, 100));
    place.verifier.start();
    await place.rests(2);
    expect(place.asked).toEqual([null, SECOND_PAGE]);
    const empty = new VerifierPlace([]);
    empty.verifier.start();
    expect(await empty.rest()).toBe(BETWEEN_PASSES_MS);
    expect(empty.verifier.status()).toMatchObject({ compared: 0, passes: 1 });
  });

  it('count what was compared, in all and in the last whole pass', async () => {
    const place = new VerifierPlace(THREE_PAGES);
    const nothing = { repaired: 0, unfoldable: 0, differences: {} };
    expect(place.verifier.status()).toEqual({ compared: 0, passes: 0, ...nothing, lastPass: null });
    place.verifier.start();
    await place.rests(1);
    expect(place.verifier.status()).toEqual({ compared: 100, passes: 0, ...nothing, lastPass: null });
    await place.rests(2);
    const endedAtMs = place.clock.now();
    const lastPass = { endedAtMs, compared: 250, differences: {} };
    expect(place.verifier.status()).toEqual({ compared: 250, passes: 1, ...nothing, lastPass });
    await place.rests(2);
    expect(place.verifier.status()).toEqual({ compared: 450, passes: 1, ...nothing, lastPass });
    expect(place.logged).toEqual([]);
  });

  it('read the parked entities anew at their beginning only', async () => {
    const place = new VerifierPlace(THREE_PAGES);
    place.verifier.start();
    await place.rests(2);
    expect(place.parkedReads).toBe(1);
    await place.rests(2);
    expect(place.parkedReads).toBe(2);
  });

  it('go without rests after a rush, which begins with the first entity and is over with its pass', async () => {
    const place = new VerifierPlace(THREE_PAGES);
    place.verifier.start();
    await place.rest();
    // No time passes: the rest is cut short.
    place.verifier.rush();
    expect(await place.rest()).toBe(BETWEEN_PASSES_MS);
    expect(place.asked).toEqual([null, null, SECOND_PAGE, THIRD_PAGE]);
    expect(place.logged).toEqual(['info: The view is complete again: its rows were made from the journal.']);
    expect(await place.rests(3)).toEqual([50, 50, BETWEEN_PASSES_MS]);
    expect(place.logged).toHaveLength(1);
  });

  it('begin again after a rush in the middle of a page', async () => {
    const place = new VerifierPlace(THREE_PAGES);
    place.beforePage = (asked) => {
      if (asked === 2) place.verifier.rush();
    };
    place.verifier.start();
    expect(await place.rests(2)).toEqual([50, BETWEEN_PASSES_MS]);
    expect(place.asked).toEqual([null, SECOND_PAGE, null, SECOND_PAGE, THIRD_PAGE]);
  });

  it('stand still while the program writes no rows, and begin with the first entity then', async () => {
    const view = { writesRows: true, epoch: 1 };
    const place = new VerifierPlace(THREE_PAGES, { view });
    place.verifier.start();
    await place.rest();
    view.writesRows = false;
    expect(await place.rests(2)).toEqual([BETWEEN_PASSES_MS, BETWEEN_PASSES_MS]);
    expect(place.asked).toEqual([null]);
    view.writesRows = true;
    await place.rests(2);
    expect(place.asked).toEqual([null, null, SECOND_PAGE]);
  });

  it('end at once when the verifier is stopped, and do not begin after that', async () => {
    const place = new VerifierPlace(THREE_PAGES);
    place.verifier.start();
    place.verifier.start();
    await place.rest();
    await Promise.all([place.verifier.stop(), place.verifier.stop()]);
    place.verifier.start();
    expect(place.clock.sleepers).toBe(0);
    const never = new VerifierPlace(THREE_PAGES);
    await never.verifier.stop();
    never.verifier.start();
    for (let turn = 0; turn < 20; turn++) await setImmediate();
    expect([place.asked, never.asked]).toEqual([[null], []]);
  });

  it('end without a rest when the verifier is stopped in the middle of a page', async () => {
    const place = new VerifierPlace(THREE_PAGES);
    const stopped = Promise.withResolvers<void>();
    place.beforePage = () => void place.verifier.stop().then(stopped.resolve);
    place.verifier.start();
    await stopped.promise;
    expect([place.asked, place.clock.sleepers]).toEqual([[null], 0]);
  });
});

describe('a pass that fails', () => {
  it.each([
    [outage(), 'warn: The view cannot be compared with the journal just now: No answer.'],
    [
      new TributaryError('store_refused', 'It is read-only.'),
      'error: The view cannot be compared with the journal just now: It is read-only.',
    ],
  ])('logs the first of several failures in a row, and hands all of them on', async (error, line) => {
    const place = new VerifierPlace(THREE_PAGES);
    place.beforePage = (asked) => {
      if (asked >= 2 && asked <= 4) throw error;
    };
    place.verifier.start();
    await place.rests(5);
    expect(place.failures).toEqual([error, error, error]);
    expect(place.logged).toEqual([line]);
    expect(place.asked).toEqual([null, SECOND_PAGE, SECOND_PAGE, SECOND_PAGE, SECOND_PAGE]);
    place.beforePage = () => {
      throw error;
    };
    await place.rests(2);
    expect(place.logged).toEqual([line, line]);
  });

  it('begins again after a random time, which doubles from half a second to 15 s', async () => {
    const place = new VerifierPlace(THREE_PAGES);
    place.beforePage = () => {
      throw outage();
    };
    place.verifier.start();
    const rests = await place.rests(40);
    rests.forEach((ms, index) => {
      expect(ms).toBeLessThanOrEqual(Math.min(15_000, 500 * 2 ** index));
    });
    expect(Math.max(...rests)).toBeGreaterThan(10_000);
    expect(new Set(rests).size).toBeGreaterThan(30);
  });

  it('passes over the one entity that a defect strikes, and counts the defect', async () => {
    const place = new VerifierPlace(THREE_PAGES);
    const alone: string[] = [];
    place.beforeRead = (ids) => {
      if (ids.length === 1) alone.push(ids[0] as string);
      if (ids.includes('id 1150')) throw mistake();
    };
    place.verifier.start();
    expect(await place.rests(3)).toEqual([50, 50, BETWEEN_PASSES_MS]);
    expect(alone).toEqual(THREE_PAGES.slice(100, 200));
    expect(place.defects.status()).toMatchObject({
      count: 1,
      latest: [{ place: 'the comparison of a row with its journal', standsStill: false }],
    });
    expect(place.verifier.status()).toMatchObject({ compared: 250, passes: 1 });
    expect(place.failures).toEqual([]);
  });

  it('rests while a defect strikes each of several entities, but not for a single one', async () => {
    const place = new VerifierPlace(THREE_PAGES.slice(0, 2));
    place.beforeRead = () => {
      throw mistake();
    };
    place.verifier.start();
    await place.rest();
    expect(place.defects.health()).toMatchObject({
      reason: expect.stringContaining('A defect of Tributary stops the comparison of view and journal'),
    });
    expect(place.verifier.status()).toMatchObject({ compared: 0, passes: 0 });
    expect(place.failures).toEqual([]);
    place.beforeRead = () => {};
    await place.rest();
    expect(place.defects.health()).toEqual({ ok: true });
    expect(place.verifier.status()).toMatchObject({ compared: 2, passes: 1 });

    const single = new VerifierPlace(['id']);
    single.beforeRead = () => {
      throw mistake();
    };
    single.verifier.start();
    await single.rest();
    expect(single.verifier.status()).toMatchObject({ compared: 1, passes: 1 });
  });

  it('begins again with the whole page if the store fails while its entities are compared one by one', async () => {
    const place = new VerifierPlace(THREE_PAGES.slice(0, 3));
    place.beforeRead = (ids) => {
      throw ids.length === 1 ? outage() : mistake();
    };
    place.verifier.start();
    await place.rest();
    expect(place.failures).toHaveLength(1);
    expect(place.defects.status().count).toBe(0);
    expect(place.verifier.status()).toMatchObject({ compared: 0, passes: 0 });
  });
});
