import { describe, expect, it } from 'vitest';
import { eventWords } from '../../console/src/pages/order/event-words.ts';
import {
  momentsOf,
  placeAmong,
  sideBefore,
  sideOf,
  stateQuery,
} from '../../console/src/pages/order/moments.ts';
import { repeatsOf } from '../../console/src/pages/order/repeats.ts';
import { placedEvents, timelineWidth } from '../../console/src/pages/order/timeline-layout.ts';

const at = (second: number) => new Date(Date.UTC(2026, 0, 1, 0, 0, second)).toISOString();
const event = (version: number, occurred: number, journaled: number) => ({
  version,
  occurredAt: at(occurred),
  journaledAt: at(journaled),
});

describe('placedEvents', () => {
  it('spreads each lane over the whole width by its own time', () => {
    const placed = placedEvents([event(1, 0, 100), event(2, 50, 101), event(3, 100, 200)], 200);
    expect(placed.map(({ happenedX }) => happenedX)).toEqual([0, 100, 200]);
    expect(placed.map(({ arrivedX }) => Math.round(arrivedX))).toEqual([0, 18, 200]);
  });

  it('shows an event that came late by a line that crosses another', () => {
    const [first, second] = placedEvents([event(1, 60, 1), event(2, 10, 2)], 100);
    expect(first?.happenedX).toBeGreaterThan(second?.happenedX ?? 0);
    expect(first?.arrivedX).toBeLessThan(second?.arrivedX ?? 0);
  });

  it('keeps events of one moment apart, in the sequence of their arrival, and inside the width', () => {
    const events = Array.from({ length: 30 }, (_, index) => event(index + 1, 5, 5));
    const width = timelineWidth(events.length, 300);
    const places = placedEvents(events, width).map(({ arrivedX }) => arrivedX);
    for (let index = 1; index < places.length; index++)
      expect((places[index] ?? 0) - (places[index - 1] ?? 0)).toBeGreaterThan(5);
    expect(Math.max(...places)).toBeLessThanOrEqual(width);
    expect(Math.min(...places)).toBeGreaterThanOrEqual(0);
  });

  it('places one event, and none', () => {
    expect(placedEvents([event(1, 5, 5)], 100)).toEqual([{ version: 1, happenedX: 0, arrivedX: 0 }]);
    expect(placedEvents([], 100)).toEqual([]);
  });
});

describe('the moments of an order', () => {
  const events = [event(1, 20, 30), event(2, 10, 31), event(3, 20, 32)];

  it('name each time at which something changes once', () => {
    expect(momentsOf(events, 'at')).toEqual([at(10), at(20)]);
    expect(momentsOf(events, 'known')).toEqual([at(30), at(31), at(32)]);
    expect(momentsOf(events, 'version')).toEqual([]);
  });

  it('count those that are not behind a moment', () => {
    expect(placeAmong(momentsOf(events, 'at'), at(9))).toBe(0);
    expect(placeAmong(momentsOf(events, 'at'), at(10))).toBe(1);
    expect(placeAmong(momentsOf(events, 'at'), at(99))).toBe(2);
  });

  it('ask the API by version, by occurrence and by knowledge', () => {
    expect(stateQuery({ mode: 'version', value: '2' })).toEqual({ version: '2' });
    expect(stateQuery({ mode: 'at', value: at(1) })).toEqual({ at: at(1) });
    expect(stateQuery({ mode: 'known', value: at(1) })).toEqual({ asKnownAt: at(1) });
    expect(sideOf({ mode: 'known', value: at(1) })).toBe(`known:${at(1)}`);
  });

  it('follow a moment before them, and version 0 before the first', () => {
    expect(sideBefore({ mode: 'version', value: '2' }, [])).toBe('1');
    expect(sideBefore({ mode: 'version', value: '0' }, [])).toBeNull();
    expect(sideBefore({ mode: 'known', value: at(31) }, momentsOf(events, 'known'))).toBe(`known:${at(30)}`);
    expect(sideBefore({ mode: 'at', value: at(10) }, momentsOf(events, 'at'))).toBe('0');
  });
});

describe('eventWords', () => {
  it('says the statuses of the body in words', () => {
    expect(
      eventWords({ eventType: 'PAYMENT', data: '{"paymentStatus":"AUTHORIZATION_REVIEW_DECLINED"}' }),
    ).toBe('PAYMENT: Review declined');
    expect(eventWords({ eventType: 'PAYMENT', data: '{"paymentStatus":"PAYMENT_AUHTORIZED"}' })).toBe(
      'PAYMENT: PAYMENT_AUHTORIZED',
    );
  });

  it('says the type of a body that has no status or is no object', () => {
    expect(eventWords({ eventType: 'ORDER', data: '{"status_of":1}' })).toBe('ORDER');
    expect(eventWords({ eventType: 'ORDER', data: 'null' })).toBe('ORDER');
    expect(eventWords({ eventType: 'ORDER', data: '{' })).toBe('ORDER');
  });
});

describe('repeatsOf', () => {
  const place = (offset: string) => ({ topic: 'payment_events', partition: 3, offset });
  const streamed = (eventId: string, offset: string) => ({
    orderId: 'a',
    eventType: 'PAYMENT',
    eventId,
    occurredAt: at(0),
    ...place(offset),
  });
  const journaled = [{ version: 1, eventId: 'e1', ...place('10') }];

  it('finds records with the id of a journaled event at another place, each once', () => {
    const repeats = repeatsOf(journaled, [streamed('e1', '12'), streamed('e1', '12'), streamed('e1', '10')]);
    expect([...repeats]).toEqual([[1, ['payment_events/3 at 12']]]);
  });

  it('leaves out events that are not loaded yet', () => {
    expect(repeatsOf(journaled, [streamed('e2', '13')]).size).toBe(0);
  });
});
