import { describe, expect, it } from 'vitest';
import { whatIf } from '../../../src/pipeline/ask/what-if.ts';
import {
  ACCEPTED,
  AUTHORIZED,
  type Body,
  created,
  DECLINED,
  OrderStore,
  PENDING,
  paid,
} from '../../helpers/order-store.ts';

async function ask(place: OrderStore, body: Body | string, id = 'a') {
  const before = await countsOf(place);
  const outcome = await whatIf(place.parts(), id, typeof body === 'string' ? body : JSON.stringify(body));
  expect(await countsOf(place)).toEqual(before);
  return outcome;
}

async function countsOf(place: OrderStore) {
  return [await place.store.counts(), await place.store.readView(['a', 'b'])];
}

describe('what one more event would do', () => {
  it('shows the state before and after, the columns that change, and what becomes due as which version', async () => {
    const place = await OrderStore.open(['order-mgt', 'archive']);
    await place.journal([created('a', '10:00'), paid('a', PENDING, '10:02')]);
    const outcome = await ask(place, paid('a', ACCEPTED, '10:03'));
    expect(outcome).toMatchObject({
      kind: 'changes',
      version: 3,
      isLate: false,
      conflictsWith: [],
      before: { row: ['CREATED', PENDING, 'PENDING', false], isReady: false },
      after: { row: ['CREATED', ACCEPTED, 'ACCEPTED', true], isReady: true },
      columns: [
        { column: 'payment_status', from: PENDING, to: ACCEPTED },
        { column: 'review_status', from: 'PENDING', to: 'ACCEPTED' },
        { column: 'ready_to_send', from: false, to: true },
      ],
      dueTo: ['order-mgt', 'archive'],
    });
  });

  it('shows the first event of a new order', async () => {
    const place = await OrderStore.open();
    expect(await ask(place, created('b', '10:00'), 'b')).toMatchObject({
      kind: 'changes',
      version: 1,
      before: null,
      after: { row: ['CREATED', null, null, false] },
      dueTo: [],
    });
  });

  it('makes a state due that is not ready if the target has got an earlier one', async () => {
    const place = await OrderStore.open();
    await place.journal([created('a', '10:00'), paid('a', AUTHORIZED, '10:01')]);
    await place.settle('delivered');
    expect(await ask(place, paid('a', DECLINED, '10:04'))).toMatchObject({
      after: { isReady: false },
      dueTo: ['order-mgt'],
    });
  });

  it('makes nothing due if no column changes', async () => {
    const place = await OrderStore.open();
    await place.journal([created('a', '10:00'), paid('a', AUTHORIZED, '10:05')]);
    await place.settle('delivered');
    expect(await ask(place, paid('a', AUTHORIZED, '10:06'))).toMatchObject({
      kind: 'changes',
      version: 3,
      columns: [],
      dueTo: [],
    });
  });

  it('knows a duplicate, whatever its spacing and the sequence of its keys', async () => {
    const place = await OrderStore.open();
    const body = created('a', '10:00');
    await place.journal([body], [paid('a', AUTHORIZED, '10:01')]);
    const reversed = `{ "timestamp": "${body.timestamp}", "orderStatus": "CREATED", "orderId": "a", "eventType":"ORDER" }`;
    expect(await ask(place, reversed)).toMatchObject({ kind: 'duplicate', knownAs: 1 });
  });

  it('knows a late event and a conflict', async () => {
    const place = await OrderStore.open();
    await place.journal([created('a', '10:00', { eventId: 'x' }), paid('a', ACCEPTED, '10:03')]);
    expect(await ask(place, paid('a', PENDING, '10:02'))).toMatchObject({ isLate: true, conflictsWith: [] });
    expect(await ask(place, created('a', '10:09', { eventId: 'x' }))).toMatchObject({ conflictsWith: [1] });
  });

  it('names the reason of the quarantine for an event that would be refused', async () => {
    const place = await OrderStore.open();
    const cases: [reason: string, id: string, body: Body | string][] = [
      ['json_invalid', 'a', '{"eventType":'],
      ['event_type_unknown', 'a', { eventType: 'REFUND', orderId: 'a' }],
      ['body_not_object', 'a', '[]'],
      ['body_not_object', 'a', 'null'],
      ['value_empty', 'a', ''],
      ['key_not_entity_id', 'a', created('b', '10:00')],
      ['value_unknown', 'a', paid('a', 'PAID', '10:00')],
      ['field_missing', 'a', { eventType: 'ORDER', orderId: 'a' }],
      ['event_type_unknown', 'a', { eventType: '__proto__', orderId: 'a' }],
    ];
    for (const [reason, id, body] of cases)
      expect(await ask(place, body, id)).toMatchObject({
        kind: 'refused',
        reason,
        detail: expect.any(String),
      });
  });

  it('says of a parked order that the event would only be journaled', async () => {
    const place = await OrderStore.open();
    await place.park('a', [created('a', '10:00')], 'It throws.');
    expect(await ask(place, paid('a', AUTHORIZED, '10:01'))).toMatchObject({
      kind: 'parked',
      version: 2,
      reason: 'fold_failed',
      detail: 'It throws.',
    });
  });

  it('refuses to fold an order with more events than are folded for one answer', async () => {
    const place = await OrderStore.open();
    await place.journal([created('a', '10:00'), paid('a', AUTHORIZED, '10:01')]);
    const parts = place.parts({ maxEvents: 1 });
    expect(await whatIf(parts, 'a', JSON.stringify(paid('a', ACCEPTED, '10:03')))).toEqual({
      kind: 'too_long',
      lastVersion: 2,
      maxEvents: 1,
    });
  });

  it('agrees with what order-sync does when the event comes', async () => {
    const place = await OrderStore.open();
    const bodies = [
      paid('a', PENDING, '10:02'),
      created('a', '10:00'),
      paid('a', ACCEPTED, '10:03'),
      paid('a', AUTHORIZED, '10:01'),
      paid('a', DECLINED, '10:04'),
    ];
    for (const body of bodies) {
      const outcome = await ask(place, body);
      await place.journal([body]);
      const stored = (await place.store.readView(['a'])).get('a');
      const delivery = await place.store.readDelivery('order-mgt', 'a');
      if (outcome.kind !== 'changes') throw new Error(outcome.kind);
      expect(stored).toEqual({ row: outcome.after.row, version: outcome.version });
      if (outcome.dueTo.length > 0) expect(delivery?.dueVersion).toBe(outcome.version);
      else expect(delivery?.dueVersion).not.toBe(outcome.version);
    }
  });
});
