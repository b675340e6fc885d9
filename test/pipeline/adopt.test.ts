import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { Domain, ViewRow } from '../../src/core/domain.ts';
import { historyOf, merge, type Sequenced } from '../../src/core/fold.ts';
import { BASELINE_OCCURRED_AT_MS } from '../../src/core/time.ts';
import { type OrderEvent, type OrderState, orders } from '../../src/orders/index.ts';
import { createAdopter } from '../../src/pipeline/adopt.ts';
import type { AdoptedEntity } from '../../src/ports/migration.ts';
import {
  ORDER_BODY,
  ORDER_SOURCE,
  ordersDecoder,
  PAYMENT_BODY,
  PAYMENT_SOURCE,
  recordOf,
} from './decode/records.ts';

const NOW_MS = 1_700_000_000_000;
const decoder = ordersDecoder();

function adopt(row: ViewRow, orderId = 'order123'): AdoptedEntity {
  const adopter = createAdopter(orders);
  if (adopter === null) throw new Error('The domain takes over no rows');
  return adopter(orderId, row, NOW_MS);
}

function decode(body: object): Sequenced<OrderEvent> {
  const source = 'orderStatus' in body ? ORDER_SOURCE : PAYMENT_SOURCE;
  const decoded = decoder.decode(recordOf({ value: body }), source, 0);
  if (decoded.kind === 'rejected') throw new Error(decoded.record.detail);
  return decoded.event;
}

const paid = (paymentStatus: string, timestamp = '2025-04-05T02:26:31.265Z') =>
  decode({ ...PAYMENT_BODY, paymentStatus, timestamp });

/** The row after these events have come on top of what was adopted. */
function rowAfter(adopted: AdoptedEntity, ...events: Sequenced<OrderEvent>[]): ViewRow {
  const history = historyOf<OrderState, OrderEvent>(
    orders,
    adopted.events.map((event) => decoder.restore(event)),
  );
  const merged = merge<OrderState, OrderEvent, Sequenced<OrderEvent>>(orders, history, events);
  return orders.view.row(merged.history.state);
}

const ORDER_TEXTS = [null, 'CREATED'];
const PAYMENT_TEXTS = [
  null,
  'PAYMENT_AUTHORIZED',
  'PAYMENT_AUTH_WITHPENDING_REVIEW',
  'AUTHORIZATION_REVIEW_ACCEPTED',
  'AUTHORIZATION_REVIEW_DECLINED',
];
const REVIEW_TEXTS = [null, 'PENDING', 'ACCEPTED', 'DECLINED'];
const ALL_ROWS = ORDER_TEXTS.flatMap((order) =>
  PAYMENT_TEXTS.flatMap((payment) =>
    REVIEW_TEXTS.flatMap((review) =>
      [true, false, null].map((sent): ViewRow => [order, payment, review, sent]),
    ),
  ),
);

describe('an adopted row', () => {
  it('an adopted row is the fold of its baseline, for every possible row', () => {
    for (const row of ALL_ROWS) {
      const adopted = adopt(row);
      const isReady =
        row[0] === 'CREATED' &&
        (row[1] === 'PAYMENT_AUTHORIZED' || row[1] === 'AUTHORIZATION_REVIEW_ACCEPTED');
      expect(adopted.row).toEqual([row[0], row[1], row[2], isReady]);
      expect(rowAfter(adopted)).toEqual(adopted.row);
      expect(adopted.events.length).toBeGreaterThan(0);
    }
  });

  it('an adopted row is sent if the target has this state, due if the target lacks it and wants it, and neither otherwise', () => {
    for (const row of ALL_ROWS) {
      const { delivery, row: folded } = adopt(row);
      const isReady = folded[3] === true;
      if (row[3] === true) expect(delivery).toBe(isReady ? 'sent' : 'due');
      else expect(delivery).toBe(isReady ? 'due' : 'none');
    }
  });

  it('an adopted row is journaled as one event for each status, before every event that a topic can bring', () => {
    const { events } = adopt(['CREATED', 'AUTHORIZATION_REVIEW_ACCEPTED', 'ACCEPTED', true]);
    const data = '{"eventType":"BASELINE","orderId":"order123","orderStatus":"CREATED"}';
    expect(events[0]).toEqual({
      entityId: 'order123',
      eventId: 'baseline:order_status',
      contentHash: createHash('sha256').update(data).digest('hex'),
      position: 1,
      occurredAtMs: BASELINE_OCCURRED_AT_MS,
      cautionRank: 0,
      eventType: 'BASELINE',
      revision: null,
      observedAtMs: NOW_MS,
      topic: '',
      partition: 0,
      offset: 0n,
      data,
    });
    expect(events.map(({ eventId, position, offset }) => [eventId, position, offset])).toEqual([
      ['baseline:order_status', 1, 0n],
      ['baseline:payment_status', 3, 1n],
      ['baseline:review_status', 3, 2n],
    ]);
  });

  it('an adopted row has the right spelling, and the journal has the spelling that was found', () => {
    const adopted = adopt(['CREATED', 'PAYMENT_AUHTORIZED', null, true]);
    expect(adopted.row[1]).toBe('PAYMENT_AUTHORIZED');
    expect(adopted.delivery).toBe('sent');
    expect(adopted.events[1]?.data).toContain('PAYMENT_AUHTORIZED');
  });

  it('an adopted row holds no status where the original holds the text of an absent value', () => {
    expect(adopt(['CREATED', 'PAYMENT_AUTHORIZED', 'undefined', true])).toMatchObject({
      row: ['CREATED', 'PAYMENT_AUTHORIZED', null, true],
      delivery: 'sent',
    });
    expect(adopt(['undefined', 'null', null, false]).row).toEqual([null, null, null, false]);
  });

  it('an adopted row without any status is journaled all the same', () => {
    expect(adopt([null, null, null, null])).toMatchObject({
      events: [
        { eventId: 'baseline:order_id', position: 1, data: '{"eventType":"BASELINE","orderId":"order123"}' },
      ],
      row: [null, null, null, false],
      delivery: 'none',
    });
  });

  it('an adopted row gives way to later events of the same stage and of later ones', () => {
    const adopted = adopt(['CREATED', 'PAYMENT_AUTHORIZED', null, true]);
    expect(rowAfter(adopted, paid('PAYMENT_AUTH_WITHPENDING_REVIEW', '1970-01-01T00:00:00Z'))).toEqual([
      'CREATED',
      'PAYMENT_AUTH_WITHPENDING_REVIEW',
      'PENDING',
      false,
    ]);
    expect(rowAfter(adopted, paid('AUTHORIZATION_REVIEW_DECLINED'))).toEqual([
      'CREATED',
      'AUTHORIZATION_REVIEW_DECLINED',
      'DECLINED',
      false,
    ]);
  });

  it('a second reading of the events that made an adopted row does not undo it', () => {
    const adopted = adopt(['CREATED', 'AUTHORIZATION_REVIEW_ACCEPTED', 'ACCEPTED', true]);
    const earlier = [decode(ORDER_BODY), paid('PAYMENT_AUTHORIZED'), paid('PAYMENT_AUTH_WITHPENDING_REVIEW')];
    expect(rowAfter(adopted, ...earlier)).toEqual(adopted.row);
    expect(rowAfter(adopted, ...earlier, paid('AUTHORIZATION_REVIEW_ACCEPTED'))).toEqual(adopted.row);
  });

  it('two adoptions of one row give the same events, except for the time of observation', () => {
    const adopter = createAdopter(orders);
    const row = ['CREATED', 'PAYMENT_AUTHORIZED', null, true];
    const again = adopter?.('order123', row, 5).events.map((event) => ({ ...event, observedAtMs: NOW_MS }));
    expect(again).toEqual(adopt(row).events);
  });
});

describe('an adopted row whose state a target has', () => {
  it('counts as sent only where the target has every column of it', () => {
    const deliveryOf = (delivered: ViewRow) => {
      const adoption = { ...orders.adoption, deliveredRow: () => delivered } as typeof orders.adoption;
      const adopter = createAdopter({ ...orders, adoption } as Domain<OrderState, OrderEvent>);
      return adopter?.('order123', ['CREATED', null, null, true], NOW_MS).delivery;
    };
    const row: ViewRow = ['CREATED', null, null, false];
    expect([row, row.slice(0, 3), [...row, 'more'], []].map(deliveryOf)).toEqual([
      'sent',
      'due',
      'due',
      'due',
    ]);
  });

  it('keeps an id of 255 bytes', () => {
    const id = `a${'é'.repeat(127)}`;
    expect(adopt(['CREATED', null, null, false], id).events[0]?.entityId).toBe(id);
  });
});

describe('a row that cannot be understood', () => {
  it.each<[ViewRow, RegExp]>([
    [['SHIPPED', null, null, false], /column order_status holds "SHIPPED"/],
    [['CREATED', 'PAID\n\u202e', null, false], /column payment_status holds "PAID\\n\\u202e"/],
    [[null, 'toString', null, false], /column payment_status holds "toString"/],
    [[null, null, 'constructor', true], /column review_status holds "constructor"/],
    [['created', null, null, false], /order_status/],
    [['CREATED ', null, null, false], /order_status/],
    [['', null, null, false], /order_status/],
    [[null, 7, null, false], /column payment_status holds "7"/],
  ])('the row %j is refused with the column and what it holds', (row, message) => {
    expect(() => adopt(row, 'order456')).toThrow(message);
  });

  it.each(['', 'é'.repeat(128), 'x\ud800'])('the id %j is refused', (orderId) => {
    expect(() => adopt(['CREATED', null, null, false], orderId)).toThrow(/id is not 1 to 255 bytes/);
  });
});

describe('createAdopter', () => {
  it('a domain that takes over no rows has no adopter', () => {
    const { adoption: _, ...rest } = orders;
    const domain: Domain<OrderState, OrderEvent> = rest;
    expect(createAdopter(domain)).toBeNull();
  });
});
