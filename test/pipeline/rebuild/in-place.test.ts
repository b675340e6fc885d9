import { describe, expect, it } from 'vitest';
import type { ViewRow } from '../../../src/core/domain.ts';
import { compareEntities, rebuildEntities } from '../../../src/pipeline/rebuild/in-place.ts';
import type { RebuildParts } from '../../../src/pipeline/rebuild/rebuild.ts';
import type { StoredRow } from '../../../src/ports/store.ts';
import { AUTHORIZED, created, OrderStore, paid } from '../../helpers/order-store.ts';

type Parts = RebuildParts<never, never>;

/** The parts of a rebuild on this store, whose view has these rows in the place of its own. Null stands for no row. */
function partsOf(place: OrderStore, altered: Readonly<Record<string, StoredRow | null>> = {}): Parts {
  const { store, clock } = place;
  const { domain, decoder, due } = place.parts();
  const asked: string[][] = [];
  const view: typeof store.readView = async (ids) => {
    asked.push([...ids]);
    const rows = new Map(await store.readView(ids));
    for (const [id, row] of Object.entries(altered)) {
      if (!ids.includes(id)) continue;
      if (row === null) rows.delete(id);
      else rows.set(id, row);
    }
    return rows;
  };
  const reading = new Proxy(store, {
    get(target, name) {
      if (name === 'readView') return view;
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  return { domain, decoder, due, store: reading, clock, logger: () => {} } as unknown as Parts;
}

async function placeWith(...ids: readonly string[]): Promise<OrderStore> {
  const place = await OrderStore.open();
  await place.journal(ids.map((id) => created(id, '10:00')));
  return place;
}

const READY: ViewRow = ['CREATED', 'PAYMENT_AUTHORIZED', null, true];
const BARE: ViewRow = ['CREATED', null, null, false];

describe('compareEntities', () => {
  it('finds no difference between the rows and the folds of their journals', async () => {
    const place = await placeWith('a', 'b');
    expect(await compareEntities(partsOf(place), ['a', 'b'])).toEqual([]);
  });

  it('finds altered rows, missing rows, and rows without a journal', async () => {
    const place = await placeWith('a', 'b');
    const stray = { row: READY, version: 1 };
    const parts = partsOf(place, { a: stray, b: null, nobody: stray });
    expect(await compareEntities(parts, ['a', 'b', 'nobody'])).toEqual([
      { entityId: 'a', before: stray, after: { row: BARE, version: 1 }, fault: null },
      { entityId: 'b', before: null, after: { row: BARE, version: 1 }, fault: null },
      { entityId: 'nobody', before: stray, after: null, fault: null },
    ]);
  });

  it('compares each of more than 100 entities once, also one that is named twice', async () => {
    const ids = Array.from({ length: 205 }, (_, index) => `order-${String(index).padStart(3, '0')}`);
    const place = await placeWith(...ids);
    const none = Object.fromEntries(ids.map((id) => [id, null]));
    const found = await compareEntities(partsOf(place, none), [...ids, 'order-000', 'order-204']);
    expect(found.map(({ entityId }) => entityId)).toEqual(ids);
  });

  it('says why an entity cannot be folded', async () => {
    const place = await placeWith('a');
    const parts = partsOf(place);
    const evolve = () => {
      throw new Error('It throws.');
    };
    const domain = { ...parts.domain, evolve } as Parts['domain'];
    expect(await compareEntities({ ...parts, domain }, ['a'])).toMatchObject([
      {
        entityId: 'a',
        after: null,
        fault: { reason: 'fold_failed', detail: expect.stringContaining('It throws.') },
      },
    ]);
  });
});

describe('rebuildEntities', () => {
  it('writes nothing and reports nothing where rows and journals agree', async () => {
    const place = await placeWith('a');
    await place.journal([paid('a', AUTHORIZED, '10:01')]);
    expect(await rebuildEntities(partsOf(place), ['a', 'nobody'])).toEqual([
      { entityId: 'nobody', before: null, after: null, fault: null },
    ]);
    expect((await place.store.readView(['a'])).get('a')).toEqual({ row: READY, version: 2 });
  });
});

describe('rebuildEntities with a corrected fold', () => {
  /** The fold that takes every payment for a declined one. */
  function corrected(parts: Parts): Parts {
    const { view } = parts.domain;
    const row = (state: never) => {
      const [order = null, , ...others] = view.row(state);
      return [order, 'AUTHORIZATION_REVIEW_DECLINED', ...others];
    };
    return { ...parts, domain: { ...parts.domain, view: { ...view, row } } };
  }

  /** The store, with the entities of each commit in `written`. */
  function watched({ store }: Parts, written: (readonly string[])[]): Parts['store'] {
    return new Proxy(store, {
      get(target, name) {
        if (name !== 'commit') return Reflect.get(target, name);
        return (batch: Parameters<typeof store.commit>[0]) => {
          written.push(batch.entityIds);
          return target.commit(batch);
        };
      },
    });
  }

  it('writes the rows of all entities that have one, however many there are', async () => {
    const ids = Array.from({ length: 101 }, (_, index) => `id ${1_000 + index}`);
    const place = await placeWith(...ids, 'other');
    expect(await rebuildEntities(corrected(partsOf(place)), [...ids].reverse())).toEqual([]);
    const rows = await place.store.readView([...ids, 'other']);
    for (const id of ids) expect(rows.get(id)?.row[1]).toBe('AUTHORIZATION_REVIEW_DECLINED');
    expect(rows.get('other')?.row).toEqual(BARE);
  });

  it('leaves what has no row or no journal, and tells of it', async () => {
    const place = await placeWith('a', 'b');
    const stray = { row: READY, version: 1 };
    const parts = corrected(partsOf(place, { b: null, nobody: stray }));
    const written: (readonly string[])[] = [];
    const left = await rebuildEntities({ ...parts, store: watched(parts, written) }, ['a', 'b', 'nobody']);
    expect(left).toMatchObject([
      { entityId: 'b', before: null, after: { version: 1 } },
      { entityId: 'nobody', before: stray, after: null },
    ]);
    expect((await place.store.readView(['a'])).get('a')?.row[1]).toBe('AUTHORIZATION_REVIEW_DECLINED');
    expect(written).toEqual([['a']]);
  });

  it('asks nobody whether rows may be written where there is nothing to write', async () => {
    const place = await placeWith('a');
    const parts = partsOf(place);
    const awaiting = { ...parts, domain: { ...parts.domain, foldVersion: 9 } };
    expect(await rebuildEntities(awaiting, ['nobody'])).toMatchObject([{ entityId: 'nobody' }]);
    await expect(rebuildEntities(corrected(awaiting), ['a'])).rejects.toMatchObject({
      code: 'rebuild_refused',
    });
  });

  it('leaves a row alone that has another version than the journal', async () => {
    const place = await placeWith('a');
    const left = await rebuildEntities(corrected(partsOf(place, { a: { row: READY, version: 9 } })), ['a']);
    expect(left).toMatchObject([{ entityId: 'a', before: { version: 9 } }]);
    expect((await place.store.readView(['a'])).get('a')?.row).toEqual(BARE);
  });

  it('compares entities by their ids, and no more than there are', async () => {
    const ids = Array.from({ length: 100 }, (_, index) => `id ${1_000 + index}`);
    const place = await placeWith(...ids);
    const parts = partsOf(place, Object.fromEntries(ids.map((id) => [id, null])));
    let reads = 0;
    const readView: typeof parts.store.readView = (asked) => {
      reads++;
      return parts.store.readView(asked);
    };
    const store = { longJournals: parts.store.longJournals, readView } as typeof parts.store;
    const readJournals: typeof store.readJournals = (...asked) => parts.store.readJournals(...asked);
    const found = await compareEntities(
      { ...parts, store: Object.assign(store, { readJournals }) },
      [...ids].reverse(),
    );
    expect(found.map(({ entityId }) => entityId)).toEqual(ids);
    expect(reads).toBe(1);
  });

  it('tries ten times, while somebody changes the row again and again', async () => {
    const place = await placeWith('a');
    const parts = partsOf(place, { a: { row: READY, version: 1 } });
    let commits = 0;
    const store = new Proxy(parts.store, {
      get(target, name) {
        if (name === 'commit') commits++;
        return Reflect.get(target, name);
      },
    });
    expect(await rebuildEntities({ ...parts, store }, ['a'])).toMatchObject([{ entityId: 'a' }]);
    expect(commits).toBe(10);
  });
});
