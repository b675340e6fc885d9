import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { type Endable, UnderWay } from '../../../src/adapters/http-delivery/under-way.ts';

const DEADLINE_MS = 1_000;

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }));
afterEach(() => void vi.useRealTimers());

const clock = { monotonicMs: () => performance.now() };

/** An attempt that notes how it ended, and when. */
class Noted implements Endable {
  previous: Endable | null = null;
  next: Endable | null = null;
  readonly startedMs = clock.monotonicMs();
  readonly signal: AbortSignal;
  readonly ends: string[] = [];
  readonly #underWay: UnderWay;

  constructor(underWay: UnderWay, signal = new AbortController().signal) {
    this.signal = signal;
    this.#underWay = underWay;
    underWay.add(this);
  }

  end(how: string): void {
    this.#underWay.remove(this);
    this.ends.push(`${how} after ${clock.monotonicMs() - this.startedMs} ms`);
  }

  stop(): void {
    this.end('stopped');
  }

  expire(): void {
    this.end('expired');
  }
}

it('each attempt ends at its own deadline, and not before', () => {
  const underWay = new UnderWay(clock, DEADLINE_MS);
  const attempts: Noted[] = [];
  for (let count = 0; count < 100; count++) {
    attempts.push(new Noted(underWay), new Noted(underWay));
    vi.advanceTimersByTime(37);
    // Every third attempt is answered while it is among the oldest, or in the middle, or the last.
    const answered = attempts[count - (count % 27)];
    if (count % 3 === 0 && answered?.ends.length === 0) answered.end('answered');
  }
  vi.advanceTimersByTime(DEADLINE_MS);
  const ends = attempts.flatMap((attempt) => attempt.ends);
  expect(ends).toHaveLength(attempts.length);
  const expired = ends.filter((end) => !end.startsWith('answered'));
  expect(expired.length).toBeGreaterThan(150);
  expect(new Set(expired)).toEqual(new Set([`expired after ${DEADLINE_MS} ms`]));
  expect(expired.length).toBeLessThan(attempts.length);
});

it('one timer serves all attempts, and none is set when no attempt is under way', () => {
  const underWay = new UnderWay(clock, DEADLINE_MS);
  const attempts = Array.from({ length: 10 }, () => new Noted(underWay));
  expect(vi.getTimerCount()).toBe(1);
  for (const attempt of attempts) attempt.end('answered');
  expect(vi.getTimerCount()).toBe(0);
  new Noted(underWay);
  expect(vi.getTimerCount()).toBe(1);
});

it('a signal that aborts stops its own attempts, and no others', () => {
  const underWay = new UnderWay(clock, DEADLINE_MS);
  const [one, other] = [new AbortController(), new AbortController()];
  const ofOne = [new Noted(underWay, one.signal), new Noted(underWay, one.signal)];
  const ofOther = new Noted(underWay, other.signal);
  ofOne.push(new Noted(underWay, one.signal));
  vi.advanceTimersByTime(400);
  one.abort();
  for (const attempt of ofOne) expect(attempt.ends).toEqual(['stopped after 400 ms']);
  expect(ofOther.ends).toEqual([]);
  vi.advanceTimersByTime(1_000);
  expect(ofOther.ends).toEqual([`expired after ${DEADLINE_MS} ms`]);
});

it('one timer is enough when the end of one attempt begins the next', () => {
  const underWay = new UnderWay(clock, DEADLINE_MS);
  const attempts: Successive[] = [];
  class Successive extends Noted {
    override expire(): void {
      super.expire();
      attempts.push(new Successive(underWay));
    }
  }
  for (let count = 0; count < 3; count++) {
    attempts.push(new Successive(underWay));
    vi.advanceTimersByTime(100);
  }
  vi.advanceTimersByTime(20 * DEADLINE_MS);
  expect(vi.getTimerCount()).toBe(1);
  const ends = attempts.flatMap((attempt) => attempt.ends);
  expect(ends.length).toBeGreaterThan(50);
  expect(new Set(ends)).toEqual(new Set([`expired after ${DEADLINE_MS} ms`]));
});
