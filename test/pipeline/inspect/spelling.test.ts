import { describe, expect, it } from 'vitest';
import { meantBy, typeMeantBy, writtenAlike } from '../../../src/pipeline/inspect/spelling.ts';

const STATUSES = ['CREATED', 'RE_CREATED', 'PAYMENT_AUTHORIZED'];

describe('meantBy', () => {
  it.each([
    ['created', 'CREATED'],
    ['order.created', 'CREATED'],
    ['OrderCreated', 'CREATED'],
    ['ORDER_STATUS_CREATED', 'CREATED'],
    ['order-re-created', 'RE_CREATED'],
    ['Payment Authorized', 'PAYMENT_AUTHORIZED'],
    ['paymentauthorized', 'PAYMENT_AUTHORIZED'],
  ])('understands %s', (theirs, ours) => expect(meantBy(theirs, STATUSES)).toBe(ours));

  it.each(['uncreated', 'not_created', 'UN_CREATED', 'order.not.created', 'authorized', 'created.order', ''])(
    'leaves %j alone',
    (theirs) => expect(meantBy(theirs, STATUSES)).toBeUndefined(),
  );
});

it('understands the type of an event by the words in front', () => {
  const types = ['ORDER', 'PAYMENT'];
  expect(typeMeantBy('OrderCreated', types)).toBe('ORDER');
  expect(typeMeantBy('payment.authorized', types)).toBe('PAYMENT');
  expect(typeMeantBy('order', types)).toBe('ORDER');
  expect(typeMeantBy('orderly', types)).toBeUndefined();
  expect(typeMeantBy('CustomerOrderPlaced', types)).toBeUndefined();
});

describe('writtenAlike', () => {
  const all = (...pairs: [string, string][]) => [...writtenAlike(new Map(pairs), STATUSES).keys()];

  it('writes all values in the way of those that were seen', () => {
    expect(all(['order.re.created', 'RE_CREATED'])).toEqual([
      'order.created',
      'order.re.created',
      'order.payment.authorized',
    ]);
    expect(all(['OrderCreated', 'CREATED'], ['OrderPaymentAuthorized', 'PAYMENT_AUTHORIZED'])).toEqual([
      'OrderCreated',
      'OrderReCreated',
      'OrderPaymentAuthorized',
    ]);
    expect(all(['STATUS_CREATED', 'CREATED'])).toContain('STATUS_PAYMENT_AUTHORIZED');
  });

  it('guesses nothing if several ways explain what was seen, or none does', () => {
    expect(all(['created', 'CREATED'])).toEqual([]);
    expect(all(['a_CREATED', 'CREATED'], ['b_RE_CREATED', 'RE_CREATED'])).toEqual([]);
    expect(all()).toEqual([]);
  });
});

describe('typeMeantBy', () => {
  it.each([
    ['order', 'ORDER'],
    ['OrderCreated', 'ORDER'],
    ['com.shop.order.OrderCreated', 'ORDER'],
    ['OrderPaymentAuthorized', 'PAYMENT'],
    ['shop.payment', 'PAYMENT'],
    ['EVENT_TYPE_ORDER', 'ORDER'],
    ['order.item.created', undefined],
    ['OrderCustomerChanged', undefined],
    ['reorder', undefined],
    ['customer.created', undefined],
  ])('takes the last thing that is named: %s', (theirs, type) => {
    expect(typeMeantBy(theirs, ['ORDER', 'PAYMENT'])).toBe(type);
  });
});

describe('words in front of a status', () => {
  it.each([
    ['customer_created', undefined],
    ['CUSTOMER_STATUS_CREATED', undefined],
    ['customer_order_created', 'CREATED'],
    ['SHOP_STATUS_CREATED', 'CREATED'],
  ])('say what it is of: %s', (theirs, value) => {
    expect(meantBy(theirs, ['CREATED'])).toBe(value);
  });
});
