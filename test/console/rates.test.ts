import { describe, expect, it } from 'vitest';
import { addSample, ratesOf, type Sample } from '../../console/src/api/rates.ts';
import { type StatusSample, topicRates } from '../../console/src/api/status-history.ts';

const sampled = (...counts: readonly (readonly [second: number, count: number])[]) =>
  counts.reduce<readonly Sample<'a'>[]>(
    (samples, [second, count]) => addSample(samples, { atMs: second * 1_000, counts: { a: count } }),
    [],
  );

describe('ratesOf', () => {
  it('knows nothing before there are two samples', () => {
    expect(ratesOf(sampled())).toBeNull();
    expect(ratesOf(sampled([0, 5]))).toBeNull();
  });

  it('divides the increase of the last ten seconds by the time', () => {
    expect(ratesOf(sampled([0, 0], [2, 20]))).toEqual({ a: 10 });
    expect(ratesOf(sampled([0, 0], [10, 1_000], [20, 1_050]))).toEqual({ a: 5 });
  });

  it('begins again with a count that fell, as after a restart of the program', () => {
    expect(ratesOf(sampled([0, 100], [2, 3]))).toBeNull();
    expect(ratesOf(sampled([0, 100], [2, 3], [4, 5]))).toEqual({ a: 1 });
  });
});

describe('topicRates', () => {
  const sample = (
    second: number,
    ends: Readonly<Record<string, readonly [end: number, next: number]>>,
  ): StatusSample => ({
    atMs: second * 1_000,
    partitions: new Map(
      Object.entries(ends).map(([name, [end, next]]) => [
        name,
        { topic: name.split('/')[0] ?? '', end, next, lagMessages: end - next, lagSeconds: 0 },
      ]),
    ),
  });

  it('sums the partitions of a topic', () => {
    const history = [
      sample(0, { 'a/0': [0, 0], 'a/1': [0, 0] }),
      sample(10, { 'a/0': [50, 40], 'a/1': [50, 10] }),
    ];
    expect(topicRates(history, 10_000).get('a')).toEqual({ arriving: 10, reading: 5 });
  });

  it('falls to nothing after the last change, because no status comes while nothing changes', () => {
    const history = [sample(0, { 'a/0': [0, 0] }), sample(10, { 'a/0': [100, 100] })];
    expect(topicRates(history, 20_000).get('a')).toEqual({ arriving: 0, reading: 0 });
  });

  it('knows no rate of a topic from one sample', () => {
    expect(topicRates([sample(0, { 'a/0': [9, 9] })], 0).get('a')).toBeNull();
    expect(topicRates([], 0).size).toBe(0);
  });
});
