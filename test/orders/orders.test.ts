import { describe, expect, it } from 'vitest';
import { historyOf, merge, type Sequenced } from '../../src/core/fold.ts';
import { type OrderEvent, type OrderState, orders } from '../../src/orders/index.ts';
import { ORDER_SOURCE, ordersDecoder, PAYMENT_SOURCE, recordOf } from '../pipeline/decode/records.ts';

const decoder = ordersDecoder();

function decode(body: Record<string, unknown>): Sequenced<OrderEvent> {
  const source = body.eventType === 'ORDER' ? ORDER_SOURCE : PAYMENT_SOURCE;
  const decoded = decoder.decode(recordOf({ value: { orderId: 'order123', ...body } }), source, 0);
  if (decoded.kind === 'rejected') throw new Error(decoded.record.detail);
  return decoded.event;
}

const created = (second: number, more = {}) =>
  decode({ eventType: 'ORDER', orderStatus: 'CREATED', timestamp: `2025-04-05T02:26:${second}Z`, ...more });
const payment = (paymentStatus: string, second: number, more = {}) =>
  decode({ eventType: 'PAYMENT', paymentStatus, timestamp: `2025-04-05T02:26:${second}Z`, ...more });

const AUTHORIZED = 'PAYMENT_AUTHORIZED';
const PENDING = 'PAYMENT_AUTH_WITHPENDING_REVIEW';
const ACCEPTED = 'AUTHORIZATION_REVIEW_ACCEPTED';
const DECLINED = 'AUTHORIZATION_REVIEW_DECLINED';

const rowOf = (...events: Sequenced<OrderEvent>[]) =>
  orders.view.row(historyOf<OrderState, OrderEvent>(orders, events).state);

function permutations<Value>(values: readonly Value[]): Value[][] {
  if (values.length === 0) return [[]];
  return values.flatMap((value, index) =>
    permutations(values.toSpliced(index, 1)).map((rest) => [value, ...rest]),
  );
}

describe('the row of an order', () => {
  const cases: readonly [string, Sequenced<OrderEvent>[], readonly unknown[]][] = [
    ['nothing yet', [], [null, null, null, false]],
    ['created', [created(30)], ['CREATED', null, null, false]],
    ['a payment before its order', [payment(AUTHORIZED, 31)], [null, AUTHORIZED, null, false]],
    ['an accepted payment before its order', [payment(ACCEPTED, 31)], [null, ACCEPTED, 'ACCEPTED', false]],
    ['authorised', [created(30), payment(AUTHORIZED, 31)], ['CREATED', AUTHORIZED, null, true]],
    ['misspelt', [created(30), payment('PAYMENT_AUHTORIZED', 31)], ['CREATED', AUTHORIZED, null, true]],
    ['pending review', [created(30), payment(PENDING, 32)], ['CREATED', PENDING, 'PENDING', false]],
    ['declined', [created(30), payment(DECLINED, 33)], ['CREATED', DECLINED, 'DECLINED', false]],
    [
      'accepted, stamped before its pending review as in the samples',
      [created(30), payment(PENDING, 32), payment(ACCEPTED, 30)],
      ['CREATED', ACCEPTED, 'ACCEPTED', true],
    ],
    [
      'accepted and declined at the same moment',
      [created(30), payment(ACCEPTED, 33), payment(DECLINED, 33)],
      ['CREATED', DECLINED, 'DECLINED', false],
    ],
    [
      'declined, then accepted',
      [created(30), payment(DECLINED, 33), payment(ACCEPTED, 34)],
      ['CREATED', ACCEPTED, 'ACCEPTED', true],
    ],
    [
      'authorised and pending at the same moment',
      [created(30), payment(AUTHORIZED, 31), payment(PENDING, 31)],
      ['CREATED', PENDING, 'PENDING', false],
    ],
    [
      'pending, then plainly authorised: the review stays as it is',
      [created(30), payment(PENDING, 31), payment(AUTHORIZED, 32)],
      ['CREATED', AUTHORIZED, 'PENDING', true],
    ],
    [
      'authorised long after the review by the clock',
      [created(30), payment(DECLINED, 31), payment(AUTHORIZED, 59)],
      ['CREATED', DECLINED, 'DECLINED', false],
    ],
    [
      'authorised after the review by revision',
      [created(30), payment(DECLINED, 31), payment(AUTHORIZED, 30, { revision: 4 })],
      ['CREATED', AUTHORIZED, 'DECLINED', true],
    ],
  ];

  it.each(cases)('the row is the same for any sequence of arrival: %s', (_name, events, row) => {
    for (const arrival of permutations(events)) {
      expect(rowOf(...arrival)).toEqual(row);
      expect(rowOf(...arrival, ...arrival)).toEqual(row);
    }
  });

  it.each([
    [AUTHORIZED, PENDING],
    [ACCEPTED, DECLINED],
  ])('the value %s gives way to %s at the same moment, whichever id comes first', (bold, cautious) => {
    for (const [boldId, cautiousId] of [
      ['a', 'b'],
      ['b', 'a'],
    ]) {
      const events = [payment(bold, 33, { eventId: boldId }), payment(cautious, 33, { eventId: cautiousId })];
      for (const arrival of permutations(events)) expect(rowOf(created(30), ...arrival)[1]).toBe(cautious);
    }
  });

  it('the history is the same for every subset of every kind of event, in any sequence, one by one or together', () => {
    const all = [
      created(30),
      payment(AUTHORIZED, 31),
      payment(PENDING, 32),
      payment(ACCEPTED, 30),
      payment(DECLINED, 30),
    ];
    for (let subset = 0; subset < 2 ** all.length; subset++) {
      const events = all.filter((_, index) => subset & (2 ** index));
      const expected = historyOf<OrderState, OrderEvent>(orders, events);
      for (const arrival of permutations(events)) {
        let history = historyOf<OrderState, OrderEvent>(orders, []);
        for (const event of arrival)
          history = merge<OrderState, OrderEvent, Sequenced<OrderEvent>>(orders, history, [event]).history;
        expect(history).toEqual(expected);
      }
    }
  });
});

describe('the view', () => {
  it('the view has the columns of the original table, in its sequence', () => {
    expect([
      orders.view.table,
      orders.view.keyColumn,
      ...orders.view.columns.map(({ name }) => name),
    ]).toEqual(['orders', 'order_id', 'order_status', 'payment_status', 'review_status', 'ready_to_send']);
  });

  it('the column ready_to_send is true exactly where the state is ready', () => {
    const statuses = [null, AUTHORIZED, PENDING, ACCEPTED, DECLINED] as const;
    const ready = statuses.flatMap((paymentStatus) =>
      ([null, 'CREATED'] as const).flatMap((orderStatus) => {
        const state: OrderState = { orderStatus, paymentStatus, reviewStatus: null };
        expect(orders.view.row(state)[3]).toBe(orders.view.isReady(state));
        return orders.view.isReady(state) ? [`${orderStatus} ${paymentStatus}`] : [];
      }),
    );
    expect(ready).toEqual([`CREATED ${AUTHORIZED}`, `CREATED ${ACCEPTED}`]);
  });
});
