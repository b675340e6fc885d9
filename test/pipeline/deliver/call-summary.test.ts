import { describe, expect, it } from 'vitest';
import { summaryOf } from '../../../src/pipeline/deliver/call-summary.ts';
import type { ClaimedDelivery } from '../../../src/ports/delivery-claims.ts';
import type { DeliveryOutcome } from '../../../src/ports/delivery-target.ts';

const OUTCOME: DeliveryOutcome = {
  verdict: 'delivered',
  status: 200,
  latencyMs: 1,
  answer: '',
  error: null,
  retryAfterMs: null,
};
const RETRY: DeliveryOutcome = { ...OUTCOME, verdict: 'retry', status: 500, error: 'It is down.' };
const NOTHING = {
  taken: [],
  refused: [],
  faults: 0,
  sent: 0,
  askedMs: 0,
  trouble: null,
  wantsNoMore: false,
  isDisowned: false,
};

function summary(...outcomes: readonly (Partial<DeliveryOutcome> | undefined)[]) {
  const group = outcomes.map((_, index) => ({ entityId: `order-${index}` }) as ClaimedDelivery);
  const whole = outcomes.map((outcome) => (outcome === undefined ? undefined : { ...OUTCOME, ...outcome }));
  const { taken, refused, ...rest } = summaryOf(group, whole as DeliveryOutcome[]);
  const indexes = (found: readonly ClaimedDelivery[]) => found.map((one) => group.indexOf(one));
  return { ...rest, taken: indexes(taken), refused: indexes(refused) };
}

describe('the summary of a call', () => {
  it('tells taken states from refused ones and from faults of the target', () => {
    expect(summary({}, { ...RETRY, verdict: 'park', status: 422 }, RETRY, {})).toEqual({
      ...NOTHING,
      taken: [0, 3],
      refused: [1],
      faults: 1,
      sent: 4,
      trouble: 'It is down.',
    });
  });

  it('counts a state that was not sent as nothing', () => {
    expect(summary({ ...RETRY, verdict: 'unsent' }, { ...RETRY, verdict: 'unknown' })).toEqual(NOTHING);
    expect(summary({ ...RETRY, verdict: 'disowned' })).toEqual({ ...NOTHING, isDisowned: true });
  });

  it('notes that the target wants no more, which is neither a fault nor a refusal', () => {
    expect(summary({ ...RETRY, verdict: 'disable', status: 410 })).toEqual({
      ...NOTHING,
      sent: 1,
      trouble: 'It is down.',
      wantsNoMore: true,
    });
  });

  it('asks for the longest pause of those that throttle', () => {
    const throttle = (retryAfterMs: number | null) =>
      ({ ...RETRY, verdict: 'throttle', retryAfterMs }) as const;
    expect(summary(throttle(2_000), throttle(5_000), throttle(null))).toMatchObject({
      askedMs: 5_000,
      faults: 3,
    });
    expect(summary({ ...RETRY, retryAfterMs: 9_000 })).toMatchObject({ askedMs: 0, faults: 1 });
  });

  it('takes a missing outcome for a fault', () => {
    expect(summary(undefined)).toEqual({
      ...NOTHING,
      faults: 1,
      sent: 1,
      trouble: 'The target gave no outcome for this state.',
    });
  });
});
