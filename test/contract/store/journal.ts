import { describe, expect, it } from 'vitest';
import { compareSequence } from '../../../src/core/sequence.ts';
import type { JournaledEvent } from '../../../src/ports/store.ts';
import { change, commitChanges, event, NASTY_IDS, ROW, type StoreHarness, usePlace } from './fixtures.ts';

export function describeJournal(harness: StoreHarness): void {
  describe('the journal', () => {
    const place = usePlace(harness);

    it('gives an event back as it was written', async () => {
      const written: JournaledEvent[] = [
        event('parcel', 1, {
          occurredAtMs: Date.UTC(1000, 0, 1),
          revision: 1,
          offset: 2n ** 63n - 1n,
          partition: 2 ** 31 - 1,
          data: '{ "text" : "\\u0000 \u0001\u007f 😀 \\ \' \u2028", "text" : 2 }\n',
          eventType: 'PARCEL_WEIGHED',
        }),
        event('parcel', 2 ** 53 - 1, {
          occurredAtMs: Date.UTC(9999, 11, 31, 23, 59, 59, 999),
          revision: 2 ** 53 - 1,
          cautionRank: 7,
        }),
      ];
      await commitChanges(place.store, change('parcel', 0, { events: written }));

      expect(await place.store.readJournals(['parcel'])).toEqual(new Map([['parcel', written]]));
    });

    it('keeps bodies of a megabyte whole', async () => {
      const large = event('parcel', 1, { data: JSON.stringify({ text: '😀'.repeat(262_144) }) });
      await commitChanges(place.store, change('parcel', 0, { events: [large] }));
      expect((await place.store.readJournals(['parcel'])).get('parcel')?.[0]?.data).toBe(large.data);
    });

    it('leaves out entities without events', async () => {
      await commitChanges(place.store, change('known', 0));
      expect([...(await place.store.readJournals(['unknown', 'known', ''])).keys()]).toEqual(['known']);
      expect(await place.store.readJournals([])).toEqual(new Map());
    });

    it('tells ids apart by their bytes, in journal and view', async () => {
      await commitChanges(
        place.store,
        ...NASTY_IDS.map((id, index) => change(id, 0, { row: [id, index % 2 === 0, index] })),
      );

      for (const [index, id] of NASTY_IDS.entries()) {
        const journals = await place.store.readJournals([id]);
        expect([...journals.keys()]).toEqual([id]);
        expect(journals.get(id)?.map(({ entityId }) => entityId)).toEqual([id]);
        expect(await place.store.readView([id])).toEqual(
          new Map([[id, { row: [id, index % 2 === 0, index], version: 1 }]]),
        );
      }
      const all = await place.store.readJournals(NASTY_IDS);
      expect(new Set(all.keys())).toEqual(new Set(NASTY_IDS));
      expect(new Set((await place.store.readView(NASTY_IDS)).keys())).toEqual(new Set(NASTY_IDS));
    });

    it('keeps the canonical sequence whatever the sequence of arrival, event ids by their bytes', async () => {
      const events = [
        ...NASTY_IDS.map((eventId) => event('parcel', 2, { eventId })),
        ...NASTY_IDS.slice(0, 3).map((eventId) => event('parcel', 2, { eventId })),
        event('parcel', 2, { cautionRank: 1, eventId: 'A' }),
        event('parcel', 2, { cautionRank: 10, eventId: 'A' }),
        event('parcel', 2, { occurredAtMs: Date.UTC(2025, 11, 31, 23, 59, 59, 999) }),
        event('parcel', 2, { occurredAtMs: Date.UTC(2026, 5, 1) }),
        event('parcel', 2, { occurredAtMs: Date.UTC(1000, 0, 1) }),
        event('parcel', 10),
        event('parcel', 9),
        event('parcel', 1, { occurredAtMs: Date.UTC(9999, 0, 1) }),
      ];
      const sorted = [...events].sort(compareSequence);
      const arrival = [...sorted].reverse();
      let version = 0;
      while (version < arrival.length) {
        const some = arrival.slice(version, version + 7);
        await commitChanges(place.store, change('parcel', version, { events: some }));
        version += some.length;
      }

      const journal = (await place.store.readJournals(['parcel'])).get('parcel');

      expect(journal).toEqual(sorted);
    });

    it('takes no change and no removal, by whomever', async () => {
      await commitChanges(
        place.store,
        change('parcel', 0, { events: [event('parcel', 1), event('parcel', 2)] }),
      );
      const before = await place.store.readJournals(['parcel']);

      await expect(harness.rawQuery("UPDATE event_journal SET data = '{}'")).rejects.toThrow();
      await expect(harness.rawQuery('DELETE FROM event_journal')).rejects.toThrow();

      expect(await place.store.readJournals(['parcel'])).toEqual(before);
    });

    it('can be queried by the names that other tools rely on', async () => {
      await commitChanges(place.store, change('parcel', 0));
      const rows = await harness.rawQuery(
        'SELECT entity_id, event_id, event_type, revision, time_occurred, time_observed, topic, partition_id, record_offset, data FROM event_journal',
      );
      expect(rows).toHaveLength(1);
      expect(String(rows[0]?.event_id)).toBe('event-1');
    });
  });

  describe('the view', () => {
    const place = usePlace(harness);

    it('has the columns of its definition first and the version after them', async () => {
      await commitChanges(place.store, change('parcel', 0));
      const [row] = await harness.rawQuery('SELECT * FROM parcels');
      expect(Object.keys(row ?? {})).toEqual(['parcel_id', 'place', 'is_fragile', 'weight_grams', 'version']);
    });

    it('gives every kind of value back as it was written, null included', async () => {
      const rows = {
        full: ["l'Île 😀 \\", true, 2 ** 53 - 1],
        falsy: ['', false, 0],
        negative: ['A ', true, -5],
        empty: [null, null, null],
      };
      await commitChanges(place.store, ...Object.entries(rows).map(([id, row]) => change(id, 0, { row })));
      const read = await place.store.readView(Object.keys(rows));
      expect(Object.fromEntries([...read].map(([id, { row }]) => [id, row]))).toEqual(rows);
    });

    it('leaves out entities that are not there', async () => {
      await commitChanges(place.store, change('known', 0));
      expect(await place.store.readView(['unknown', 'known'])).toEqual(
        new Map([['known', { row: ROW, version: 1 }]]),
      );
    });
  });
}
