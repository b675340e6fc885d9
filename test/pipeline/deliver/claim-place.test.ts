import { describe, expect, it } from 'vitest';
import { ClaimPlace } from '../../../src/pipeline/deliver/claim-place.ts';
import type { ClaimedDelivery } from '../../../src/ports/delivery-claims.ts';

function claimed(entityId: string): ClaimedDelivery {
  return {
    target: 't',
    entityId,
    version: 1,
    row: [],
    attempt: 1,
    isRetry: false,
    claimant: 'c',
    dueSinceMs: 7,
    deliveryNumber: null,
  };
}

describe('the place where the next claim begins', () => {
  it('the next claim begins behind the last one while there is more, and at the start when there is not', () => {
    const place = new ClaimPlace({ monotonicMs: () => 0 });
    expect(place.next()).toBeUndefined();
    place.moved([claimed('a'), claimed('b')], true);
    expect(place.next()).toMatchObject({ entityId: 'b' });
    place.moved([claimed('c')], false);
    expect(place.next()).toBeUndefined();
  });

  it('the next claim begins at the start once in three seconds, however many deliveries are due', () => {
    let nowMs = 0;
    const place = new ClaimPlace({ monotonicMs: () => nowMs });
    place.next();
    place.moved([claimed('a')], true);
    nowMs = 2_999;
    expect(place.next()).toMatchObject({ entityId: 'a' });
    nowMs = 3_000;
    expect(place.next()).toBeUndefined();
    place.moved([claimed('b')], true);
    nowMs = 3_500;
    expect(place.next()).toMatchObject({ entityId: 'b' });
  });
});
