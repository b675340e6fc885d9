import { describe, expect, it } from 'vitest';
import type { Clock } from '../../src/ports/clock.ts';

export interface ClockHarness {
  readonly clock: Clock;
  /** Lets this time pass, in the way of this clock. */
  pass(ms: number): Promise<void>;
}

/** The promises of `src/ports/clock.ts`, each as a test that every clock passes. */
export function describeClock(name: string, open: () => ClockHarness): void {
  describe(`clock: ${name}`, () => {
    it('now() gives whole milliseconds since 1970', () => {
      const { clock } = open();
      expect(Number.isInteger(clock.now())).toBe(true);
      expect(clock.now()).toBeGreaterThan(Date.UTC(2025, 0, 1));
    });

    it('monotonicMs() never falls, and measures at least the time that was slept', async () => {
      const { clock, pass } = open();
      const before = clock.monotonicMs();
      const slept = clock.sleep(20);
      await pass(20);
      await slept;
      // A system timer may fire a fraction of a millisecond early by the finer clock.
      expect(clock.monotonicMs() - before).toBeGreaterThanOrEqual(19);
      let last = clock.monotonicMs();
      for (let i = 0; i < 1000; i += 1) {
        const next = clock.monotonicMs();
        expect(next).toBeGreaterThanOrEqual(last);
        last = next;
      }
    });

    it('sleeps end in the sequence of their wake-up times', async () => {
      const { clock, pass } = open();
      const woken: string[] = [];
      const sleeps = [
        clock.sleep(60).then(() => woken.push('late')),
        clock.sleep(0).then(() => woken.push('at once')),
        clock.sleep(30).then(() => woken.push('between')),
        clock.sleep(-5).then(() => woken.push('in the past')),
      ];
      await pass(60);
      await Promise.all(sleeps);
      expect(woken.slice(0, 2).sort()).toEqual(['at once', 'in the past']);
      expect(woken.slice(2)).toEqual(['between', 'late']);
    });

    it('a sleep ends when its signal aborts, before or during it, and never rejects', async () => {
      const { clock } = open();
      const hours = 9_000_000_000;
      await clock.sleep(hours, AbortSignal.abort());
      const controller = new AbortController();
      const slept = clock.sleep(hours, controller.signal);
      controller.abort(new Error('a reason that must not come out'));
      await expect(slept).resolves.toBeUndefined();
    });

    it('random() gives numbers in [0, 1) that fill the interval', () => {
      const { clock } = open();
      const numbers = Array.from({ length: 10_000 }, () => clock.random());
      expect(numbers.every((number) => number >= 0 && number < 1)).toBe(true);
      const tenths = new Set(numbers.map((number) => Math.floor(number * 10)));
      expect(tenths.size).toBe(10);
      const mean = numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
      expect(Math.abs(mean - 0.5)).toBeLessThan(0.05);
    });

    it('uuid() gives UUIDs of version 4, never the same twice', () => {
      const { clock } = open();
      const uuids = Array.from({ length: 1000 }, () => clock.uuid());
      for (const uuid of uuids) {
        expect(uuid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      }
      expect(new Set(uuids).size).toBe(1000);
    });
  });
}
