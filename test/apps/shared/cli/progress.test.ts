import { describe, expect, it } from 'vitest';
import { progressLine } from '../../../../src/apps/shared/cli/progress.ts';

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
});
