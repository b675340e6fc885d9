import { describe, expect, it } from 'vitest';
import { Pair } from './pair.ts';

const idsOf = (count: number) =>
  Array.from({ length: count }, (_, index) => `id ${String(index).padStart(5, '0')}`);

describe('the pace of a healing sweep', () => {
  it.each([
    [1_100, 10_000, [500, 500, 100], 50],
    [7, 3.9, [3, 3, 1], 769],
    [3, 0.5, [1, 1, 1], 2_000],
  ])(
    '%i lost states become due at %d in a second, %j at once',
    async (count, perSecond, portions, pauseMs) => {
      const pair = new Pair(...idsOf(count));
      pair.held.clear();
      const atMs: number[] = [];
      pair.beforeMadeDue = () => atMs.push(pair.clock.monotonicMs());
      const told: number[] = [];
      const onMadeDue = (due: number) => {
        told.push(due);
        pair.deliver();
      };
      const report = await pair.reconcile({ heals: true, limit: count + 1, perSecond, onMadeDue });
      expect(report).toMatchObject({ madeDue: count, healed: count });
      expect([pair.madeDue.map(({ length }) => length), told]).toEqual([portions, portions]);
      const pauses = atMs.slice(1).map((ms, index) => Math.floor(ms - (atMs[index] as number)));
      expect(pauses).toEqual([pauseMs, pauseMs]);
    },
  );

  it('a delivery whose entry is gone from the ledger is not waited for', async () => {
    const pair = new Pair('a', 'b');
    pair.held.clear();
    const onMadeDue = () => {
      pair.owed.delete('a');
      pair.both('b');
    };
    const report = await pair.reconcile({ heals: true, onMadeDue, patienceMs: 2_000 });
    expect(report).toMatchObject({ isSettled: true, madeDue: 2 });
  });

  it('the wait for one delivery ends after the time that it was given', async () => {
    const pair = new Pair('a');
    pair.held.clear();
    const beganMs = pair.clock.monotonicMs();
    await pair.reconcile({ heals: true, patienceMs: 2_000, secondLookMs: 300 });
    expect(pair.clock.monotonicMs() - beganMs).toBe(300 + 2_000);
  });

  it('a sweep whose differences are exactly as many as its limit compares nothing twice', async () => {
    const pair = new Pair('a', 'b', 'c', 'd');
    pair.held.delete('b');
    pair.held.delete('c');
    const first = await pair.reconcile({ limit: 2 });
    const rest = await pair.reconcile({ limit: 2, after: first.reached });
    expect([first.compared + rest.compared, rest.differences, rest.isComplete]).toEqual([4, [], true]);
  });
});
