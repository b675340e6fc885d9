import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stockLedger } from '../../../examples/stock-ledger/domain.ts';
import type { Domain } from '../../../src/core/domain.ts';
import type { DecodedEvent } from '../../../src/pipeline/decode/decoder.ts';
import type { Store } from '../../../src/ports/store.ts';
import type { StockEvent, StockState } from '../../helpers/stock-types.ts';
import { decoded, LongDriver } from './long-driver.ts';

/** A migrated store of the stock ledger, and direct access to its database. */
export interface LongPlace {
  readonly store: Store;
  sql(statement: string): Promise<unknown>;
  close(): Promise<void>;
}

/** Mishaps between two batches. None of them may change the view. */
const MISHAPS = {
  nothing: [],
  'the index is emptied': ['DELETE FROM journal_index'],
  'the snapshots are emptied': ['DELETE FROM fold_snapshots'],
  'both are emptied': ['DELETE FROM journal_index', 'DELETE FROM fold_snapshots'],
  'a snapshot is damaged': ["UPDATE fold_snapshots SET state = X'0102'"],
} as const;

const step = fc.record({
  events: fc.array(
    fc.record({
      minute: fc.integer({ min: 0, max: 40 }),
      quantity: fc.integer({ min: 1, max: 2 }),
      /** Rare, because a count makes all earlier entries irrelevant. */
      isCount: fc.integer({ min: 0, max: 5 }).map((number) => number === 0),
      /** Only a few ids, so that one of them comes with different bodies. */
      eventId: fc.option(fc.constantFrom('a', 'b', 'c'), { nil: undefined, freq: 4 }),
      articleId: fc.constantFrom('bolt', 'nut'),
    }),
    { minLength: 1, maxLength: 12, size: 'max' },
  ),
  mode: fc.constantFrom('optimistic' as const, 'locking' as const),
  mishap: fc.constantFrom(...(Object.keys(MISHAPS) as (keyof typeof MISHAPS)[])),
  instance: fc.constantFrom('same', 'same', 'restarted', 'other', 'older', 'with another fold version'),
});

/** The same fold with states that the store keeps as JSON, as a structured clone, or not at all. */
const oftenUnstorable: Domain<StockState, StockEvent> = {
  ...stockLedger,
  evolve(state, event) {
    const { onHand, movementsSinceCount } = stockLedger.evolve(state, event);
    const more = [{}, { note: undefined }, { note: () => 1 }][movementsSinceCount % 3];
    return { onHand, movementsSinceCount, ...more };
  },
};

/** The tally and the view by the definition: a set of events by id and content, folded in canonical sequence. */
export class PlainHistories {
  readonly #entities = new Map<string, Map<string, DecodedEvent<StockEvent>>>();

  add(events: readonly DecodedEvent<StockEvent>[]): {
    journaled: number;
    duplicates: number;
    conflicts: number;
  } {
    const tally = { journaled: 0, duplicates: 0, conflicts: 0 };
    for (const event of events) {
      const known = this.#entities.get(event.entityId) ?? new Map<string, DecodedEvent<StockEvent>>();
      this.#entities.set(event.entityId, known);
      const identity = `${event.eventId} ${event.contentHash}`;
      if (known.has(identity)) {
        tally.duplicates++;
        continue;
      }
      if ([...known.values()].some(({ eventId }) => eventId === event.eventId)) tally.conflicts++;
      known.set(identity, event);
      tally.journaled++;
    }
    return tally;
  }

  view(): Map<string, { row: readonly unknown[]; version: number }> {
    const view = new Map<string, { row: readonly unknown[]; version: number }>();
    for (const [entityId, known] of this.#entities) {
      const sorted = [...known.values()].sort(
        (a, b) =>
          a.occurredAtMs - b.occurredAtMs ||
          a.cautionRank - b.cautionRank ||
          (a.eventId < b.eventId ? -1 : a.eventId > b.eventId ? 1 : 0) ||
          (a.contentHash < b.contentHash ? -1 : 1),
      );
      let state = stockLedger.initialState;
      for (const { event } of sorted) state = stockLedger.evolve(state, event);
      view.set(entityId, { row: stockLedger.view.row(state), version: sorted.length });
    }
    return view;
  }
}

/** Tests of entities with many events, on one kind of store. */
export function describeLongHistories(name: string, open: () => Promise<LongPlace>, numRuns: number): void {
  describe(`long histories on ${name}`, () => {
    let place: LongPlace;
    let run = 0;
    beforeAll(async () => {
      place = await open();
    });
    afterAll(() => place.close());

    it('long histories have the row, version and counts of the plain fold, whatever happens to the caches', async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(step, { minLength: 1, maxLength: 10 }),
          fc.boolean(),
          async (steps, isOdd) => {
            const suffix = ++run;
            const domain = isOdd ? oftenUnstorable : stockLedger;
            let driver = new LongDriver(place.store, { domain });
            const others: Record<string, LongDriver> = {
              other: new LongDriver(place.store, { domain }),
              older: new LongDriver(place.store, { domain, isOlder: true }),
              'with another fold version': new LongDriver(place.store, {
                domain: { ...domain, foldVersion: 2 },
              }),
            };
            const model = new PlainHistories();
            for (const { events, mode, mishap, instance } of steps) {
              for (const statement of MISHAPS[mishap]) await place.sql(statement);
              if (instance === 'restarted') driver = new LongDriver(place.store, { domain });
              const batch = events.map(({ eventId, ...entry }) =>
                decoded({ ...entry, articleId: `${entry.articleId}-${suffix}` }, eventId),
              );
              const tally = await (others[instance] ?? driver).commit(batch, mode);
              const { journaled, duplicates, conflicts } = tally;
              expect({ journaled, duplicates, conflicts }).toEqual(model.add(batch));
              const view = model.view();
              expect(await place.store.readView([...view.keys()])).toEqual(view);
            }
          },
        ),
        { numRuns },
      );
    });
  });
}
