import { expect } from 'vitest';
import type { Happening, Program, World } from './world.ts';

export const created = (orderId: string): Happening => ({ orderId, status: null, minute: 0 });
export const paid = (orderId: string, status: Happening['status'], minute: number): Happening => ({
  orderId,
  status,
  minute,
});
/** An order whose review is declined. The buggy fold takes it for accepted, and sends it. */
export const declined = (orderId: string) => [
  created(orderId),
  paid(orderId, 'PAYMENT_AUTH_WITHPENDING_REVIEW', 1),
  paid(orderId, 'AUTHORIZATION_REVIEW_DECLINED', 2),
];
export const accepted = (orderId: string) => [created(orderId), paid(orderId, 'PAYMENT_AUTHORIZED', 1)];

/** Every order whose state was ever sent, or is ready, has the state of the fold at the target. */
export async function expectRightAt(world: World, program: Program): Promise<void> {
  const folded = await program.folded();
  for (const [orderId, { row, version, isReady }] of folded) {
    expect((await program.rows()).get(orderId), orderId).toEqual({ row, version });
    const held = world.target.held.get(orderId);
    if (isReady || held !== undefined) expect(held?.row, `${orderId} at the target`).toEqual(row);
  }
  expect(world.target.conflicts).toEqual([]);
}
