import { expect, it } from 'vitest';
import type { ReconcileReport } from '../../../src/pipeline/reconcile/reconcile.ts';
import { SweepTally } from '../../../src/pipeline/reconcile/sweep-tally.ts';

function portion(isCaughtUp: boolean | null, facts: Partial<ReconcileReport> = {}): ReconcileReport {
  const counts = { compared: 1, inFlight: 0, dead: 0, madeDue: 0, healed: 0 };
  const state = { isSettled: true, isComplete: false, reached: 'a' };
  return { ...counts, ...state, differences: [], isCaughtUp, ...facts };
}

it.each([
  [[null, null], null],
  [[null, true], true],
  [[true, null], true],
  [[false, true], false],
  [[true, false], false],
])('a sweep with portions that were caught up as %j was caught up as %j', (portions, wanted) => {
  const tally = new SweepTally(0);
  for (const isCaughtUp of portions) tally.add(portion(isCaughtUp));
  expect(tally.isCaughtUp).toBe(wanted);
});

it('a sweep counts what became due by the calls alone, because a portion that fails gives no report', () => {
  const tally = new SweepTally(5);
  tally.addMadeDue(3);
  tally.add(portion(null, { madeDue: 3, healed: 2, dead: 1 }));
  tally.addMadeDue(4);
  expect(tally.result(9, null)).toMatchObject({
    beganAtMs: 5,
    endedAtMs: 9,
    outcome: 'complete',
    compared: 1,
    madeDue: 7,
    healed: 2,
    dead: 1,
  });
});
