import { describe, expect, it } from 'vitest';
import { SeededClock } from '../../../src/adapters/seeded-clock.ts';
import { TributaryError } from '../../../src/core/errors.ts';
import { Defects } from '../../../src/pipeline/defects.ts';
import { Settler } from '../../../src/pipeline/deliver/settler.ts';
import type { ClaimedDelivery, DeliverySettlement } from '../../../src/ports/delivery-claims.ts';

const DOWN = new TributaryError('store_unreachable', 'The store is down.');
const MISTAKE = new TypeError('x is not a function');

const claimed = (entityId: string) =>
  ({ entityId, version: 3, attempt: 2, target: 'a target' }) as ClaimedDelivery;

function attempt(entityId: string, next: DeliverySettlement['next'] = 'delivered'): DeliverySettlement {
  const delivery = claimed(entityId);
  const answer = { status: 200, latencyMs: 1, answer: '', error: null };
  return { delivery, deliveryId: entityId, attemptedAtMs: 0, verdict: 'delivered', ...answer, next };
}

/** A settler in a time that stands until it is moved, over a store that meets the given troubles, one at each call. */
class Place {
  readonly clock = new SeededClock({ seed: 4 });
  readonly logged: unknown[] = [];
  readonly defects = new Defects(this.clock, (level, message) => this.logged.push([level, message]));
  readonly stopping = new AbortController();
  readonly troubles: (Error | null)[] = [];
  /** What each call of the store was asked for, by the ids. */
  readonly asked: string[] = [];
  readonly metered: string[] = [];
  settledCalls = 0;
  isMoreToCome = true;
  isOver = false;
  /** Called within each transaction. */
  during: () => void = () => {};
  readonly settler: Settler;

  constructor() {
    const call = async (what: string, ids: readonly string[]) => {
      this.asked.push(`${what} ${ids.join(' ')}`);
      this.during();
      const trouble = this.troubles.shift();
      if (trouble) throw trouble;
    };
    const store = {
      settleDeliveries: (all: readonly DeliverySettlement[]) =>
        call(
          'settle',
          all.map(({ deliveryId }) => deliveryId),
        ),
      releaseDeliveries: (all: readonly ClaimedDelivery[]) =>
        call(
          'release',
          all.map(({ entityId }) => entityId),
        ),
    };
    const options = {
      clock: this.clock,
      logger: (level: string, message: string, fields?: object) => this.logged.push([level, message, fields]),
      words: { noun: 'parcel', plural: 'parcels', idMember: 'parcelId' },
      store,
      target: { name: 'a target' },
      meters: {
        delivered: (all: readonly ClaimedDelivery[]) =>
          this.metered.push(all.map(({ entityId }) => entityId).join(' ')),
      },
    };
    this.settler = new Settler(options as never, {
      isMoreToCome: () => this.isMoreToCome,
      isBusy: () => false,
      settled: () => void this.settledCalls++,
      defects: this.defects,
      stopping: this.stopping.signal,
    });
  }

  async run(): Promise<void> {
    void this.settler.run().then(() => {
      this.isOver = true;
    });
    await this.clock.advance(1);
  }
}

describe('the settler', () => {
  it('records what came together in one transaction, counts it, and tells what was delivered', async () => {
    const place = new Place();
    for (const id of ['a', 'b']) place.settler.add(attempt(id));
    place.settler.add(attempt('c', { retryAtMs: 5 }));
    expect(place.settler.unsettled).toBe(3);
    place.during = () => expect(place.settler.unsettled).toBe(3);
    await place.run();
    expect(place.asked).toEqual(['settle a b c']);
    expect(place.metered).toEqual(['a b']);
    expect(place.settler.totals).toEqual({
      delivered: 2,
      retried: 1,
      dead: 0,
      deadBy: { refused: 0, attempts_exhausted: 0 },
    });
    expect([place.settler.unsettled, place.settledCalls, place.logged, place.isOver]).toEqual([
      0,
      1,
      [],
      false,
    ]);
    place.during = () => {};
    place.settler.add(attempt('d', { retryAtMs: 5 }));
    await place.clock.advance(20);
    expect([place.metered, place.settledCalls]).toEqual([['a b'], 2]);
  });

  it('logs each failure of the store with its number, and records the attempts later', async () => {
    const place = new Place();
    place.troubles.push(DOWN, DOWN, null, DOWN);
    for (const id of ['a', 'b']) place.settler.add(attempt(id));
    await place.run();
    await place.clock.advance(5_000);
    place.settler.add(attempt('c'));
    await place.clock.advance(5_000);
    expect(place.asked).toEqual(['settle a b', 'settle a b', 'settle a b', 'settle c', 'settle c']);
    const line = (attempts: number, failures: number) => [
      'warn',
      'Attempts at a target could not be recorded: The store is down.',
      { attempts, failures },
    ];
    expect(place.logged).toEqual([line(2, 1), line(2, 2), line(1, 1)]);
    expect(place.settler.totals.delivered).toBe(3);
  });

  it('names the deliveries that died, in the words of the domain', async () => {
    const place = new Place();
    place.settler.add(attempt('a', 'dead'));
    await place.run();
    expect(place.logged).toEqual([
      [
        'warn',
        expect.stringMatching(/^The delivery of parcel "a" version 3 to a target is dead after 2 attempts: /),
        { parcelId: 'a', deliveryId: 'a', target: 'a target', deliveries: 1 },
      ],
    ]);
  });

  it('gives claims back in one transaction, before it records attempts, and asks nothing for none', async () => {
    const place = new Place();
    place.settler.giveBack([]);
    place.settler.giveBack([claimed('a')]);
    place.settler.giveBack([claimed('b'), claimed('c')]);
    place.settler.add(attempt('d'));
    await place.run();
    expect(place.asked).toEqual(['release a b c', 'settle d']);
  });

  it('logs claims that could not be given back, and leaves them to their leases', async () => {
    const place = new Place();
    place.troubles.push(DOWN, MISTAKE);
    place.settler.giveBack([claimed('a'), claimed('b')]);
    await place.run();
    place.settler.giveBack([claimed('c')]);
    await place.clock.advance(10_000);
    expect(place.asked).toEqual(['release a b', 'release c']);
    expect(place.logged).toEqual([
      ['warn', 'Claims of a target could not be given back: The store is down.', { deliveries: 2 }],
      [
        'error',
        expect.stringMatching(/^A defect of Tributary in the giving back of claims of a target: TypeError/),
      ],
    ]);
  });

  it('finds the attempt that a defect strikes by halves, drops it, and records all others', async () => {
    const place = new Place();
    const ids = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
    for (const id of ids) place.settler.add(attempt(id));
    place.during = () => {
      if (place.asked.at(-1)?.includes('c')) throw MISTAKE;
    };
    await place.run();
    await place.clock.advance(70_000);
    expect(place.asked.slice(0, 5)).toEqual([
      'settle a b c d e f g h',
      'settle a b c d',
      'settle a b',
      'settle c d e f',
      'settle c d',
    ]);
    expect(place.settler.totals.delivered).toBe(7);
    expect(place.metered.join(' ').split(' ').sort()).toEqual(ids.filter((id) => id !== 'c'));
    expect(place.settler.unsettled).toBe(0);
    expect(place.defects.status().latest[0]?.place).toBe('the recording of attempts at a target');
    expect(place.defects.health()).toEqual({ ok: true });
  });

  it('ends when nothing more can come, after it has given back and recorded all', async () => {
    const place = new Place();
    await place.run();
    expect(place.isOver).toBe(false);
    place.settler.giveBack([claimed('a')]);
    place.settler.add(attempt('b'));
    place.isMoreToCome = false;
    await place.clock.advance(1);
    expect([place.asked, place.isOver]).toEqual([['release a', 'settle b'], true]);

    const idle = new Place();
    await idle.run();
    idle.isMoreToCome = false;
    await idle.clock.advance(1);
    expect(idle.isOver).toBe(false);
    idle.settler.wake();
    await idle.clock.advance(1);
    expect(idle.isOver).toBe(true);
  });

  it('gives up after a stop once three attempts in a row met a defect', async () => {
    const place = new Place();
    for (const id of ['a', 'b', 'c', 'd', 'e']) place.settler.add(attempt(id));
    place.during = () => {
      throw MISTAKE;
    };
    place.isMoreToCome = false;
    place.stopping.abort();
    await place.run();
    await place.clock.advance(100);
    expect(place.isOver).toBe(true);
    expect(place.asked.filter((call) => call.split(' ').length === 2)).toEqual([
      'settle a',
      'settle b',
      'settle c',
    ]);
  });
});
