import { expect, it } from 'vitest';
import { ClaimAhead } from '../../../src/pipeline/deliver/claim-ahead.ts';
import type { ClaimedDelivery } from '../../../src/ports/delivery-claims.ts';

const claims = (...ids: string[]) => ids.map((entityId) => ({ entityId }) as ClaimedDelivery);

it('a disowned loop drops all that it has claimed or asked for, and keeps what it asks for later', () => {
  const ahead = new ClaimAhead(4, 2);
  expect(ahead.add('first', claims('a'), 10, false)).toEqual([]);
  expect(ahead.add('later', claims('b'), 11, false)).toEqual([]);
  expect(ahead.disown(20)).toEqual(claims('a', 'b'));
  expect(ahead.add('first', claims('c'), 19, false)).toEqual(claims('c'));
  expect(ahead.waiting).toBe(0);
  expect(ahead.add('first', claims('d'), 21, false)).toEqual([]);
  expect(ahead.waiting).toBe(1);
});
