import { describe, expect, it } from 'vitest';
import { change, commitChanges, event, usePlace } from '../../contract/store/fixtures.ts';
import { SqliteHarness } from './harness.ts';

const harness = new SqliteHarness();

describe('a journal that is older than the column of versions', () => {
  const place = usePlace(harness);
  const all = { entityId: 'parcel', after: 0, limit: 100 };

  /** Takes the versions away of the events before this one, as a store has them that was migrated. */
  async function age(before: number): Promise<void> {
    await harness.rawQuery('DROP TRIGGER event_journal_refuses_update');
    await harness.rawQuery(`UPDATE event_journal SET entity_version = NULL WHERE entity_version < ${before}`);
  }

  it('the old events come first, by the time at which they were decoded and by their places in the log', async () => {
    const at = (observedAtMs: number, partition: number, offset: bigint) => ({
      observedAtMs,
      partition,
      offset,
    });
    await commitChanges(
      place.store,
      change('parcel', 0, {
        events: [
          event('parcel', 1, at(2_000, 0, 9n)),
          event('parcel', 2, at(1_000, 1, 3n)),
          event('parcel', 3, at(1_000, 0, 10n)),
          event('parcel', 4, at(1_000, 0, 9n)),
        ],
      }),
    );
    await commitChanges(place.store, change('parcel', 4, { events: [event('parcel', 0, at(1, 0, 0n))] }));
    await age(5);
    const { events, lastVersion } = await place.store.readArrivals(all);
    expect(events.map(({ version, eventId }) => [version, eventId])).toEqual([
      [1, 'event-4'],
      [2, 'event-3'],
      [3, 'event-2'],
      [4, 'event-1'],
      [5, 'event-0'],
    ]);
    expect(lastVersion).toBe(5);
    for (const { version, eventId } of events)
      expect(await place.store.findEvent({ entityId: 'parcel', eventId, after: 0 })).toEqual({
        version,
        lastVersion: 5,
      });
    expect((await place.store.readArrivals({ ...all, after: 2, limit: 2 })).events).toEqual(
      events.slice(2, 4),
    );
    expect((await place.store.readLastArrivals(['parcel'])).get('parcel')).toBe(1);
  });

  it('an old event of an indexed entity with more than 1,024 events is found by its id', async () => {
    const events = Array.from({ length: 1_100 }, (_, n) =>
      event('parcel', n + 1, { observedAtMs: 5_000 - n }),
    );
    await commitChanges(place.store, change('parcel', 0, { events }));
    await age(1_051);
    await place.store.longJournals.index('parcel', 1, new AbortController().signal);
    const find = (eventId: string) => place.store.findEvent({ entityId: 'parcel', eventId, after: 0 });
    // The old events are sorted by the time at which they were decoded, which here is the reverse of their positions.
    expect(await find('event-1050')).toEqual({ version: 1, lastVersion: 1_100 });
    expect(await find('event-1100')).toEqual({ version: 1_100, lastVersion: 1_100 });
  });

  it('gives the version of an entity with old events only, and goes on counting from there', async () => {
    await commitChanges(
      place.store,
      change('parcel', 0, { events: [event('parcel', 1), event('parcel', 2)] }),
    );
    await age(3);
    expect((await place.store.readArrivals(all)).lastVersion).toBe(2);
    await commitChanges(place.store, change('parcel', 2));
    expect((await place.store.readArrivals(all)).events.map(({ version }) => version)).toEqual([1, 2, 3]);
  });

  it('an entity with more than 1,024 old events and new ones behind them is read whole, each event once', async () => {
    const events = Array.from({ length: 1_100 }, (_, n) =>
      event('parcel', n + 1, { observedAtMs: 5_000 - n }),
    );
    await commitChanges(place.store, change('parcel', 0, { events }));
    await age(1_051);
    const seen: number[] = [];
    for (;;) {
      const page = await place.store.readArrivals({ ...all, after: seen.at(-1) ?? 0, limit: 250 });
      if (page.events.length === 0) break;
      seen.push(...page.events.map(({ version }) => version));
    }
    expect(seen).toEqual(Array.from({ length: 1_100 }, (_, n) => n + 1));
    const [first] = (await place.store.readArrivals({ ...all, limit: 1 })).events;
    // The last old event was decoded first.
    expect(first?.eventId).toBe('event-1050');
  });
});
