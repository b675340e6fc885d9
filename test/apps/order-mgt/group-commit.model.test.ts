import { setImmediate as nextTurn, setTimeout as pause } from 'node:timers/promises';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { GroupCommit } from '../../../src/apps/order-mgt/group-commit.ts';
import type { OrderStates, Receipt, ReceivedDelivery } from '../../../src/apps/order-mgt/states.ts';
import { TributaryError } from '../../../src/core/errors.ts';
import { holdsInTime } from '../../helpers/properties.ts';

interface Request {
  readonly deliveries: number;
  /** What the store does with a transaction that holds the request. */
  readonly fate: 'takes' | 'defect';
  /** Whether the next request comes in the same turn, in the next one, or after 2 ms. */
  readonly next: 'same turn' | 'next turn' | 'later';
}

/** What happens to the transactions, in their sequence. The later ones are well. */
type Weather = readonly ('well' | 'slow' | 'down')[];

const requests = fc.array(
  fc.record({
    deliveries: fc.oneof(
      { weight: 12, arbitrary: fc.constant(1) },
      { weight: 4, arbitrary: fc.integer({ min: 2, max: 100 }) },
      { weight: 1, arbitrary: fc.constantFrom(0, 3_999, 4_000, 4_001) },
    ),
    fate: fc.constantFrom<Request['fate']>(...Array.from({ length: 19 }, () => 'takes' as const), 'defect'),
    next: fc.constantFrom<Request['next']>(
      ...Array.from({ length: 8 }, () => 'same turn' as const),
      'next turn',
      'later',
    ),
  }),
  { minLength: 1, maxLength: 90, size: 'max' },
);
const weather: fc.Arbitrary<Weather> = fc.array(fc.constantFrom('well', 'well', 'slow', 'down'), {
  maxLength: 6,
});

/** The deliveries of a request carry its number, and their own place in it. */
const deliveryOf = (request: number, place: number) =>
  ({ deliveryId: `${request}/${place}` }) as ReceivedDelivery;
const receiptOf = ({ deliveryId }: ReceivedDelivery) => ({ effect: deliveryId }) as unknown as Receipt;
const textOf = (receipts: readonly Receipt[]) => receipts.map(({ effect }) => effect).join(' ');
const requestOf = ({ deliveryId }: ReceivedDelivery) => Number(deliveryId.split('/')[0]);

class Place {
  /** The transactions that the store has committed, each with the numbers of its requests. */
  readonly committed: number[][] = [];
  readonly reported: number[] = [];
  readonly began: number[][] = [];
  /** The transactions that met a defect, by their place in `began`. */
  readonly defects = new Set<number>();
  readonly group: GroupCommit;
  underWay = 0;

  constructor(list: readonly Request[], moods: Weather) {
    const states = {
      receive: async (deliveries: readonly ReceivedDelivery[]) => {
        expect(this.underWay++, 'transactions at the same time').toBe(0);
        const numbers = [...new Set(deliveries.map(requestOf))];
        const mood = moods[this.began.length] ?? 'well';
        const transaction = this.began.push(numbers) - 1;
        if (mood === 'slow') await pause(2);
        else await nextTurn();
        this.underWay--;
        if (mood === 'down') throw new TributaryError('store_unreachable', 'Nobody is there.');
        if (numbers.some((number) => list[number]?.fate === 'defect')) {
          this.defects.add(transaction);
          throw new TypeError('x is no y');
        }
        this.committed.push(numbers);
        return deliveries.map(receiptOf);
      },
    };
    this.group = new GroupCommit(states as unknown as OrderStates, (deliveries, receipts) => {
      expect(textOf(receipts)).toBe(textOf(deliveries.map(receiptOf)));
      this.reported.push(deliveries.length);
    });
  }
}

it('each request gets its own receipts, or the error of the transaction that it was in', async () => {
  await holdsInTime(
    fc.asyncProperty(requests, weather, async (list, moods) => {
      const place = new Place(list, moods);
      const answers: Promise<Receipt[] | Error>[] = [];
      for (const [number, { deliveries, next }] of list.entries()) {
        const own = Array.from({ length: deliveries }, (_, index) => deliveryOf(number, index));
        const answer = place.group.receiveAll(own);
        answers.push(answer.catch((error: Error) => error));
        if (next === 'next turn') await nextTurn();
        else if (next === 'later') await pause(2);
      }
      await place.group.idle();
      const found = await Promise.all(answers);
      expect(place.group.unansweredMs).toBe(0);
      list.forEach(({ deliveries, fate }, number) => {
        const own = Array.from({ length: deliveries }, (_, index) => receiptOf(deliveryOf(number, index)));
        const isCommitted = place.committed.some((numbers) => numbers.includes(number));
        const answer = found[number];
        if (Array.isArray(answer)) expect(textOf(answer)).toBe(textOf(own));
        if (isCommitted) expect(answer).toBeInstanceOf(Array);
        else if (deliveries > 0) expect(answer).toBeInstanceOf(fate === 'defect' ? Error : TributaryError);
        // A defect strikes the request that meets it, and no other.
        if (answer instanceof TypeError) expect(fate).toBe('defect');
      });
      // Requests are taken in their sequence, and a full group takes no more.
      const firsts = place.began.flat().filter((number, index, all) => all.indexOf(number) === index);
      expect(firsts).toEqual([...firsts].sort((one, other) => one - other));
      for (const numbers of place.began) {
        const sizes = numbers.map((number) => list[number]?.deliveries ?? 0);
        expect(sizes.slice(0, -1).reduce((sum, size) => sum + size, 0)).toBeLessThan(4_000);
      }
      // A request is tried again, alone, only if its group met a defect.
      place.began.forEach((numbers, transaction) => {
        const again = place.began.slice(transaction + 1).flat();
        const isTriedAgain = numbers.some((number) => again.includes(number));
        // The store sees nothing of a request without deliveries, which may be the other one of its group.
        const isShared = numbers.length > 1 || list.some((request) => request.deliveries === 0);
        if (isTriedAgain) expect([place.defects.has(transaction), isShared]).toEqual([true, true]);
      });
      expect(place.reported).toHaveLength(place.committed.length);
    }),
    40,
  );
});
