import { describe, expect, it } from 'vitest';
import { type KnownEvents, LATEST_EVENTS, readKnown } from '../../../src/pipeline/ask/known-events.ts';
import type { ArrivalsRange, ArrivedEvent } from '../../../src/ports/journal.ts';
import { event } from '../../contract/store/fixtures.ts';

/** A journal of one entity, which has `lengthAt(call)` events at each read. A page has at most this many events. */
function journalOf(lengthAt: (call: number) => number, pageEvents = 512) {
  const ranges: ArrivalsRange[] = [];
  const readArrivals = async (range: ArrivalsRange) => {
    ranges.push(range);
    const lastVersion = lengthAt(ranges.length);
    const count = Math.max(0, Math.min(lastVersion - range.after, range.limit, pageEvents));
    const events = Array.from({ length: count }, (_, index): ArrivedEvent => {
      const version = range.after + index + 1;
      return { ...event('a', version), version };
    });
    return { events, lastVersion };
  };
  return { readArrivals, ranges };
}

/** Does not understand the events with these versions. */
const decoderWithout = (...versions: readonly number[]) => ({
  restore(journaled: ArrivedEvent) {
    if (versions.includes(journaled.version)) throw new Error(`version ${journaled.version} is odd`);
    return { ...journaled, event: {} };
  },
});

async function known(
  journal: ReturnType<typeof journalOf>,
  maxEvents: number,
  decoder = decoderWithout(),
): Promise<KnownEvents<unknown>> {
  return readKnown({ store: journal, decoder, maxEvents } as never, 'a');
}

const versionsOf = ({ events }: KnownEvents<unknown>) => events.map(({ version }) => version);
const fromTo = (first: number, last: number) =>
  Array.from({ length: last - first + 1 }, (_, index) => first + index);

describe('readKnown', () => {
  it('finds nothing of an entity without events', async () => {
    expect(
      await known(
        journalOf(() => 0),
        10,
      ),
    ).toEqual({
      events: [],
      lastVersion: 0,
      areAll: true,
      fault: null,
    });
  });

  it('reads page after page, each behind the one before', async () => {
    const journal = journalOf(() => 7, 3);
    const found = await known(journal, 7);
    expect(versionsOf(found)).toEqual(fromTo(1, 7));
    expect([found.areAll, found.lastVersion]).toEqual([true, 7]);
    expect(journal.ranges.map(({ after }) => after)).toEqual([0, 3, 6]);
  });

  it('keeps the last 100 events of an entity with more than the limit', async () => {
    const found = await known(
      journalOf(() => 151),
      150,
    );
    expect(found.events).toHaveLength(LATEST_EVENTS);
    expect(versionsOf(found)).toEqual(fromTo(52, 151));
    expect(found.areAll).toBe(false);
  });

  it('forgets what it has read if the entity grows over the limit meanwhile', async () => {
    const found = await known(
      journalOf((call) => (call === 1 ? 150 : 151), 80),
      150,
      decoderWithout(3),
    );
    expect(versionsOf(found)).toEqual(fromTo(52, 151));
    expect([found.areAll, found.fault]).toEqual([false, null]);
  });

  it('names the first event that the domain does not understand, and keeps all', async () => {
    const found = await known(
      journalOf(() => 5),
      10,
      decoderWithout(2, 4),
    );
    expect(found.fault).toMatchObject({
      reason: 'event_not_understood',
      detail: expect.stringContaining('version 2 is odd'),
    });
    expect(found.events.map(({ understood }) => understood !== null)).toEqual([
      true,
      false,
      true,
      false,
      true,
    ]);
  });
});
