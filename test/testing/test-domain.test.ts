import { randomUUID } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { orders } from '../../src/orders/index.ts';
import type { JsonSchema } from '../../src/pipeline/definition/body-types.ts';
import { defineDomain } from '../../src/pipeline/definition/define-domain.ts';
import { DomainMistake, MISTAKES, type Mistake } from '../../src/testing/mistakes.ts';
import { type TestedDomain, testDomain } from '../../src/testing/test-domain.ts';
import { body, type Change, type Parcel, parcels, SAMPLES, whyNotReady } from './planted.ts';

async function mistakeIn(domain: TestedDomain, samples: readonly object[] = SAMPLES): Promise<DomainMistake> {
  const error = await testDomain(domain, samples).then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(error, 'the kit found no mistake').toBeInstanceOf(DomainMistake);
  return error as DomainMistake;
}

describe('testDomain', () => {
  it('finds nothing in a domain without a mistake, and says what it tried', async () => {
    expect(await testDomain(parcels(), SAMPLES)).toEqual({
      entities: 1,
      events: 4,
      arrivals: 100,
      stores: ['memory', 'SQLite'],
    });
  });

  it('finds nothing in the orders', async () => {
    const at = (minute: number) => `2026-01-01T10:0${minute}:00Z`;
    const order = { eventType: 'ORDER', orderId: 'a', orderStatus: 'CREATED', timestamp: at(0) };
    const payment = (paymentStatus: string, minute: number) => ({
      eventType: 'PAYMENT',
      orderId: 'a',
      paymentStatus,
      timestamp: at(minute),
    });
    const samples = [
      order,
      payment('PAYMENT_AUTHORIZED', 1),
      payment('PAYMENT_AUTH_WITHPENDING_REVIEW', 2),
      payment('AUTHORIZATION_REVIEW_DECLINED', 3),
    ];
    await expect(testDomain(orders, samples)).resolves.toMatchObject({ entities: 1, events: 4 });
  });

  const remembered = new Set<string>();
  let folded = 0;
  const changing: readonly (readonly [Mistake, string, Change])[] = [
    [
      'state_mutated',
      'an evolve that adds to its state',
      { onMoved: (state, { place }) => Object.assign(state, { place }) },
    ],
    [
      'state_mutated',
      'an evolve that adds to a Set in its state',
      {
        onMoved: (state, { place }) => {
          const { places = new Set<string>() } = state as Parcel & { readonly places?: Set<string> };
          places.add(place);
          return { ...state, place, stops: places.size, places };
        },
      },
    ],
    [
      'clock_in_fold',
      'an evolve that asks for the time',
      { onMoved: (state, { place }) => ({ ...state, place, stops: Date.now() }) },
    ],
    [
      'clock_in_fold',
      'an evolve that makes a Date of now',
      { onMoved: (state) => ({ ...state, place: new Date().toISOString() }) },
    ],
    [
      'clock_in_fold',
      'an evolve that asks the fine clock of the process',
      { onMoved: (state) => ({ ...state, stops: Number(process.hrtime.bigint() % 1_000n) }) },
    ],
    [
      'randomness',
      'an evolve that throws dice',
      { onMoved: (state) => ({ ...state, stops: Math.floor(Math.random() * 10) }) },
    ],
    ['randomness', 'an evolve that makes an id', { onMoved: (state) => ({ ...state, place: randomUUID() }) }],
    [
      'state_outside',
      'an evolve that keeps the first arrival outside of the state',
      {
        onMoved: (state, { place }) => {
          if (remembered.has(place)) return state;
          remembered.add(place);
          return { ...state, place, stops: state.stops + 1 };
        },
      },
    ],
    [
      'state_outside',
      'an evolve that counts for itself',
      { onDelivered: (state) => ({ ...state, stops: ++folded }) },
    ],
    ['stage_backwards', 'a delivery at a stage before the moves', { moved: { stage: 3 } }],
    [
      'meaningful_field_missing',
      'an identity that leaves the place out',
      { moved: { meaningfulFields: ['parcelId', 'at', 'revision'] } },
    ],
    [
      'meaningful_field_missing',
      'an identity that leaves the time out',
      { moved: { meaningfulFields: ['parcelId', 'place', 'revision'] } },
    ],
    [
      'meaningful_field_missing',
      'an identity that leaves out what decides between events of the same time',
      {
        moved: {
          meaningfulFields: ['parcelId', 'at', 'place', 'revision'],
          cautionRank: (given) => ((given as { note?: string }).note === undefined ? 0 : 1),
        },
      },
    ],
    [
      'row_invalid',
      'a row of a longer list',
      { onDelivered: (state) => ({ ...state, isDelivered: true, place: 7 as unknown as string }) },
    ],
    [
      'row_invalid',
      'a row with a value too few after the delivery',
      {
        view: {
          row: ({ place, stops, isDelivered }: Parcel) =>
            isDelivered ? [place, stops] : [place, stops, false],
        },
      },
    ],
    [
      'row_invalid',
      'a text that the schema allows and the column does not',
      { moved: { schema: { properties: { place: { type: 'string' } }, required: ['place'] } } },
    ],
    [
      'evolve_throws',
      'an evolve that needs the event before',
      {
        onDelivered: (state) => {
          if (state.place === null) throw new Error('Delivered from nowhere');
          return { ...state, isDelivered: true };
        },
      },
    ],
    [
      'to_event_throws',
      'a stage that cannot read what the schema allows',
      {
        moved: {
          stage: (given) => (given as { note?: string }).note?.length ?? Number.NaN,
        },
      },
    ],
    [
      'view_throws',
      'a row that needs a place',
      { view: { isReady: ({ place }: Parcel) => place?.at(0) === 'B' && boom(place) } },
    ],
    [
      'ready_disagrees',
      'a column that shows something else',
      { view: { isReady: ({ stops }: Parcel) => stops === 99 } },
    ],
    [
      'ready_disagrees',
      'a reason for a parcel that is ready',
      { view: { whyNotReady: () => whyNotReady([null, 0, false]) } },
    ],
    [
      'ready_disagrees',
      'a reason for a parcel that is ready, without a column that shows it',
      { view: { readyColumn: undefined as never, whyNotReady: () => whyNotReady([null, 0, false]) } },
    ],
    [
      'why_not_ready_throws',
      'a reason that needs the stops of an altered row',
      {
        view: {
          whyNotReady: (row) => (row[1] === null ? boom('stops') : whyNotReady(row)),
        },
      },
    ],
    ['stores_differ', 'a negative zero', { onMoved: (state, { place }) => ({ ...state, place, stops: -0 }) }],
  ];

  it.each(changing)('finds %s in %s', async (mistake, _, change) => {
    const found = await mistakeIn(parcels(change));
    expect(found.mistake, found.message).toBe(mistake);
    expect(found.message).toContain(`The domain parcels has the mistake ${mistake}. `);
    expect(found.message).toContain(MISTAKES[mistake]);
  });

  it('finds what a domain remembers for ever, when it may make the domain anew for each run', async () => {
    const make = () => {
      let first: string | null = null;
      return parcels({
        onMoved: (state, { place }) => {
          first ??= place;
          return { ...state, place: first };
        },
      });
    };
    expect((await mistakeIn(make)).mistake).toBe('state_outside');
  });

  describe('of amounts', () => {
    const account = (schema: JsonSchema, add: (sum: string, amount: never) => string) =>
      defineDomain({
        name: 'accounts',
        topic: 'bookings',
        entityIdField: 'account',
        occurredAtField: 'at',
        events: { BOOKED: { schema: { properties: { amount: schema }, required: ['amount'] } } },
        initialState: { sum: '0' },
        evolve: { BOOKED: (state, given) => ({ sum: add(state.sum, (given as { amount: never }).amount) }) },
        view: {
          table: 'accounts',
          keyColumn: 'account',
          columns: [{ name: 'sum', type: 'text' }],
          row: ({ sum }) => [sum],
          isReady: () => true,
        },
      });
    const booked = (amount: unknown, hour: number) => ({ ...body('BOOKED', hour, { amount }), account: 'A' });

    it('finds digits_lost in a sum of binary fractions', async () => {
      const domain = account({ type: 'number' }, (sum, amount) => String(Number(sum) + amount));
      const found = await mistakeIn(domain, [booked(1, 8), booked(2, 9)]);
      expect(found.mistake, found.message).toBe('digits_lost');
      expect(found.message).toContain('0.30000000000000004');
    });

    it('finds digits_lost in a decimal that becomes a number on the way', async () => {
      const domain = account({ type: 'string' }, (_, amount) => String(Number(amount)));
      const found = await mistakeIn(domain, [booked('12.50', 8)]);
      expect(found.mistake, found.message).toBe('digits_lost');
      expect(found.message).toContain('The event says 123456789012345678.25');
    });
  });

  it('shows the smallest history, and nothing that is not needed for it', async () => {
    const domain = parcels({
      onDelivered: (state) => {
        if (state.stops === 1) throw new Error('One stop');
        return { ...state, isDelivered: true };
      },
    });
    const { history, message } = await mistakeIn(domain);
    expect(history).toHaveLength(2);
    expect(history[1]).toEqual(SAMPLES[3]);
    expect(message).toMatch(
      /in the sequence of the fold:\n {2}1\. \{.*PARCEL_MOVED.*\n {2}2\. \{.*PARCEL_DELIVERED/,
    );
  });

  it('tries sets with gaps of many samples, too', async () => {
    const moves = Array.from({ length: 9 }, (_, index) =>
      body('PARCEL_MOVED', index, { place: `place ${index}` }),
    );
    const samples = [...moves, body('PARCEL_DELIVERED', 11, { by: 'Ann' })];
    const domain = parcels({
      onDelivered(state) {
        if (state.place === 'place 8' && state.stops < 9) throw new Error('A stop is missing');
        return { ...state, isDelivered: true };
      },
    });
    const { mistake, history } = await mistakeIn(domain, samples);
    expect([mistake, history.length]).toEqual(['evolve_throws', 2]);
  });

  it('refuses a sample that the domain quarantines, and says why', async () => {
    const { mistake, message } = await mistakeIn(parcels(), [body('PARCEL_MOVED', 8, { place: 7 })]);
    expect(mistake).toBe('sample_refused');
    expect(message).toContain('The field "/place" is a number, and must be string.');
    await expect(testDomain(parcels(), [])).rejects.toThrow('at least one sample');
  });

  it('leaves no files behind, whether it finds a mistake or none', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tributary-kit-files-'));
    vi.stubEnv('TMPDIR', folder);
    onTestFinished(async () => {
      vi.unstubAllEnvs();
      await rm(folder, { recursive: true, force: true });
    });
    await testDomain(parcels(), SAMPLES);
    const found = await mistakeIn(
      parcels({ onMoved: (state, { place }) => ({ ...state, place, stops: -0 }) }),
    );
    expect([found.mistake, await readdir(folder)]).toEqual(['stores_differ', []]);
  });

  it('leaves the clock and the dice of the machine as they were', async () => {
    const all = () => [Date, Math.random, crypto.randomUUID, performance.now, process.hrtime.bigint];
    const before = all();
    await mistakeIn(parcels({ onMoved: (state) => ({ ...state, stops: Date.now() }) }));
    expect(all()).toEqual(before);
  });
});

function boom(text: string): never {
  throw new TypeError(`No ${text}`);
}
