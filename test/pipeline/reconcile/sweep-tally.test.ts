import { describe, expect, it } from 'vitest';
import { TributaryError } from '../../../src/core/errors.ts';
import type { Verdict } from '../../../src/pipeline/reconcile/comparison.ts';
import type { ReconcileReport } from '../../../src/pipeline/reconcile/reconcile.ts';
import { isOfTarget, SweepTally } from '../../../src/pipeline/reconcile/sweep-tally.ts';

const report = (facts: Partial<ReconcileReport> = {}): ReconcileReport =>
  ({
    compared: 10,
    inFlight: 1,
    dead: 2,
    // Not added up: a portion that fails gives no report, so what became due is told by itself.
    madeDue: 9,
    healed: 3,
    differences: [],
    isComplete: false,
    isCaughtUp: null,
    ...facts,
  }) as ReconcileReport;
const differing = (...verdicts: Verdict[]) =>
  verdicts.map((verdict, index) => ({
    verdict,
    entityId: `e${index}`,
  })) as unknown as ReconcileReport['differences'];

describe('the tally of a sweep', () => {
  it('adds up its portions, and what became due although a portion failed', () => {
    const tally = new SweepTally(100);
    tally.addMadeDue(4);
    tally.add(report({ differences: differing('missing', 'older', 'missing') }));
    tally.add(report({ isComplete: true, differences: differing('newer') }));
    tally.addMadeDue(1);
    expect(tally.result(200, null)).toEqual({
      beganAtMs: 100,
      endedAtMs: 200,
      outcome: 'complete',
      error: null,
      compared: 20,
      inFlight: 2,
      dead: 4,
      healed: 6,
      madeDue: 5,
      missing: 2,
      older: 1,
      different: 0,
      unrecorded: 0,
      unexpected: 0,
      newer: 1,
    });
    expect(tally.isComplete).toBe(true);
  });

  it('keeps the first five examples', () => {
    const tally = new SweepTally(0);
    tally.add(report({ differences: differing('missing', 'older', 'different') }));
    tally.add(report({ differences: differing('newer', 'unexpected', 'missing') }));
    expect(tally.examples).toBe('"e0" missing, "e1" older, "e2" different, "e0" newer, "e1" unexpected');
  });

  it.each([
    [[null, null], null],
    [[true, null], true],
    [[null, true, true], true],
    [[true, false, true], false],
    [[false, null], false],
  ])('says whether all of the log was known in each portion that depended on it: %j', (portions, all) => {
    const tally = new SweepTally(0);
    for (const isCaughtUp of portions) tally.add(report({ isCaughtUp }));
    expect(tally.isCaughtUp).toBe(all);
  });

  it.each([
    ['holdings_not_offered', 'not_offered', true],
    ['target_answer_invalid', 'failed', true],
    ['target_unreachable', 'gave_up', true],
    ['store_unreachable', 'gave_up', false],
  ] as const)('%s makes the outcome %s; of the target: %s', (code, outcome, ofTarget) => {
    const error = new TributaryError(code, 'x'.repeat(2_000));
    expect(new SweepTally(0).result(1, error)).toMatchObject({ outcome, error: 'x'.repeat(1_000) });
    expect(isOfTarget(error)).toBe(ofTarget);
    expect(isOfTarget(new Error('A mistake.'))).toBe(false);
  });
});
