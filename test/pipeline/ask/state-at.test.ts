import { beforeAll, describe, expect, it } from 'vitest';
import { orders } from '../../../src/orders/index.ts';
import { diffOf } from '../../../src/pipeline/ask/diff.ts';
import { type Moment, momentOf, momentText, NOW } from '../../../src/pipeline/ask/moment.ts';
import { stateAt, stateSentence } from '../../../src/pipeline/ask/state-at.ts';
import { ACCEPTED, AUTHORIZED, created, OrderStore, PENDING, paid } from '../../helpers/order-store.ts';

let place: OrderStore;
beforeAll(async () => {
  let close = async () => {};
  place = await OrderStore.open(['order-mgt'], (end) => {
    close = end;
  });
  // The acceptance arrives before the pending review. The batches come at 12:00:01, 12:00:02 and 12:00:03.
  await place.journal(
    [created('a', '10:00'), paid('a', AUTHORIZED, '10:01')],
    [paid('a', ACCEPTED, '10:03')],
    [paid('a', PENDING, '10:02')],
  );
  return () => close();
});

async function paymentAt(moment: Moment, id = 'a'): Promise<unknown> {
  const state = await stateAt(place.parts(), id, moment);
  return state.kind === 'state' ? [state.row[1], state.events.length] : state.kind;
}

const clock = (text: string) => Date.parse(`2026-01-01T${text}Z`);

describe('the state at a moment', () => {
  it.each([
    ['09:59:59.999', null, 0],
    ['10:00:00.000', null, 1],
    ['10:01:30', AUTHORIZED, 2],
    ['10:02:00', PENDING, 3],
    ['10:03:00', ACCEPTED, 4],
  ])('counts the events that had happened by %s', async (at, payment, events) => {
    expect(await paymentAt({ kind: 'at', ms: clock(at) })).toEqual([payment, events]);
  });

  it.each([
    ['12:00:00', null, 0],
    ['12:00:01', AUTHORIZED, 2],
    ['12:00:02.999', ACCEPTED, 3],
    ['12:00:03', ACCEPTED, 4],
  ])('counts the events that were journaled by %s', async (at, payment, events) => {
    expect(await paymentAt({ kind: 'as_known_at', ms: clock(at) })).toEqual([payment, events]);
  });

  it.each([
    ['as_known_at', '12:00:00', 'Not ready: none of its events counts.'],
    [
      'at',
      '10:00:30',
      'Not ready: it was created without a payment since 10:00:00Z; no authorisation of its payment has arrived.',
    ],
    [
      'at',
      '10:02:30',
      'Not ready: its review is pending since 10:02:00Z; the acceptance that would settle it has not arrived.',
    ],
    ['as_known_at', '12:00:02', 'Ready since 10:01:00Z.'],
  ] as const)('says why the order was or was not ready (%s %s)', async (kind, at, sentence) => {
    const state = await stateAt(place.parts(), 'a', { kind, ms: clock(at) });
    if (state.kind !== 'state') throw new Error(state.kind);
    expect(stateSentence(state, clock('12:00:03'))).toBe(sentence);
  });

  it('differs between what had happened and what was known, which is the point', async () => {
    await place.journal([created('b', '10:00')], [paid('b', AUTHORIZED, '10:01')]);
    const beforeMs = place.clock.nowMs - 1_000;
    expect(await paymentAt({ kind: 'at', ms: beforeMs }, 'b')).toEqual([AUTHORIZED, 2]);
    expect(await paymentAt({ kind: 'as_known_at', ms: beforeMs }, 'b')).toEqual([null, 1]);
  });

  it.each([
    [0, null, 0],
    [1, null, 1],
    [2, AUTHORIZED, 2],
    [3, ACCEPTED, 3],
    [4, ACCEPTED, 4],
  ])('at version %i is the fold of the first events that arrived', async (version, payment, events) => {
    expect(await paymentAt({ kind: 'version', version })).toEqual([payment, events]);
  });

  it('equals the row that the view had, at every version that the view had', async () => {
    const batches = [
      [paid('c', PENDING, '10:02')],
      [created('c', '10:00'), paid('c', AUTHORIZED, '10:01')],
      [paid('c', ACCEPTED, '10:03')],
    ];
    const rows: (readonly [version: number, row: unknown])[] = [];
    for (const batch of batches) {
      await place.journal(batch);
      const stored = (await place.store.readView(['c'])).get('c');
      rows.push([stored?.version ?? 0, stored?.row]);
    }
    expect(rows.map(([version]) => version)).toEqual([1, 3, 4]);
    for (const [version, row] of rows)
      expect(await stateAt(place.parts(), 'c', { kind: 'version', version })).toMatchObject({ row });
  });

  it('refuses the state of an unknown order, of a version to come, and of more events than are folded', async () => {
    expect(await stateAt(place.parts(), 'nobody', NOW)).toEqual({ kind: 'unknown' });
    expect(await paymentAt({ kind: 'version', version: 5 })).toBe('no_such_version');
    expect(await stateAt(place.parts({ maxEvents: 3 }), 'a', NOW)).toEqual({
      kind: 'too_long',
      lastVersion: 4,
      maxEvents: 3,
    });
  });

  it('says why the domain cannot fold the events that count, and gives the state where it can', async () => {
    const evolve: typeof orders.evolve = (state, event) => {
      if (event.kind === 'payment_status_changed' && event.status === PENDING) throw new Error('no pending');
      return orders.evolve(state, event);
    };
    const parts = place.parts({ domain: { ...orders, evolve } });
    expect(await stateAt(parts, 'a', NOW)).toMatchObject({ kind: 'unfoldable', reason: 'fold_failed' });
    expect(await stateAt(parts, 'a', { kind: 'version', version: 3 })).toMatchObject({ kind: 'state' });
  });

  it('gives the state before an event that the domain does not understand, and refuses the one after it', async () => {
    const { decoder } = place.parts();
    const restore: typeof decoder.restore = (event) => {
      if (event.data.includes(PENDING)) throw new Error('It is new.');
      return decoder.restore(event);
    };
    const parts = place.parts({ decoder: { ...decoder, restore } });
    const kindAt = async (version: number) => (await stateAt(parts, 'a', { kind: 'version', version })).kind;
    expect([await kindAt(3), await kindAt(4)]).toEqual(['state', 'unfoldable']);
  });
});

describe('the difference of two moments', () => {
  it('names the columns with the events that decided them, and the events that were added', async () => {
    const diff = await diffOf(place.parts(), 'a', { kind: 'version', version: 2 }, NOW);
    if (diff.kind !== 'diff') throw new Error(diff.kind);
    expect(
      diff.columns.map(({ column, from, to, decidedBy }) => [column, from, to, decidedBy?.version]),
    ).toEqual([
      ['payment_status', AUTHORIZED, ACCEPTED, 3],
      ['review_status', null, 'ACCEPTED', 3],
    ]);
    expect(diff.added.map(({ version }) => version)).toEqual([3, 4]);
    expect(diff.removed).toEqual([]);
  });

  it('names events of both sides if neither moment knows all that the other knows', async () => {
    const happened: Moment = { kind: 'at', ms: clock('10:02:30') };
    const known: Moment = { kind: 'as_known_at', ms: clock('12:00:02') };
    const diff = await diffOf(place.parts(), 'a', happened, known);
    if (diff.kind !== 'diff') throw new Error(diff.kind);
    expect([diff.added, diff.removed].map((events) => events.map(({ version }) => version))).toEqual([
      [3],
      [4],
    ]);
  });

  it('refuses a side that has no state, whichever it is', async () => {
    const late: Moment = { kind: 'version', version: 9 };
    expect((await diffOf(place.parts(), 'a', late, NOW)).kind).toBe('no_such_version');
    expect((await diffOf(place.parts(), 'a', NOW, late)).kind).toBe('no_such_version');
    expect((await diffOf(place.parts(), 'nobody', NOW, NOW)).kind).toBe('unknown');
  });
});

describe('a moment as a text', () => {
  it.each(['now', '3', '2026-01-01T10:00:00.000Z', 'known:2026-01-01T10:00:00.000Z'])(
    'reads and prints a moment alike: %s',
    (text) => {
      const moment = momentOf(text);
      expect(moment === null ? null : momentText(moment)).toBe(text);
    },
  );

  it.each(['', 'then', '-1', '1.5', '2026-01-01', 'known:', 'known:3', '2026-02-30T00:00:00Z'])(
    'refuses the text %j as a moment',
    (text) => {
      expect(momentOf(text)).toBeNull();
    },
  );
});
