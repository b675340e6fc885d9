import { describe, expect, it } from 'vitest';
import type { SweeperOptions } from '../../../src/pipeline/reconcile/sweeper.ts';
import { EVERY_MS, MINUTE_MS, Place } from './sweeper-place.ts';

describe('a sweeper', () => {
  it('every sweep brings back what the target lost, and its result says what it found', async () => {
    const place = new Place('a', 'b', 'c');
    place.pair.owe('e', { status: 'dead' });
    place.pair.owe('f', { status: 'pending' });
    const sweeper = place.sweeper();
    sweeper.start();
    await place.pass(1_000);
    expect(sweeper.status()).toEqual({ everyMs: EVERY_MS, isUnderWay: false, last: null });

    place.pair.held.delete('a');
    place.pair.hold('b', 1, ['CHANGED', true]);
    place.pair.hold('d');
    await place.waits(1);
    expect(sweeper.status().last).toEqual({
      beganAtMs: expect.any(Number),
      endedAtMs: expect.any(Number),
      outcome: 'complete',
      error: null,
      compared: 3,
      inFlight: 1,
      dead: 1,
      missing: 1,
      older: 0,
      different: 1,
      unrecorded: 0,
      unexpected: 1,
      newer: 0,
      madeDue: 2,
      healed: 2,
    });
    expect(place.pair.madeDue).toEqual([['a', 'b']]);
    expect(place.logged.filter((line) => line.includes('"healed":2'))).toHaveLength(1);

    place.pair.held.delete('c');
    await place.waits(1);
    expect(sweeper.status().last).toMatchObject({ missing: 1, madeDue: 1, healed: 1 });
    expect(await place.pair.verdicts()).toEqual([['d', 'unexpected']]);
    // Differences that it cannot heal are logged once while they stay the same.
    expect(place.logged.filter((line) => line.includes('never delivered'))).toHaveLength(1);
    expect(place.logged).toHaveLength(3);
  });

  it('a sweeper waits for its interval, give or take a tenth, from the end of the last sweep', async () => {
    const place = new Place('a');
    place.sweeper().start();
    await place.pass(1_000);
    const waits = await place.waits(8);
    for (const ms of waits) {
      expect(ms).toBeGreaterThanOrEqual(0.9 * EVERY_MS);
      expect(ms).toBeLessThanOrEqual(1.1 * EVERY_MS + 2_000);
    }
    expect(new Set(waits).size).toBeGreaterThan(4);
    expect(Math.max(...waits) - Math.min(...waits)).toBeGreaterThan(0.05 * EVERY_MS);
  });

  it('a sweeper goes on with the wait that the instance before it had begun', async () => {
    const place = new Place('a');
    place.book.waitsSinceMs = place.clock.now() - EVERY_MS - MINUTE_MS;
    place.sweeper().start();
    await place.pass(2_000);
    expect(place.book.last).toMatchObject({ outcome: 'complete' });
  });

  it.each([
    ['was set back', 365 * 24 * 60 * MINUTE_MS],
    ['is behind that of the instance before', 0.9 * EVERY_MS],
  ])('a sweeper waits for its interval if its clock %s', async (_, aheadMs) => {
    const place = new Place('a');
    place.book.waitsSinceMs = place.clock.now() + aheadMs;
    place.sweeper().start();
    await place.pass(0.85 * EVERY_MS);
    expect(place.book.last).toBeNull();
    await place.pass(0.3 * EVERY_MS);
    expect(place.book.last).toMatchObject({ outcome: 'complete' });
  });

  it('several sweepers make each sweep once, and all know its result', async () => {
    const place = new Place('a', 'b');
    const sweepers = [place.sweeper(), place.sweeper(), place.sweeper()];
    for (const sweeper of sweepers) sweeper.start();
    await place.pass(1_000);
    await place.waits(4);
    await place.pass(MINUTE_MS);
    expect(place.book.claims).toHaveLength(4);
    expect(new Set(place.book.claims).size).toBe(4);
    for (const sweeper of sweepers) expect(sweeper.status().last).toEqual(place.book.last);
  });

  it('lost states are made due portion by portion, and each portion is delivered before the next', async () => {
    const ids = Array.from({ length: 23 }, (_, number) => `id ${String(number).padStart(2, '0')}`);
    const place = new Place(...ids);
    place.pair.held.clear();
    place.isDelivering = false;
    const sweeper = place.sweeper({ portion: 5, pageRows: 7 });
    sweeper.start();
    await place.pass(1.2 * EVERY_MS);
    // Nobody delivers yet, so the first portion alone becomes due, and the sweep gives up after a while.
    expect(place.pair.madeDue).toEqual([ids.slice(0, 5)]);
    expect(sweeper.status().last).toMatchObject({
      outcome: 'gave_up',
      error: expect.stringContaining('neither delivered nor dead'),
      missing: 5,
      madeDue: 5,
      healed: 0,
    });

    place.isDelivering = true;
    place.pair.deliver();
    await place.waits(1);
    expect(place.pair.madeDue.slice(1).map(({ length }) => length)).toEqual([5, 5, 5, 3]);
    expect(sweeper.status().last).toMatchObject({
      outcome: 'complete',
      compared: 23,
      missing: 18,
      healed: 18,
    });
    expect(await place.pair.verdicts()).toEqual([]);
  });

  it('the portions follow each other at the rate, neither sooner nor much later', async () => {
    const ids = Array.from({ length: 20 }, (_, number) => `id ${String(number).padStart(2, '0')}`);
    const place = new Place(...ids);
    place.pair.held.clear();
    const atMs: number[] = [];
    place.pair.beforeMadeDue = () => atMs.push(place.clock.monotonicMs());
    place.sweeper({ portion: 4, perSecond: 2 }).start();
    await place.pass(1.2 * EVERY_MS);
    expect(place.pair.madeDue.flat()).toEqual(ids);
    for (let index = 1; index < atMs.length; index++) {
      const waitedMs = (atMs[index] as number) - (atMs[index - 1] as number);
      expect(waitedMs).toBeGreaterThanOrEqual(1_000);
      // Each portion looks twice, a quarter of a second apart.
      expect(waitedMs).toBeLessThanOrEqual(1_500);
    }
  });

  it('a sweep does not begin while the breaker is open, and gives up when it opens', async () => {
    const place = new Place('a');
    place.pair.held.clear();
    place.isShut = true;
    const sweeper = place.sweeper();
    sweeper.start();
    await place.pass(2 * EVERY_MS);
    expect(place.pair.asked).toEqual([]);
    expect(place.book.claims).toEqual([]);

    place.isShut = false;
    place.pair.mood = 'hangs';
    await place.pass(40_000);
    expect(place.pair.asked).toEqual(['digest']);
    expect(sweeper.status().isUnderWay).toBe(true);
    place.isShut = true;
    await place.pass(2_000);
    expect(sweeper.status()).toMatchObject({
      isUnderWay: false,
      last: { outcome: 'gave_up', error: expect.stringContaining('breaker') },
    });
    expect(place.pair.madeDue).toEqual([]);
  });

  it.each([
    ['target_unreachable', 'gave_up', 5 * MINUTE_MS, 'info', EVERY_MS],
    ['target_unreachable', 'gave_up', MINUTE_MS, 'info', MINUTE_MS],
    ['holdings_not_offered', 'not_offered', EVERY_MS, 'info', EVERY_MS],
    ['target_answer_invalid', 'failed', EVERY_MS, 'warn', EVERY_MS],
  ] as const)(
    'the outcome %s is logged once, and the sweeper sweeps again',
    async (code, outcome, againMs, level, everyMs) => {
      const place = new Place('a');
      place.pair.mood = code;
      const sweeper = place.sweeper({ everyMs });
      sweeper.start();
      await place.pass(1_000);
      await place.waits(1);
      const waits = await place.waits(3);
      for (const ms of waits) expect(Math.abs(ms - againMs)).toBeLessThanOrEqual(0.1 * againMs + 2_000);
      expect(sweeper.status().last).toMatchObject({ outcome, error: `It is as ${code} says.`, compared: 0 });
      expect(place.logged).toEqual([expect.stringMatching(`^${level}: .*It is as ${code} says`)]);

      place.pair.mood = 'answers';
      place.pair.held.clear();
      await place.waits(1);
      expect(sweeper.status().last).toMatchObject({ outcome: 'complete', error: null, healed: 1 });
      place.pair.mood = code;
      await place.waits(1);
      expect(place.logged.filter((line) => line.includes(code))).toHaveLength(2);
    },
  );

  it('the result of a sweep keeps what was made due when the target goes down half way', async () => {
    const place = new Place('a', 'b', 'c');
    place.pair.held.clear();
    place.pair.beforeMadeDue = () => {
      place.pair.mood = 'target_unreachable';
    };
    const sweeper = place.sweeper();
    sweeper.start();
    await place.pass(1_000);
    await place.waits(1);
    expect(sweeper.status().last).toMatchObject({ outcome: 'gave_up', madeDue: 3, healed: 0 });
    expect(place.logged[0]).toContain('"madeDue":3');
  });

  it('a sweeper can be stopped in the middle of a sweep, which the next one takes up', async () => {
    const place = new Place('a');
    place.pair.mood = 'hangs';
    const sweeper = place.sweeper();
    sweeper.start();
    sweeper.start();
    await place.pass(1.2 * EVERY_MS);
    expect(sweeper.status().isUnderWay).toBe(true);
    // No time passes: the stop waits for nothing.
    await Promise.all([sweeper.stop(), sweeper.stop()]);
    expect(place.book).toMatchObject({ holder: null, last: null });
    expect(place.logged).toEqual([]);
    sweeper.start();

    place.pair.mood = 'answers';
    place.pair.held.clear();
    place.sweeper().start();
    await place.pass(2_000);
    expect(place.book.last).toMatchObject({ healed: 1 });
    expect(place.book.claims).toHaveLength(2);
  });

  it('a sweeper that is stopped in the middle of a sweep still tells what the last one found', async () => {
    const place = new Place('a');
    place.pair.held.clear();
    const sweeper = place.sweeper();
    sweeper.start();
    await place.pass(1_000);
    await place.waits(1);
    place.pair.mood = 'hangs';
    await place.pass(1.2 * EVERY_MS);
    expect(sweeper.status().isUnderWay).toBe(true);
    await sweeper.stop();
    expect(sweeper.status()).toMatchObject({ isUnderWay: false, last: { outcome: 'complete', healed: 1 } });
  });

  it('a stopped sweeper makes nothing more due', async () => {
    const place = new Place('a', 'b', 'c', 'd', 'e', 'f');
    place.pair.held.clear();
    const sweeper = place.sweeper({ perSecond: 1 });
    let madeDue = 0;
    const stopped = Promise.withResolvers<void>();
    place.pair.beforeMadeDue = () => {
      madeDue++;
      if (madeDue === 2) void sweeper.stop().then(stopped.resolve);
    };
    sweeper.start();
    await place.pass(1.2 * EVERY_MS);
    await stopped.promise;
    expect(place.pair.madeDue).toEqual([['a'], ['b']]);
  });

  it('a sweeper does nothing after it was stopped, and can be stopped while it waits', async () => {
    const place = new Place('a');
    const never = place.sweeper();
    await never.stop();
    never.start();
    const waiting = place.sweeper();
    waiting.start();
    await place.pass(1_000);
    await waiting.stop();
    await never.stop();
    await place.pass(3 * EVERY_MS);
    expect(place.book.claims).toEqual([]);
    expect(place.clock.sleepers).toBe(0);
  });

  it('a sweeper keeps its lease during its sweep, and ends when another has it', async () => {
    const place = new Place('a', 'b');
    place.pair.mood = 'hangs';
    const [first, second] = [place.sweeper(), place.sweeper()];
    first.start();
    second.start();
    await place.pass(1.2 * EVERY_MS);
    await place.pass(5 * MINUTE_MS);
    expect(place.book.claims).toHaveLength(1);
    const stopped = [first, second].filter((sweeper) => sweeper.status().isUnderWay);
    expect(stopped).toHaveLength(1);

    // Another instance has the lease, as if this process had stood still past its end.
    place.book.holder = 'another';
    place.book.leasedUntilMs = place.clock.now() + MINUTE_MS;
    await place.pass(30_000);
    expect(stopped[0]?.status()).toMatchObject({ isUnderWay: false, last: null });
    expect(place.book).toMatchObject({ holder: 'another', last: null, endings: [null] });
    expect(place.logged).toEqual([]);
  });

  it('a sweeper goes on after each outage of the store, which is logged once', async () => {
    const place = new Place('a');
    place.pair.held.clear();
    place.book.troubles = 4;
    const sweeper = place.sweeper();
    sweeper.start();
    await place.pass(MINUTE_MS);
    await place.waits(1);
    expect(sweeper.status().last).toMatchObject({ outcome: 'complete', healed: 1 });
    expect(place.logged.filter((line) => line.includes('does not answer'))).toHaveLength(1);
    place.book.troubles = 2;
    await place.pass(MINUTE_MS);
    expect(place.logged.filter((line) => line.includes('does not answer'))).toHaveLength(2);
  });

  it('a sweep that the store fails in the middle has no result, and is made again', async () => {
    const place = new Place('a');
    place.pair.mood = 'hangs';
    const sweeper = place.sweeper();
    sweeper.start();
    await place.pass(1.2 * EVERY_MS);
    place.book.troubles = 1;
    await place.pass(30_000);
    expect(sweeper.status()).toMatchObject({ isUnderWay: false, last: null });
    expect(place.logged).toEqual([
      expect.stringMatching(/^warn: A sweep of warehouse cannot go on just now/),
    ]);

    place.pair.mood = 'answers';
    await place.pass(2 * MINUTE_MS);
    expect(sweeper.status().last).toMatchObject({ outcome: 'complete', error: null });
  });

  it('a sweeper sweeps again after defects, which are logged once and not as an outage', async () => {
    const place = new Place('a', 'b');
    place.pair.held.clear();
    let isBroken = true;
    const listOwed: SweeperOptions['store']['listOwed'] = async (page) => {
      if (isBroken) throw new TypeError('x is not a function');
      return place.pair.store.listOwed(page);
    };
    const sweeper = place.sweeper({ store: { ...place.pair.store, ...place.book.calls, listOwed } });
    sweeper.start();
    await place.pass(EVERY_MS + 5 * MINUTE_MS);
    expect(sweeper.status()).toMatchObject({ isUnderWay: false, last: null });
    expect(
      place.logged.filter((line) =>
        line.startsWith('error: A defect of Tributary in the sweeps of warehouse'),
      ),
    ).toHaveLength(1);
    expect(place.logged.filter((line) => line.startsWith('warn'))).toEqual([]);

    isBroken = false;
    await place.pass(3 * MINUTE_MS);
    expect(sweeper.status().last).toMatchObject({ outcome: 'complete', healed: 2 });
  });
});
