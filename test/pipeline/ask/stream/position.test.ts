import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { placesOf, positionOf } from '../../../../src/pipeline/ask/stream/position.ts';

const partition = (topic: string, number: number, topicId = `id of ${topic}`) => ({
  topic,
  topicId,
  partition: number,
});

function partitionsOf(count: number, topic = 'order_events') {
  return Array.from({ length: count }, (_, number) => partition(topic, number));
}

describe('a position', () => {
  it('gives back the places of any partitions with any offsets', () => {
    const offset = fc.bigInt({ min: 0n, max: 2n ** 62n });
    const names = fc.constantFrom('order_events', 'payment_events', 'ä');
    fc.assert(
      fc.property(fc.array(fc.tuple(names, fc.nat(300), offset)), (given) => {
        const places = new Map(given.map(([topic, number, at]) => [`${topic}/${number}`, at]));
        const known = given.map(([topic, number]) => partition(topic, number));
        expect(placesOf(positionOf(places, known), known)).toEqual(places);
      }),
    );
  });

  it('leaves out partitions without a place', () => {
    const known = partitionsOf(3);
    const position = positionOf(new Map([['order_events/1', 7n]]), known);
    expect(placesOf(position, known)).toEqual(new Map([['order_events/1', 7n]]));
    expect(placesOf(positionOf(new Map(), []), known)).toEqual(new Map());
  });

  it('fits into the headers of a request with 1,000 partitions of two topics', () => {
    const known = [...partitionsOf(1_000), ...partitionsOf(1_000, 'payment_events')];
    const places = new Map(known.map(({ topic, partition: number }) => [`${topic}/${number}`, 100_000_000n]));
    const position = positionOf(places, known);
    expect(position.length).toBeLessThan(12_000);
    expect(placesOf(position, known)).toEqual(places);
  });

  it('becomes one that nobody knows if it would be too long', () => {
    const known = partitionsOf(5_000);
    const places = new Map(known.map(({ topic, partition: number }) => [`${topic}/${number}`, 100_000_000n]));
    expect(placesOf(positionOf(places, known), known)).toBeNull();
  });

  it('gives no places of another topic, of a topic that was made again, or of a text that nobody made', () => {
    const position = positionOf(new Map([['order_events/0', 7n]]), partitionsOf(1));
    expect(placesOf(position, partitionsOf(1, 'payment_events'))).toBeNull();
    expect(placesOf(position, [partition('order_events', 0, 'made again')])).toBeNull();
    expect(placesOf(position, [partition('order_events', 0, 'id of order_event2')])).toBeNull();
    for (const text of ['', 'x', '%', 'AA', `${position}AA`, position.slice(0, 6), 'A'.repeat(20_000)])
      expect(placesOf(text, partitionsOf(1)), text.slice(0, 10)).toBeNull();
  });

  it('never fails on any text', () => {
    fc.assert(
      fc.property(fc.base64String(), (text) => {
        placesOf(text.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', ''), partitionsOf(2));
      }),
    );
  });
});
