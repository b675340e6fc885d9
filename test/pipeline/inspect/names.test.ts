import { describe, expect, it } from 'vitest';
import { orders } from '../../../src/orders/index.ts';
import { namesIn } from '../../../src/pipeline/inspect/names.ts';
import { ORDER_BODY, recordOf } from '../decode/records.ts';

const { timestamp } = ORDER_BODY;

/** The pairs that are found in bodies, of which the keys are `o-0`, `o-1` and so on. */
function found(bodyOf: (id: string, index: number) => object, count = 3): string[] {
  const records = Array.from({ length: count }, (_, index) => {
    const key = `o-${index}`;
    const value = bodyOf(key, index);
    return { record: recordOf({ key, value }), body: JSON.parse(JSON.stringify(value)) };
  });
  return [...namesIn(orders, records)].map((pair) => pair.join('='));
}

describe('namesIn', () => {
  it('finds the id of the entity by the keys of most records', () => {
    expect(found((id) => ({ ref: id }))).toEqual(['ref=orderId']);
    expect(found((id, index) => ({ ref: index === 0 ? 'another' : id }))).toEqual(['ref=orderId']);
    expect(found((id, index) => ({ ref: index === 0 ? id : 'another' }))).toEqual([]);
  });

  it('names no field of records that have no id of an entity', () => {
    expect(found(() => ({ status: 'created', at: timestamp }))).toEqual([]);
  });

  it('finds the id of the entity by its name further in, if no key is it', () => {
    const bodyOf = () => ({ order: { id: 'x', status: 'CREATED' } });
    expect(found(bodyOf)).toEqual(['order.id=orderId', 'order.status=orderStatus']);
  });

  it('takes a member for the id of the event if it is another in each record', () => {
    const withId = (id: (index: number) => string) =>
      found((key, index) => ({ ref: key, id: id(index) })).filter((pair) => pair.endsWith('=eventId'));
    expect(withId((index) => `e-${index}`)).toEqual(['id=eventId']);
    expect(withId((index) => `e-${index % 2}`)).toEqual([]);
  });

  it('looks for no id of the event where the producer uses our words', () => {
    expect(found((orderId, index) => ({ ...ORDER_BODY, orderId, id: `e-${index}` }))).toEqual([]);
  });

  it('takes the only time, or the one that is named like that of an event', () => {
    const times = (body: object) =>
      found((ref) => ({ ref, ...body })).filter((pair) => pair.endsWith('=timestamp'));
    expect(times({ zeit: timestamp })).toEqual(['zeit=timestamp']);
    expect(times({ delivery: timestamp, occurredAt: timestamp, created: timestamp })).toEqual([
      'occurredAt=timestamp',
    ]);
    expect(times({ delivery: timestamp, pickup: timestamp })).toEqual([]);
    expect(times({ amount: 1999, weight: 12.5 })).toEqual([]);
  });

  it('takes a member for a status if all of its values are known ones, or if its name says so', () => {
    const statuses = (values: (string | number)[], name = 'word') =>
      found((ref, index) => ({ ref, [name]: values[index] })).filter((pair) => pair.includes('Status'));
    expect(statuses(['created', 'created', 'created'])).toEqual(['word=orderStatus']);
    expect(statuses(['created', 'created', 'lost'])).toEqual([]);
    expect(statuses(['created', 'created', 'not_created'])).toEqual([]);
    expect(statuses(['lost', 'created', 'lost'], 'state')).toEqual(['state=orderStatus']);
    expect(statuses(['created', 'lost', 'payment_authorized'], 'state')).toEqual([
      'state=orderStatus+paymentStatus',
    ]);
    expect(statuses(['neu', 'alt', 'neu'], 'orderState')).toEqual(['orderState=orderStatus+paymentStatus']);
    expect(statuses([0, 1, 0], 'status')).toEqual(['status=orderStatus+paymentStatus']);
  });
});
