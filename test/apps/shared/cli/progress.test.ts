import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { progressLine, startProgress } from '../../../../src/apps/shared/cli/progress.ts';
import { Collector } from './fake-host.ts';

describe('progressLine', () => {
  const unit = 'records';

  it('says how many are done, the rate and the time left', () => {
    expect(progressLine({ unit, done: 1_200, total: 5_000, elapsedMs: 3_000 })).toBe(
      '1200 of 5000 records (24%), 400/s, 10 s left',
    );
  });

  it('says minutes and hours where seconds would be hard to read', () => {
    expect(progressLine({ unit, done: 1, total: 101, elapsedMs: 1_000 })).toContain('1 min 40 s left');
    expect(progressLine({ unit, done: 1, total: 7_321, elapsedMs: 1_000 })).toContain('2 h 2 min left');
  });

  it('promises no time before anything is done', () => {
    expect(progressLine({ unit, done: 0, total: 10, elapsedMs: 1_000 })).toBe('0 of 10 records (0%), 0/s');
  });

  it('never says more than 100% when the total has grown', () => {
    expect(progressLine({ unit, done: 12, total: 10, elapsedMs: 1_000 })).toContain('(100%)');
    expect(progressLine({ unit, done: 0, total: 0, elapsedMs: 0 })).toContain('(100%)');
  });

  it('says only count and rate if the total is not known', () => {
    expect(progressLine({ unit: 'orders', done: 10, total: null, elapsedMs: 2_000 })).toBe('10 orders, 5/s');
  });

  it.each([
    [59, '59 s left'],
    [60, '1 min 0 s left'],
    [3_599, '59 min 59 s left'],
    [3_600, '1 h 0 min left'],
  ])('says of %i seconds %s', (seconds, words) => {
    expect(progressLine({ unit, done: 1, total: seconds + 1, elapsedMs: 1_000 })).toContain(`, ${words}`);
  });
});

describe('startProgress', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  function started({ isTTY = false, isQuiet = false, total = 100 as number | null } = {}) {
    const stderr = new Collector();
    stderr.isTTY = isTTY;
    const clock = { monotonicMs: () => Date.now() } as Parameters<typeof startProgress>[1]['clock'];
    const progress = startProgress({ host: { stderr }, isQuiet }, { unit: 'records', total, clock });
    return { progress, stderr };
  }

  it('writes a line every 5 s, and none after its end', () => {
    const { progress, stderr } = started();
    progress.update(50);
    vi.advanceTimersByTime(4_999);
    expect(stderr.text).toBe('');
    vi.advanceTimersByTime(1);
    expect(stderr.text).toBe('50 of 100 records (50%), 10/s, 5 s left\n');
    progress.stop();
    progress.stop();
    vi.advanceTimersByTime(60_000);
    expect(stderr.text.split('\n')).toHaveLength(2);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('writes one line again and again on a terminal, and clears it at its end', () => {
    const { progress, stderr } = started({ isTTY: true });
    progress.update(10);
    vi.advanceTimersByTime(400);
    expect(stderr.text.split('\r\u001b[2K')).toEqual([
      '',
      '10 of 100 records (10%), 50/s, 2 s left',
      '10 of 100 records (10%), 25/s, 4 s left',
    ]);
    progress.stop();
    expect(stderr.text.endsWith('\r\u001b[2K')).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('takes a new total, also one that is not known any more', () => {
    const { progress, stderr } = started({ total: null });
    progress.update(10, 40);
    vi.advanceTimersByTime(5_000);
    progress.update(20);
    vi.advanceTimersByTime(5_000);
    progress.update(30, null);
    vi.advanceTimersByTime(5_000);
    progress.stop();
    expect(stderr.text.trim().split('\n')).toEqual([
      '10 of 40 records (25%), 2/s, 15 s left',
      '20 of 40 records (50%), 2/s, 10 s left',
      '30 records, 2/s',
    ]);
  });

  it('writes nothing if the command is quiet', () => {
    const { progress, stderr } = started({ isQuiet: true, isTTY: true });
    progress.update(1);
    vi.advanceTimersByTime(60_000);
    progress.stop();
    expect(stderr.text).toBe('');
  });
});
