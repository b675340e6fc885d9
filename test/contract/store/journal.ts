import { describe, expect, it } from 'vitest';
import { compareSequence } from '../../../src/core/sequence.ts';
import type { JournaledEvent } from '../../../src/ports/journal.ts';
import { change, commitChanges, event, NASTY_IDS, type StoreHarness, usePlace } from './fixtures.ts';

export function describeJournal(harness: StoreHarness): void {
  describe('the journal', () => {
    const place = usePlace(harness);

    it('an event is read back as it was written', async () => {
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

    it('bodies of a megabyte are kept whole', async () => {
      const large = event('parcel', 1, { data: JSON.stringify({ text: '😀'.repeat(262_144) }) });
      await commitChanges(place.store, change('parcel', 0, { events: [large] }));
      expect((await place.store.readJournals(['parcel'])).get('parcel')?.[0]?.data).toBe(large.data);
    });

    it('entities without events are left out', async () => {
      await commitChanges(place.store, change('known', 0));
      expect([...(await place.store.readJournals(['unknown', 'known', ''])).keys()]).toEqual(['known']);
      expect(await place.store.readJournals([])).toEqual(new Map());
    });

    it('ids are told apart by their bytes, in journal and view', async () => {
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

    it('events are in canonical sequence whatever the sequence of arrival, with event ids by their bytes', async () => {
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

    it('the journal cannot be changed or deleted from, by anybody', async () => {
      await commitChanges(
        place.store,
        change('parcel', 0, { events: [event('parcel', 1), event('parcel', 2)] }),
      );
      const before = await place.store.readJournals(['parcel']);

      await expect(harness.rawQuery("UPDATE event_journal SET data = '{}'")).rejects.toThrow();
      await expect(harness.rawQuery('DELETE FROM event_journal')).rejects.toThrow();

      expect(await place.store.readJournals(['parcel'])).toEqual(before);
    });

    it('other tools can read every event in full, by the names that they rely on', async () => {
      const bodies = [
        '{"plain":true}',
        '{ "text" : "\\u0000 \u0001\u007f \u{1f600} \\\\ \' \\" \u2028", "text" : 2 }\n\t\r',
        '"a text"',
        '[null,"null",[1e400]]',
      ];
      const written = NASTY_IDS.map((eventId, index) =>
        event('parcel', index + 1, {
          eventId,
          data: bodies[index % bodies.length] as string,
          revision: index % 3 === 0 ? index + 1 : null,
          occurredAtMs:
            index % 2 === 0 ? Date.UTC(1970, 0, 1) + index : Date.UTC(9999, 11, 31, 23, 59, 59, 999),
          observedAtMs: Date.UTC(2026, 5, 30, 12, 0, 0, index),
          offset: 2n ** 53n + BigInt(index),
          partition: index,
        }),
      );
      await commitChanges(
        place.store,
        change('other', 0),
        change('parcel', 0, { events: written.slice(0, 40) }),
      );
      await commitChanges(place.store, change('parcel', 40, { events: written.slice(40) }));

      const rows = await harness.rawQuery(
        'SELECT event_id, event_type, revision, CAST(time_occurred AS CHAR) AS occurred, CAST(time_observed AS CHAR) AS observed, ' +
          'topic, partition_id, CAST(record_offset AS CHAR) AS at_offset, data ' +
          "FROM event_journal WHERE CAST(entity_id AS CHAR) = 'parcel' ORDER BY sequence_position",
      );

      expect(
        rows.map((row) => ({
          ...row,
          event_id: String(row.event_id),
          occurred: isoTime(row.occurred),
          observed: isoTime(row.observed),
        })),
      ).toEqual(
        written.map((each) => ({
          event_id: each.eventId,
          event_type: each.eventType,
          revision: each.revision,
          occurred: new Date(each.occurredAtMs).toISOString(),
          observed: new Date(each.observedAtMs).toISOString(),
          topic: each.topic,
          partition_id: each.partition,
          at_offset: String(each.offset),
          data: each.data,
        })),
      );
    });
  });
}

/** The time in ISO form: databases with and without a type for times print it differently. */
function isoTime(printed: unknown): string {
  return `${String(printed).replace(' ', 'T').replace('Z', '')}Z`;
}
