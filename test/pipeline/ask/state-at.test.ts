import { describe, expect, it } from 'vitest';
import { orders } from '../../../src/orders/index.ts';
import { diffOf } from '../../../src/pipeline/ask/diff.ts';
import { type Moment, momentOf, momentText, NOW } from '../../../src/pipeline/ask/moment.ts';
import { stateAt } from '../../../src/pipeline/ask/state-at.ts';
import { ACCEPTED, AUTHORIZED, created, OrderStore, PENDING, paid } from '../../helpers/order-store.ts';

/** An order whose acceptance arrived before its pending review. The batches come at 12:00:01, 12:00:02 and 12:00:03. */
async function lateReview(): Promise<OrderStore> {
  const place = await OrderStore.open();
  await place.journal(
    [created('a', '10:00'), paid('a', AUTHORIZED, '10:01')],
    [paid('a', ACCEPTED, '10:03')],
    [paid('a', PENDING, '10:02')],
  );
  return place;
}

async function paymentAt(place: OrderStore, moment: Moment): Promise<unknown> {
  const state = await stateAt(place.parts(), 'a', moment);
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
    const place = await lateReview();
    expect(await paymentAt(place, { kind: 'at', ms: clock(at) })).toEqual([payment, events]);
  });

  it.each([
    ['12:00:00', null, 0],
    ['12:00:01', AUTHORIZED, 2],
    ['12:00:02.999', ACCEPTED, 3],
    ['12:00:03', ACCEPTED, 4],
  ])('counts the events that were journaled by %s', async (at, payment, events) => {
    const place = await lateReview();
    expect(await paymentAt(place, { kind: 'as_known_at', ms: clock(at) })).toEqual([payment, events]);
  });

  it('differs between what had happened and what was known, which is the point', async () => {
    const place = await OrderStore.open();
    await place.journal([created('a', '10:00')], [paid('a', AUTHORIZED, '10:01')]);
    expect(await paymentAt(place, { kind: 'at', ms: clock('12:00:01') })).toEqual([AUTHORIZED, 2]);
    expect(await paymentAt(place, { kind: 'as_known_at', ms: clock('12:00:01') })).toEqual([null, 1]);
  });

  it.each([
    [0, null, 0],
    [1, null, 1],
    [2, AUTHORIZED, 2],
    [3, ACCEPTED, 3],
    [4, ACCEPTED, 4],
  ])('at version %i is the fold of the first events that arrived', async (version, payment, events) => {
    expect(await paymentAt(await lateReview(), { kind: 'version', version })).toEqual([payment, events]);
  });

  it('equals the row that the view had, at every version that the view had', async () => {
    const place = await OrderStore.open();
    const batches = [
      [paid('a', PENDING, '10:02')],
      [created('a', '10:00'), paid('a', AUTHORIZED, '10:01')],
      [paid('a', ACCEPTED, '10:03')],
    ];
    const rows: (readonly [version: number, row: unknown])[] = [];
    for (const batch of batches) {
      await place.journal(batch);
      const stored = (await place.store.readView(['a'])).get('a');
      rows.push([stored?.version ?? 0, stored?.row]);
    }
    expect(rows.map(([version]) => version)).toEqual([1, 3, 4]);
    for (const [version, row] of rows)
      expect(await stateAt(place.parts(), 'a', { kind: 'version', version })).toMatchObject({ row });
  });

  it('is refused for an unknown order, for a version to come, and for more events than are folded', async () => {
    const place = await lateReview();
    expect(await stateAt(place.parts(), 'b', NOW)).toEqual({ kind: 'unknown' });
    expect(await paymentAt(place, { kind: 'version', version: 5 })).toBe('no_such_version');
    expect(await stateAt(place.parts({ maxEvents: 3 }), 'a', NOW)).toEqual({
      kind: 'too_long',
      lastVersion: 4,
      maxEvents: 3,
    });
  });

  it('is refused with the reason where the domain cannot fold the events that count, and given where it can', async () => {
    const place = await lateReview();
    const evolve: typeof orders.evolve = (state, event) => {
      if (event.kind === 'payment_status_changed' && event.status === PENDING) throw new Error('no pending');
      return orders.evolve(state, event);
    };
    const parts = place.parts({ domain: { ...orders, evolve } });
    expect(await stateAt(parts, 'a', NOW)).toMatchObject({ kind: 'unfoldable', reason: 'fold_failed' });
    expect(await stateAt(parts, 'a', { kind: 'version', version: 3 })).toMatchObject({ kind: 'state' });
  });
});

describe('the difference of two moments', () => {
  it('names the columns with the events that decided them, and the events that were added', async () => {
    const place = await lateReview();
    const diff = await diffOf(place.parts(), 'a', { kind: 'version', version: 2 }, NOW);
    if (diff.kind !== 'diff') throw new Error(diff.kind);
    expect(diff.columns.map(({ column, from, to, decidedBy }) => [column, from, to, decidedBy?.version])).toEqual([
      ['payment_status', AUTHORIZED, ACCEPTED, 3],
      ['review_status', null, 'ACCEPTED', 3],
    ]);
    expect(diff.added.map(({ version }) => version)).toEqual([3, 4]);
    expect(diff.removed).toEqual([]);
  });

  it('has events on both sides if neither moment knows all that the other knows', async () => {
    const place = await lateReview();
    const happened: Moment = { kind: 'at', ms: clock('10:02:30') };
    const known: Moment = { kind: 'as_known_at', ms: clock('12:00:02') };
    const diff = await diffOf(place.parts(), 'a', happened, known);
    if (diff.kind !== 'diff') throw new Error(diff.kind);
    expect([diff.added, diff.removed].map((events) => events.map(({ version }) => version))).toEqual([[3], [4]]);
  });

  it('is refused like a state, for either side', async () => {
    const place = await lateReview();
    const late: Moment = { kind: 'version', version: 9 };
    expect((await diffOf(place.parts(), 'a', late, NOW)).kind).toBe('no_such_version');
    expect((await diffOf(place.parts(), 'a', NOW, late)).kind).toBe('no_such_version');
    expect((await diffOf(place.parts(), 'b', NOW, NOW)).kind).toBe('unknown');
  });
});

describe('a moment as a text', () => {
  it.each(['now', '3', '2026-01-01T10:00:00.000Z', 'known:2026-01-01T10:00:00.000Z'])(
    'is read and printed alike: %s',
    (text) => {
      const moment = momentOf(text);
      expect(moment === null ? null : momentText(moment)).toBe(text);
    },
  );

  it.each(['', 'then', '-1', '1.5', '2026-01-01', 'known:', 'known:3', '2026-02-30T00:00:00Z'])(
    'is refused: %j',
    (text) => {
      expect(momentOf(text)).toBeNull();
    },
  );
});
