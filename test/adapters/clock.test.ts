import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { SeededClock } from '../../src/adapters/seeded-clock.ts';
import { systemClock } from '../../src/adapters/system-clock.ts';
import { describeClock } from '../contract/clock.ts';

describeClock('system', () => ({
  clock: systemClock,
  pass: async (ms) => {
    await pause(ms);
  },
}));

describeClock('seeded, by hand', () => {
  const clock = new SeededClock({ seed: 7 });
  return { clock, pass: (ms) => clock.advance(ms) };
});

describe('the seeded clock', () => {
  it('the same seed gives the same draws, and another seed gives others', () => {
    const draw = (seed: number) => {
      const clock = new SeededClock({ seed });
      return Array.from({ length: 20 }, () => [clock.random(), clock.uuid()]);
    };
    expect(draw(1)).toEqual(draw(1));
    expect(draw(1)).not.toEqual(draw(2));
    expect(draw(0)[0]).not.toEqual([0, expect.anything()]);
  });

  it('time stands still until it is moved, and the clock tells how many sleep and when the next one wakes', async () => {
    const clock = new SeededClock({ seed: 1, startMs: 1000 });
    let woken = false;
    void clock.sleep(50).then(() => {
      woken = true;
    });
    expect([clock.sleepers, clock.nextWakeMs]).toEqual([1, 50]);
    await clock.advance(49);
    expect([woken, clock.now(), clock.nextWakeMs]).toEqual([false, 1049, 1]);
    await clock.advance(1);
    expect([woken, clock.now(), clock.nextWakeMs]).toEqual([true, 1050, null]);
  });

  it('sleepers with one moment wake in the sequence in which they slept, and one that aborts wakes at once', async () => {
    const clock = new SeededClock({ seed: 1 });
    const woken: string[] = [];
    const stop = new AbortController();
    const sleeps = (name: string, ms: number, signal?: AbortSignal) =>
      void clock.sleep(ms, signal).then(() => woken.push(name));
    sleeps('first', 10);
    sleeps('aborted', 10, stop.signal);
    sleeps('second', 10);
    sleeps('earlier', 5);
    sleeps('third', 10);
    stop.abort();
    await clock.advance(0);
    expect([woken, clock.sleepers]).toEqual([['aborted'], 4]);
    await clock.advance(10);
    expect(woken).toEqual(['aborted', 'earlier', 'first', 'second', 'third']);
  });

  it('a loop that sleeps repeatedly runs through all of the time that is moved', async () => {
    const clock = new SeededClock({ seed: 1 });
    const moments: number[] = [];
    const stop = new AbortController();
    const loop = (async () => {
      while (!stop.signal.aborted) {
        await clock.sleep(10, stop.signal);
        moments.push(clock.monotonicMs());
      }
    })();
    await clock.advance(35);
    expect(moments).toEqual([10, 20, 30]);
    stop.abort();
    await loop;
    expect(clock.sleepers).toBe(0);
  });

  it('a sleep ends at once if time is to pass immediately, and lets other callbacks run first', async () => {
    const clock = new SeededClock({ seed: 1, time: 'immediately' });
    let othersTurn = false;
    setImmediate(() => {
      othersTurn = true;
    });
    await clock.sleep(3_600_000);
    await clock.sleep(5);
    expect(clock.monotonicMs()).toBe(3_600_005);
    expect(othersTurn).toBe(true);
  });

  it('a jump moves the wall clock alone', async () => {
    const clock = new SeededClock({ seed: 1, startMs: 10_000 });
    clock.jump(-4_000);
    expect([clock.now(), clock.monotonicMs()]).toEqual([6_000, 0]);
  });
});
