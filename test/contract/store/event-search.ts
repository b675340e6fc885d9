import { describe, expect, it } from 'vitest';
import { change, commitChanges, event, NASTY_IDS, type StoreHarness, usePlace } from './fixtures.ts';

const NEVER = new AbortController().signal;
const LONG_EVENTS = 1_100;

/** Tests of the search for an event by its id. */
export function describeEventSearch(harness: StoreHarness): void {
  describe('the search for an event of an entity', () => {
    const place = usePlace(harness);
    const find = (eventId: string, after = 0, entityId = 'parcel') =>
      place.store.findEvent({ entityId, eventId, after });

    it('an event is found by its exact id, among the events of its entity alone', async () => {
      const nasty = NASTY_IDS.map((eventId, index) => event('parcel', 100 - index, { eventId }));
      // The events of one transaction have their versions in canonical sequence.
      const sorted = [...nasty].reverse();
      await commitChanges(place.store, change('parcel', 0, { events: sorted }), change('other', 0));
      for (const [index, { eventId }] of sorted.entries())
        expect(await find(eventId), eventId).toEqual({ version: index + 1, lastVersion: sorted.length });
      for (const eventId of ['event-1', 'nobody', ''])
        expect(await find(eventId)).toEqual({ version: null, lastVersion: sorted.length });
      expect(await find('event-1', 0, 'other')).toEqual({ version: 1, lastVersion: 1 });
      expect(await find('event-1', 0, 'nobody')).toEqual({ version: null, lastVersion: 0 });
    });

    it('an event is looked for behind a version only, and the last of several with one id is found', async () => {
      const twins = [1, 2].map((position) => event('parcel', position, { eventId: 'twin' }));
      await commitChanges(
        place.store,
        change('parcel', 0, { events: [event('parcel', 5), ...twins.slice(1)] }),
      );
      await commitChanges(place.store, change('parcel', 2, { events: twins.slice(0, 1) }));
      expect(await find('twin')).toEqual({ version: 3, lastVersion: 3 });
      expect(await find('twin', 2)).toEqual({ version: 3, lastVersion: 3 });
      expect(await find('twin', 3)).toEqual({ version: null, lastVersion: 3 });
      expect(await find('twin', 9)).toEqual({ version: null, lastVersion: 3 });
    });

    it.each([
      ['without an index', null],
      ['with an index up to its end', LONG_EVENTS],
      ['with an index of a part', 1_050],
    ])('an entity with more than 1,024 events is searched %s', async (_name, indexed) => {
      // The events arrive in the reverse of their canonical sequence, 50 in a transaction.
      const versions = new Map<string, number>();
      for (let from = 0; from < LONG_EVENTS; from += 50) {
        const events = Array.from({ length: 50 }, (_, index) =>
          event('parcel', LONG_EVENTS - from - 49 + index),
        );
        await commitChanges(place.store, change('parcel', from, { events }));
        for (const [index, { eventId }] of events.entries()) versions.set(eventId, from + index + 1);
        if (from + 50 === indexed) await place.store.longJournals.index('parcel', 1, NEVER);
      }
      for (const wanted of [1, 50, 777, 1_024, 1_025, 1_050, 1_051, LONG_EVENTS]) {
        const [eventId = ''] = [...versions].find(([, version]) => version === wanted) ?? [];
        expect(await find(eventId), String(wanted)).toEqual({ version: wanted, lastVersion: LONG_EVENTS });
        expect(await find(eventId, wanted - 1)).toEqual({ version: wanted, lastVersion: LONG_EVENTS });
        expect(await find(eventId, wanted)).toEqual({ version: null, lastVersion: LONG_EVENTS });
      }
      expect(await find('nobody')).toEqual({ version: null, lastVersion: LONG_EVENTS });
    });
  });
}
