import { describe, expect, it } from 'vitest';
import { effectOfKnown, effectOfNew } from '../../../src/apps/order-mgt/effect.ts';
import { digestOf, type OrderState, payloadHashOf } from '../../../src/apps/order-mgt/order-state.ts';

const state = (version: number, paymentStatus = 'PAYMENT_AUTHORIZED'): OrderState => ({
  order_id: 'a',
  order_status: 'CREATED',
  payment_status: paymentStatus,
  review_status: null,
  ready_to_send: true,
  version,
});
const OTHER = 'PAYMENT_DECLINED';

describe('the effect of a delivery with a new id', () => {
  it.each([
    ['the first state', state(1), null, null, 'applied'],
    ['a later version', state(2), null, state(1), 'applied'],
    ['the held version', state(2, OTHER), null, state(2), 'ignored'],
    ['an older version', state(1), null, state(2), 'ignored'],
    ['a repair of what is held', state(2, OTHER), digestOf([state(2)]), state(2), 'applied'],
    ['a repair of something else', state(2, OTHER), digestOf([state(2, 'x')]), state(2), 'ignored'],
    ['a repair of an older version', state(1, OTHER), digestOf([state(2)]), state(2), 'ignored'],
  ] as const)('follows from %s', (_name, sent, replaces, held, effect) => {
    expect(effectOfNew(sent, replaces, held)).toBe(effect);
  });
});

describe('the effect of a delivery with a known id', () => {
  const hash = payloadHashOf(state(2));
  const applied = { payloadHash: hash, effect: 'applied' } as const;
  const ignored = { payloadHash: hash, effect: 'ignored' } as const;

  it.each([
    ['another content, with a row', { ...applied, payloadHash: 'other' }, state(2), 'payload_differs'],
    ['another content, without a row', { ...applied, payloadHash: 'other' }, null, 'payload_differs'],
    ['the same content', applied, state(2), 'duplicate'],
    ['a lost row', applied, null, 'repaired'],
    ['an older row', applied, state(1), 'repaired'],
    ['a later row', applied, state(3), 'duplicate'],
    ['an altered row', applied, state(2, OTHER), 'repaired'],
    ['a row that another delivery made', ignored, state(2, OTHER), 'duplicate'],
  ] as const)('depends on %s', (_name, known, held, effect) => {
    expect(effectOfKnown(state(2), hash, known, held)).toBe(effect);
  });
});
