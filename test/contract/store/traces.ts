import { describe, expect, it } from 'vitest';
import type { TraceContext } from '../../../src/core/trace-context.ts';
import { claimDue, claimOnly, LEASE_MS, settlement } from './delivery-helpers.ts';
import {
  change,
  commitChanges,
  DUE,
  event,
  NASTY_IDS,
  NOT_READY,
  type StoreHarness,
  TARGET,
  UNCHANGED,
  usePlace,
} from './fixtures.ts';

function traceOf(number: number): TraceContext {
  const digits = number.toString(16).padStart(16, '0');
  return { traceParent: `00-0af7651916cd43dd8448eb211c80319c-${digits}-01` };
}

/** The longest traceparent and tracestate that are kept, with characters that JSON and SQL escape. */
const LONGEST: TraceContext = {
  traceParent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  traceState: `a='"\\;--%,b=${'x'.repeat(256)},c=${'y'.repeat(241)}`,
};

export function describeTraces(harness: StoreHarness): void {
  describe('the trace of an event', () => {
    const place = usePlace(harness);

    it('the journal keeps the trace of an event, and none for an event without one', async () => {
      const events = [
        event('parcel', 1, { trace: traceOf(1) }),
        event('parcel', 2),
        event('parcel', 3, { trace: LONGEST }),
      ];
      await commitChanges(place.store, change('parcel', 0, { events }));
      const read = (await place.store.readJournals(['parcel'])).get('parcel');
      expect(read).toEqual(events);
      expect(read?.[1]).not.toHaveProperty('trace');
    });

    it('event_journal shows both headers, and NULL for an event without them', async () => {
      await commitChanges(
        place.store,
        change('parcel', 0, {
          events: [
            event('parcel', 1),
            event('parcel', 2, { trace: LONGEST }),
            event('parcel', 3, { trace: traceOf(3) }),
          ],
        }),
      );
      const rows = await harness.rawQuery(
        'SELECT trace_parent, trace_state FROM event_journal ORDER BY sequence_position',
      );
      expect(rows.map(({ trace_parent, trace_state }) => [text(trace_parent), text(trace_state)])).toEqual([
        [null, null],
        [LONGEST.traceParent, LONGEST.traceState],
        [traceOf(3).traceParent, null],
      ]);
    });

    it('a delivery has the trace of the last event that made it due', async () => {
      const events = [event('parcel', 1, { trace: traceOf(1) }), event('parcel', 2, { trace: LONGEST })];
      await commitChanges(place.store, change('parcel', 0, { events, delivery: DUE }));
      const first = await claimOnly(place.store);
      expect(first.trace).toEqual(LONGEST);
      await place.store.settleDeliveries([settlement(first, 'delivered')]);

      const unchanged = { events: [event('parcel', 3, { trace: traceOf(3) })], delivery: UNCHANGED };
      await commitChanges(place.store, change('parcel', 2, unchanged));
      const later = { events: [event('parcel', 4, { trace: traceOf(4) })], delivery: DUE };
      await commitChanges(place.store, change('parcel', 3, later));
      expect((await claimOnly(place.store)).trace).toEqual(traceOf(4));
    });

    it('a delivery has no trace if the event that made it due last has none', async () => {
      const traced = { events: [event('parcel', 1, { trace: traceOf(1) })], delivery: DUE };
      await commitChanges(place.store, change('parcel', 0, traced));
      await commitChanges(place.store, change('parcel', 1, { delivery: DUE }));
      expect(await claimOnly(place.store)).not.toHaveProperty('trace');
    });

    it('a retry has the trace of the first attempt', async () => {
      const traced = { events: [event('parcel', 1, { trace: traceOf(1) })], delivery: DUE };
      await commitChanges(place.store, change('parcel', 0, traced));
      const first = await claimOnly(place.store);
      await place.store.settleDeliveries([settlement(first, { retryAtMs: place.clock.now() })]);
      expect((await claimOnly(place.store)).trace).toEqual(traceOf(1));
    });

    it('states that no longer qualify each have their own trace', async () => {
      await commitChanges(place.store, ...NASTY_IDS.map((id) => change(id, 0, { delivery: DUE })));
      const withdrawn = NASTY_IDS.map((id, index) =>
        change(id, 1, {
          delivery: NOT_READY,
          events: [event(id, 2, index % 3 === 0 ? {} : { trace: traceOf(index) })],
        }),
      );
      await commitChanges(place.store, ...withdrawn);
      const claimed = await claimDue(place.store, {
        target: TARGET,
        claimant: 'claimant',
        limit: NASTY_IDS.length,
        leaseMs: LEASE_MS,
      });
      const traces = new Map(claimed.map(({ entityId, trace }) => [entityId, trace]));
      for (const [index, id] of NASTY_IDS.entries())
        expect(traces.get(id), JSON.stringify(id)).toEqual(index % 3 === 0 ? undefined : traceOf(index));
    });
  });
}

function text(value: unknown): string | null {
  return value === null || value === undefined
    ? null
    : Buffer.isBuffer(value)
      ? value.toString()
      : String(value);
}
