import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AttemptTally } from '../../../src/pipeline/deliver/attempt-tally.ts';
import type { Judgement } from '../../../src/pipeline/deliver/blame.ts';
import { summaryOf } from '../../../src/pipeline/deliver/call-summary.ts';
import { nextOf } from '../../../src/pipeline/deliver/settlement.ts';
import type { ClaimedDelivery } from '../../../src/ports/delivery-claims.ts';
import type { DeliveryOutcome, DeliveryVerdict } from '../../../src/ports/delivery-target.ts';
import { holds } from '../../helpers/properties.ts';

const VERDICTS: readonly DeliveryVerdict[] = [
  'delivered',
  'retry',
  'throttle',
  'park',
  'disable',
  'unsent',
  'unknown',
  'disowned',
];

const outcomes: fc.Arbitrary<DeliveryOutcome> = fc.record({
  verdict: fc.constantFrom(...VERDICTS),
  status: fc.constantFrom(null, 102, 200, 201, 301, 400, 403, 404, 409, 422, 429, 500, 503, 599, 600, 42),
  latencyMs: fc.nat({ max: 30_000 }),
  answer: fc.constantFrom('', 'no'),
  error: fc.constantFrom(null, 'It failed.', 'It hung.'),
  retryAfterMs: fc.constantFrom(null, 0, 1_000, 60_000, 900_000, 900_001, 2 ** 45),
});

const claimed = (number: number) => ({ entityId: `entity ${number}` }) as ClaimedDelivery;

describe('the outcomes of calls', () => {
  it('counts of attempts are those of a list of all outcomes', () => {
    holds(
      fc.property(
        fc.array(outcomes, { maxLength: 60, size: 'max' }),
        fc.array(fc.nat({ max: 90_000 })),
        (list, calls) => {
          const tally = new AttemptTally();
          for (const { verdict, status } of list) tally.add(verdict, status);
          for (const durationMs of calls) tally.callEnded(durationMs);
          const { counts, calls: totals } = tally.status();
          const attempts = list.filter(({ verdict }) => verdict !== 'unsent' && verdict !== 'disowned');
          const classOf = ({ status }: DeliveryOutcome) => {
            if (status === null || status < 100 || status > 599) return 'none';
            return `${String(status)[0]}xx`;
          };
          const groups = Map.groupBy(attempts, (one) => `${one.verdict} ${classOf(one)}`);
          const found = counts.map((one) => [`${one.outcome} ${one.codeClass}`, one.attempts]);
          expect(new Map(found as [string, number][])).toEqual(
            new Map([...groups].map(([name, some]) => [name, some.length])),
          );
          expect(found).toHaveLength(groups.size);
          expect(totals.count).toBe(calls.length);
        },
      ),
      200,
    );
  });

  it('one call with many states says the same of the target as one call for each state', () => {
    holds(
      fc.property(fc.array(outcomes, { minLength: 1, maxLength: 12, size: 'max' }), (list) => {
        const group = list.map((_, index) => claimed(index));
        const whole = summaryOf(group, list);
        const single = group.map((delivery, index) => summaryOf([delivery], list.slice(index, index + 1)));
        const sum = (what: 'faults' | 'sent') => single.reduce((total, each) => total + each[what], 0);
        expect(whole).toEqual({
          taken: single.flatMap(({ taken }) => taken),
          refused: single.flatMap(({ refused }) => refused),
          faults: sum('faults'),
          sent: sum('sent'),
          askedMs: Math.max(...single.map(({ askedMs }) => askedMs)),
          trouble: single.findLast(({ trouble }) => trouble !== null)?.trouble ?? null,
          wantsNoMore: single.some(({ wantsNoMore }) => wantsNoMore),
          isDisowned: single.some(({ isDisowned }) => isDisowned),
        });
        const named = whole.taken.length + whole.refused.length + whole.faults;
        expect(whole.sent).toBe(named + list.filter(({ verdict }) => verdict === 'disable').length);
      }),
      300,
    );
  });

  it('states without an outcome count as failed without an answer', () => {
    holds(
      fc.property(fc.nat({ max: 5 }), fc.integer({ min: 1, max: 5 }), (given, missing) => {
        const list = Array.from({ length: given }, () => delivered);
        const group = Array.from({ length: given + missing }, (_, index) => claimed(index));
        expect(summaryOf(group, list)).toMatchObject({ faults: missing, sent: given + missing });
      }),
      30,
    );
  });
});

const delivered: DeliveryOutcome = {
  verdict: 'delivered',
  status: 200,
  latencyMs: 0,
  answer: '',
  error: null,
  retryAfterMs: null,
};

const judgements: fc.Arbitrary<Judgement> = fc.record({
  blames: fc.constantFrom<Judgement['blames']>('state', 'target'),
  mayPark: fc.boolean(),
  failures: fc.constantFrom(1, 2, 5, 40, 10_000),
});

describe('the next step of a delivery that failed', () => {
  it('waits as the target asks, no longer than a limit, and dies only of its own trouble', () => {
    const failed = outcomes.filter(({ verdict }) =>
      ['retry', 'throttle', 'park', 'disable'].includes(verdict),
    );
    const attempts = fc.constantFrom(1, 2, 5, 24, 25, 100);
    const chances = fc.constantFrom(0, 0.3, 1 - 2 ** -53);
    holds(
      fc.property(
        failed,
        judgements,
        attempts,
        fc.constantFrom(1, 2, 24),
        chances,
        (outcome, judgement, attempt, maxAttempts, random) => {
          const clock = { now: () => 5_000, random: () => random } as never;
          const backoff = { baseMs: 5_000, capMs: 6 * 3_600_000 };
          const delivery = { attempt } as ClaimedDelivery;
          const next = nextOf(delivery, outcome, judgement, { clock, backoff, maxAttempts });
          const isTargets = judgement.blames === 'target' || outcome.verdict === 'disable';
          const isGivenUp = attempt >= maxAttempts || (outcome.verdict === 'park' && judgement.mayPark);
          if (!isTargets && isGivenUp) {
            expect(next).toBe('dead');
            return;
          }
          if (next === 'dead' || typeof next === 'string') throw new Error('A state is given up too early.');
          const waitMs = next.retryAtMs - 5_000;
          const askedMs = Math.min(outcome.retryAfterMs ?? 0, isTargets ? 30_000 : 900_000);
          const limitMs = isTargets ? 30_000 : backoff.capMs;
          expect(waitMs).toBeGreaterThanOrEqual(askedMs);
          expect(waitMs).toBeLessThanOrEqual(Math.max(askedMs, limitMs));
          // The trouble of the target costs no attempt, but the first one, if another is left.
          expect(next.isCounted ?? true).toBe(!isTargets || (attempt === 1 && maxAttempts > 1));
        },
      ),
      400,
    );
  });
});
