import { setTimeout } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { keyOf } from '../../../src/core/long-history.ts';
import { compareSequence, type SequenceKey } from '../../../src/core/sequence.ts';
import type { JournaledEvent } from '../../../src/ports/journal.ts';
import type { LongChange, StoredRung } from '../../../src/ports/long-journals.ts';
import type { Store } from '../../../src/ports/store.ts';
import {
  batchOf,
  change,
  commitChanges,
  event,
  NASTY_IDS,
  ROW,
  type StoreHarness,
  usePlace,
} from './fixtures.ts';

const NEVER = new AbortController().signal;
const NOTHING_DROPPED: LongChange = { foldVersion: 1, dropFrom: null, rungs: [] };

function events(from: number, count: number, facts: Partial<JournaledEvent> = {}): JournaledEvent[] {
  return Array.from({ length: count }, (_, index) =>
    event('parcel', from + index, { data: `{"number":${from + index}}`, ...facts }),
  );
}

function rung(last: SequenceKey, text: string): StoredRung {
  return { last: keyOf(last), state: Buffer.from(text) };
}

function told(rungs: readonly StoredRung[]): [number, string][] {
  return rungs.map(({ last, state }) => [last.position, Buffer.from(state).toString()]);
}

async function commit(
  store: Store,
  fromVersion: number,
  added: readonly JournaledEvent[],
  long?: LongChange,
): Promise<void> {
  await commitChanges(
    store,
    change('parcel', fromVersion, { events: added, ...(long === undefined ? {} : { long }) }),
  );
}

/** The keys that the index has for these ids, sorted. */
async function known(store: Store, eventIds: readonly string[]): Promise<SequenceKey[]> {
  const found = await store.longJournals.lookUp([{ entityId: 'parcel', eventIds }]);
  return [...(found.get('parcel')?.known ?? [])].sort(compareSequence);
}

async function versionInIndex(store: Store): Promise<number | undefined> {
  return (await store.longJournals.lookUp([{ entityId: 'parcel', eventIds: [] }])).get('parcel')?.version;
}

/** The whole journal, read in ranges. */
async function readAll(store: Store, limit: number): Promise<JournaledEvent[]> {
  const all: JournaledEvent[] = [];
  for (let after: SequenceKey | null = null; ; after = all.at(-1) ?? null) {
    const page = await store.longJournals.readRange({ entityId: 'parcel', after, through: null, limit });
    all.push(...page.events);
    if (page.isEnd) return all;
    expect(page.events.length).toBeGreaterThan(0);
  }
}

export function describeLongJournals(harness: StoreHarness): void {
  describe('the index and ladder of a long journal', () => {
    const place = usePlace(harness);

    it('an entity that is not indexed is not found', async () => {
      await commit(place.store, 0, events(1, 5));
      expect(await place.store.longJournals.lookUp([{ entityId: 'parcel', eventIds: ['event-1'] }])).toEqual(
        new Map(),
      );
    });

    it('events are found by their ids, told apart by their bytes, and several with one id', async () => {
      const nasty = NASTY_IDS.map((eventId, index) => event('parcel', index + 1, { eventId }));
      const twin = event('parcel', 1_000, { eventId: 'A1', data: '{"twin":true}' });
      await commit(place.store, 0, [...nasty, twin]);
      await commitChanges(
        place.store,
        change('other', 0, { events: [event('other', 1, { eventId: 'A1' })] }),
      );
      const indexed = await place.store.longJournals.index('parcel', 1, NEVER);
      expect(indexed).toEqual({ version: nasty.length + 1, foldVersion: 1, known: [] });

      for (const one of nasty)
        expect(await known(place.store, [one.eventId])).toEqual(
          one.eventId === 'A1' ? [keyOf(one), keyOf(twin)] : [keyOf(one)],
        );
      const sorted = [...nasty, twin].map(keyOf).sort(compareSequence);
      expect(await known(place.store, ['unknown', ...NASTY_IDS, 'A1'])).toEqual(sorted);
    });

    it('many entities and ids are looked up at once, and entities that are not indexed are left out', async () => {
      const ids = Array.from({ length: 40 }, (_, index) => `parcel ${index}`);
      await commitChanges(
        place.store,
        ...ids.map((id) => change(id, 0, { events: [event(id, 1), event(id, 2)] })),
      );
      const indexed = ids.slice(0, 30);
      for (const id of indexed) await place.store.longJournals.index(id, 1, NEVER);
      const eventIds = Array.from({ length: 20 }, (_, index) => `event-${index}`);
      const found = await place.store.longJournals.lookUp(ids.map((entityId) => ({ entityId, eventIds })));
      expect([...found.keys()].sort()).toEqual([...indexed].sort());
      for (const { known: keys, version } of found.values()) {
        expect(version).toBe(2);
        expect(keys.map(({ eventId }) => eventId).sort()).toEqual(['event-1', 'event-2']);
      }
    });

    it('a commit that builds on the version of the index extends it, and any other leaves it behind', async () => {
      await commit(place.store, 0, events(1, 5));
      await place.store.longJournals.index('parcel', 1, NEVER);
      await commit(place.store, 5, events(6, 40), NOTHING_DROPPED);
      expect(await versionInIndex(place.store)).toBe(45);
      expect(await known(place.store, ['event-6', 'event-45'])).toHaveLength(2);

      await commit(place.store, 45, events(46, 1), { ...NOTHING_DROPPED, foldVersion: 2 });
      await commit(place.store, 46, events(47, 1));
      expect(await versionInIndex(place.store)).toBe(45);
      await commit(place.store, 47, events(48, 1), NOTHING_DROPPED);
      expect(await versionInIndex(place.store)).toBe(45);

      await place.store.longJournals.index('parcel', 1, NEVER);
      expect(await versionInIndex(place.store)).toBe(48);
      expect(await known(place.store, ['event-46', 'event-47', 'event-48'])).toHaveLength(3);
    });

    it('a batch that is not committed does not extend the index', async () => {
      await commit(place.store, 0, events(1, 5));
      await place.store.longJournals.index('parcel', 1, NEVER);
      const long = { ...NOTHING_DROPPED, rungs: [rung(event('parcel', 3), 'three')] };
      const outcome = await place.store.commit(
        batchOf([], [change('parcel', 5, { events: events(6, 1), long }), change('zebra', 7)]),
      );
      expect(outcome).toEqual({ kind: 'stale' });
      expect(await versionInIndex(place.store)).toBe(5);
      expect(await place.store.longJournals.rungBefore('parcel', null)).toBeNull();
    });

    it('a range is read in canonical sequence, whatever the sequence of arrival', async () => {
      const all = events(1, 50);
      const late = all.filter((_, index) => index % 3 === 0);
      const first = all.filter((_, index) => index % 3 !== 0);
      await commit(place.store, 0, first);
      await place.store.longJournals.index('parcel', 1, NEVER);
      await commit(place.store, first.length, [...late].reverse(), NOTHING_DROPPED);

      for (const limit of [1, 7, 50, 100]) expect(await readAll(place.store, limit)).toEqual(all);
      const range = { entityId: 'parcel', after: all[9] ?? null, through: all[19] ?? null };
      expect(await place.store.longJournals.readRange({ ...range, limit: 100 })).toEqual({
        events: all.slice(10, 20),
        isEnd: true,
      });
      expect(await place.store.longJournals.readRange({ ...range, limit: 4 })).toEqual({
        events: all.slice(10, 14),
        isEnd: false,
      });
    });

    it('a page of large bodies is shorter than its limit', async () => {
      const data = (number: number) => JSON.stringify({ number, text: 'x'.repeat(1_000_000) });
      const large = Array.from({ length: 14 }, (_, index) =>
        event('parcel', index + 1, { data: data(index) }),
      );
      await commit(place.store, 0, large);
      await place.store.longJournals.index('parcel', 1, NEVER);
      expect((await readAll(place.store, 100)).map(({ position }) => position)).toEqual(
        large.map(({ position }) => position),
      );
    });

    it('rungs are kept by their keys, and added only at the version and fold version of the index', async () => {
      const all = events(1, 30);
      await commit(place.store, 0, all);
      const { longJournals } = place.store;
      await longJournals.index('parcel', 1, NEVER);
      const rungs = [10, 20].map((at) => rung(all[at - 1] as JournaledEvent, `at ${at}`));
      const addition = { entityId: 'parcel', version: 30, foldVersion: 1, rungs };
      expect(await longJournals.addRungs({ ...addition, version: 29 })).toBe(false);
      expect(await longJournals.addRungs({ ...addition, foldVersion: 2 })).toBe(false);
      expect(await longJournals.addRungs({ ...addition, entityId: 'other' })).toBe(false);
      expect(await longJournals.rungsBehind('parcel', null, 10)).toEqual([]);
      expect(await longJournals.addRungs(addition)).toBe(true);

      const rungBefore = async (position: number | null) => {
        const found = await longJournals.rungBefore(
          'parcel',
          position === null ? null : event('parcel', position),
        );
        return found === null ? null : told([found])[0];
      };
      expect(told(await longJournals.rungsBehind('parcel', null, 10))).toEqual([
        [10, 'at 10'],
        [20, 'at 20'],
      ]);
      expect(told(await longJournals.rungsBehind('parcel', rungs[0]?.last ?? null, 10))).toEqual([
        [20, 'at 20'],
      ]);
      expect(told(await longJournals.rungsBehind('parcel', null, 1))).toEqual([[10, 'at 10']]);
      expect(await rungBefore(null)).toEqual([20, 'at 20']);
      expect(await rungBefore(15)).toEqual([10, 'at 10']);
      expect(await rungBefore(5)).toBeNull();
      expect(await longJournals.rungBefore('parcel', all[9] as JournaledEvent)).toBeNull();
      expect(await longJournals.rungBefore('other', null)).toBeNull();
    });

    it('a commit replaces and removes rungs', async () => {
      const all = events(1, 30);
      await commit(place.store, 0, all);
      const { longJournals } = place.store;
      await longJournals.index('parcel', 1, NEVER);
      const rungs = [10, 20, 30].map((at) => rung(all[at - 1] as JournaledEvent, `at ${at}`));
      await longJournals.addRungs({ entityId: 'parcel', version: 30, foldVersion: 1, rungs });
      await commit(place.store, 30, events(31, 1), {
        foldVersion: 1,
        dropFrom: keyOf(all[19] as JournaledEvent),
        rungs: [rung(all[9] as JournaledEvent, 'anew'), rung(all[24] as JournaledEvent, 'more')],
      });
      expect(told(await longJournals.rungsBehind('parcel', null, 10))).toEqual([
        [10, 'anew'],
        [25, 'more'],
      ]);
    });

    it('rungs behind events that were journaled without the index are dropped', async () => {
      const all = events(1, 30);
      await commit(place.store, 0, all);
      const { longJournals } = place.store;
      await longJournals.index('parcel', 1, NEVER);
      const rungs = [10, 20].map((at) => rung(all[at - 1] as JournaledEvent, `at ${at}`));
      await longJournals.addRungs({ entityId: 'parcel', version: 30, foldVersion: 1, rungs });
      await commit(place.store, 30, [event('parcel', 15, { eventId: 'late' })]);
      await longJournals.index('parcel', 1, NEVER);
      expect(told(await longJournals.rungsBehind('parcel', null, 10))).not.toContainEqual([20, 'at 20']);
    });

    it('the ladder of another fold version is dropped', async () => {
      const all = events(1, 30);
      await commit(place.store, 0, all);
      const { longJournals } = place.store;
      await longJournals.index('parcel', 1, NEVER);
      const rungs = [rung(all[9] as JournaledEvent, 'of 1')];
      await longJournals.addRungs({ entityId: 'parcel', version: 30, foldVersion: 1, rungs });
      expect(await longJournals.index('parcel', 2, NEVER)).toMatchObject({ version: 30, foldVersion: 2 });
      expect(await longJournals.rungBefore('parcel', null)).toBeNull();
      expect(await longJournals.addRungs({ entityId: 'parcel', version: 30, foldVersion: 1, rungs })).toBe(
        false,
      );
    });

    it('the index is made again after its tables were emptied', async () => {
      await commit(place.store, 0, events(1, 30));
      const { longJournals } = place.store;
      await longJournals.index('parcel', 1, NEVER);
      await harness.rawQuery('DELETE FROM journal_index');
      expect(await versionInIndex(place.store)).toBeUndefined();
      await commit(place.store, 30, events(31, 1), NOTHING_DROPPED);
      expect(await versionInIndex(place.store)).toBeUndefined();
      expect(await longJournals.index('parcel', 1, NEVER)).toMatchObject({ version: 31 });
      expect(await known(place.store, ['event-1', 'event-31'])).toHaveLength(2);
    });

    it('the index is whole after two instances made it at once and one of them was closed meanwhile', async () => {
      const other = await place.another();
      for (let from = 0; from < 3_000; from += 1_000)
        await commit(place.store, from, events(from + 1, 1_000));
      const closed = other.longJournals.index('parcel', 1, NEVER).catch(() => null);
      await setTimeout(20);
      const closing = other.close();
      const indexed = await place.store.longJournals.index('parcel', 1, NEVER);
      await Promise.all([closed, closing]);
      expect(indexed?.version).toBe(3_000);
      const ids = Array.from({ length: 3_000 }, (_, index) => `event-${index + 1}`);
      expect(await known(place.store, ids)).toHaveLength(3_000);
      expect(await readAll(place.store, 1_000)).toHaveLength(3_000);
    });

    it('a journal longer than the limit is read in part, but beyond the limit, and a short one whole', async () => {
      for (let from = 0; from < 300; from += 50) await commit(place.store, from, events(from + 1, 50));
      await commitChanges(
        place.store,
        change('short', 0, { events: [event('short', 1), event('short', 2)] }),
      );
      const journals = await place.store.readJournals(['parcel', 'short'], 100);
      expect(journals.get('parcel')?.length).toBeGreaterThan(100);
      expect(journals.get('parcel')?.length).toBeLessThan(200);
      expect(journals.get('short')).toHaveLength(2);
      expect((await place.store.readJournals(['parcel'])).get('parcel')).toHaveLength(300);
    });

    it.each(['nothing', 'an index', 'an index, and a row that was altered', 'an index that is behind'])(
      'a locking plan gets the version of a journal with thousands of events that has %s',
      async (which) => {
        await commit(place.store, 0, events(1, 1_500));
        if (which !== 'nothing') await place.store.longJournals.index('parcel', 1, NEVER);
        if (which === 'an index that is behind') await commit(place.store, 1_500, events(1_501, 1));
        if (which === 'an index, and a row that was altered')
          await harness.rawQuery('UPDATE parcels SET version = 7');
        const seen: unknown[] = [];
        const expected = which === 'an index that is behind' ? 1_501 : 1_500;
        await place.store.commit(
          batchOf([], [], {
            mode: 'locking',
            entityIds: ['parcel'],
            plan: async (versions) => {
              seen.push(versions?.get('parcel'));
              return [change('parcel', expected, { row: ROW, events: events(5_000, 1) })];
            },
          }),
        );
        expect(seen).toEqual([expected]);
      },
    );
  });
}
