import { describe, expect, it } from 'vitest';
import { stockLedger } from '../../../examples/stock-ledger/domain.ts';
import { createDecoder, type DecodedEvent } from '../../../src/pipeline/decode/decoder.ts';
import { BatchPlan } from '../../../src/pipeline/ingest/batch-plan.ts';
import { DueRules } from '../../../src/pipeline/ingest/due.ts';
import { HistoryCache } from '../../../src/pipeline/ingest/history-cache.ts';
import { LONG_LIMITS, LongHistories } from '../../../src/pipeline/ingest/long-histories.ts';
import { Newcomers } from '../../../src/pipeline/ingest/newcomers.ts';
import type { DueTarget } from '../../../src/pipeline/ingest/options.ts';
import { ParkedRegistry } from '../../../src/pipeline/ingest/parked.ts';
import type { EntityChange } from '../../../src/ports/commit.ts';
import type { JournaledEvent } from '../../../src/ports/journal.ts';
import type { LongJournals } from '../../../src/ports/long-journals.ts';
import type { StockEvent, StockState } from '../../helpers/stock-types.ts';
import { COUNTS, type Entry, MOVEMENTS, recordOf } from './harness.ts';

const decoder = createDecoder(stockLedger, {
  topicNames: { [MOVEMENTS]: MOVEMENTS, [COUNTS]: COUNTS },
});
let offset = 0n;

function eventOf(
  entry: Entry,
  headers: readonly (readonly [string, Buffer])[] = [],
): DecodedEvent<StockEvent> {
  const record = { ...recordOf(entry), headers, offset: offset++, timestampMs: 0 };
  const decoded = decoder.decode(record, { topic: record.topic, partition: 0 }, 0);
  if (decoded.kind === 'rejected') throw new Error(decoded.record.detail);
  return decoded.event;
}

function moved(quantity: number, minute: number, articleId = 'bolt'): Entry {
  return { articleId, isCount: false, quantity, minute };
}

function counted(quantity: number, minute: number, articleId = 'bolt'): Entry {
  return { articleId, isCount: true, quantity, minute };
}

/** A journal in memory that records the reads. */
class Journal {
  readonly events = new Map<string, JournaledEvent[]>();
  readonly asked: string[][] = [];

  read = async (entityIds: readonly string[]): Promise<Map<string, JournaledEvent[]>> => {
    this.asked.push([...entityIds]);
    return new Map([...this.events].filter(([id]) => entityIds.includes(id)));
  };

  keep(changes: readonly EntityChange[]): void {
    for (const { entityId, events } of changes) {
      this.events.set(entityId, [...(this.events.get(entityId) ?? []), ...events]);
    }
  }

  versions(...ids: string[]): Map<string, number> {
    return new Map(ids.map((id) => [id, this.events.get(id)?.length ?? 0]));
  }
}

const NONE_LONG = new LongHistories<StockState, StockEvent>({
  domain: stockLedger,
  decoder,
  journals: {} as LongJournals,
  logger: () => {},
  limits: LONG_LIMITS,
});

function planOf(
  cache: HistoryCache<StockState, StockEvent>,
  entries: readonly (Entry | DecodedEvent<StockEvent>)[],
  targets: readonly DueTarget[] = [{ name: 'warehouse', qualifies: null }],
  newcomers = new Newcomers(),
) {
  const events = entries.map((entry) => ('eventId' in entry ? entry : eventOf(entry)));
  const context = {
    domain: stockLedger,
    decoder,
    cache,
    parked: new ParkedRegistry(),
    due: new DueRules(targets),
  };
  return new BatchPlan(context, newcomers, NONE_LONG, events, 0);
}

/** One batch, from plan to commit. */
async function commit(
  cache: HistoryCache<StockState, StockEvent>,
  journal: Journal,
  entries: readonly (Entry | DecodedEvent<StockEvent>)[],
) {
  const plan = planOf(cache, entries);
  const changes = await plan.plan(null, journal.read);
  journal.keep(changes);
  return { changes, tally: plan.remember() };
}

describe('the plan of a batch', () => {
  it('unknown entities are taken for new without a look once newcomers are assumed, and the plan says so', async () => {
    const journal = new Journal();
    await commit(new HistoryCache(100), journal, [moved(5, 1)]);
    const newcomers = new Newcomers();
    newcomers.looked(10_000, 0);
    journal.asked.length = 0;

    const guessing = planOf(new HistoryCache(100), [moved(5, 1), moved(7, 2)], undefined, newcomers);
    const [guessed] = await guessing.plan(null, journal.read);
    expect([guessing.isGuessed, guessed?.fromVersion, journal.asked.length]).toEqual([true, 0, 0]);

    newcomers.refused();
    const looking = planOf(new HistoryCache(100), [moved(5, 1), moved(7, 2)], undefined, newcomers);
    const [looked] = await looking.plan(null, journal.read);
    expect([looking.isGuessed, looked?.fromVersion, looked?.version]).toEqual([false, 1, 2]);
  });

  it('a plan never guesses about locked entities', async () => {
    const journal = new Journal();
    await commit(new HistoryCache(100), journal, [moved(5, 1)]);
    const newcomers = new Newcomers();
    newcomers.looked(10_000, 0);
    const [entityId = ''] = journal.events.keys();
    const plan = planOf(new HistoryCache(100), [moved(7, 2)], undefined, newcomers);
    const [change] = await plan.plan(journal.versions(entityId), journal.read);
    expect([plan.isGuessed, change?.fromVersion]).toEqual([false, 1]);
  });

  it('an event that comes twice in the batch is taken once', async () => {
    const { changes, tally } = await commit(new HistoryCache(100), new Journal(), [
      moved(5, 1),
      moved(5, 1),
      moved(7, 2),
    ]);
    expect(changes).toMatchObject([{ fromVersion: 0, version: 2, row: [12, 2, false] }]);
    expect(changes[0]?.events).toHaveLength(2);
    expect(tally).toEqual({ journaled: 2, duplicates: 1, outOfOrder: 0, conflicts: 0 });
  });

  it.each([
    ['is in the cache', 100],
    ['was evicted from the cache, or never was in it', 0],
  ])('a duplicate of an earlier batch is found if its entity %s', async (_, cacheEvents) => {
    const cache = new HistoryCache<StockState, StockEvent>(cacheEvents);
    const journal = new Journal();
    await commit(cache, journal, [moved(5, 1), moved(7, 2)]);
    const { changes, tally } = await commit(cache, journal, [moved(7, 2), moved(1, 3)]);
    expect(changes).toMatchObject([{ fromVersion: 2, version: 3, row: [13, 3, false] }]);
    expect(tally).toMatchObject({ journaled: 1, duplicates: 1 });
  });

  it('a batch of known events changes nothing', async () => {
    const cache = new HistoryCache<StockState, StockEvent>(100);
    const journal = new Journal();
    await commit(cache, journal, [moved(5, 1)]);
    const { changes, tally } = await commit(cache, journal, [moved(5, 1)]);
    expect(changes).toEqual([]);
    expect(tally).toMatchObject({ journaled: 0, duplicates: 1 });
  });

  it('two events of one id with other content are both journaled, and counted as a conflict', async () => {
    const id = [
      ['ce_specversion', Buffer.from('1.0')],
      ['ce_id', Buffer.from('one')],
      ['ce_source', Buffer.from('/s')],
      ['ce_type', Buffer.from('t')],
    ] as const;
    const first = eventOf(moved(5, 1), id);
    const other = eventOf(moved(6, 1), id);
    const apart = new Journal();
    const cache = new HistoryCache<StockState, StockEvent>(100);
    await commit(cache, apart, [first]);
    const late = await commit(cache, apart, [other]);
    expect(late.tally).toMatchObject({ journaled: 1, conflicts: 1, duplicates: 0 });
    const together = await commit(new HistoryCache(100), new Journal(), [other, first]);
    expect(together.tally).toMatchObject({ journaled: 2, conflicts: 1 });
    expect(late.changes[0]?.row).toEqual(together.changes[0]?.row);
  });

  it('an event that belongs before known ones is counted, and the state is folded again', async () => {
    const cache = new HistoryCache<StockState, StockEvent>(100);
    const journal = new Journal();
    await commit(cache, journal, [moved(5, 1), moved(7, 10)]);
    const { changes, tally } = await commit(cache, journal, [counted(20, 5)]);
    expect(changes).toMatchObject([{ fromVersion: 2, version: 3, row: [27, 1, false] }]);
    expect(tally).toMatchObject({ journaled: 1, outOfOrder: 1 });
  });

  it('a plan names its entities in the sequence of their bytes', () => {
    const ids = ['b', '\u{10000}', '\uffff', 'a', 'A', 'é'];
    const plan = planOf(
      new HistoryCache(100),
      ids.map((id, index) => moved(1, index, id)),
    );
    const byBytes = [...ids].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    expect(plan.entityIds).toEqual(byBytes);
  });

  it('a plan does not read the journals that the cache has at the locked versions', async () => {
    const cache = new HistoryCache<StockState, StockEvent>(100);
    const journal = new Journal();
    await commit(cache, journal, [moved(5, 1), moved(1, 1, 'nut')]);
    const plan = planOf(cache, [moved(2, 2), moved(2, 2, 'nut'), moved(3, 1, 'new')]);
    const changes = await plan.plan(journal.versions('bolt', 'nut', 'new'), journal.read);
    expect(journal.asked.slice(1)).toEqual([]);
    expect(changes.map(({ entityId, fromVersion }) => [entityId, fromVersion])).toEqual([
      ['bolt', 1],
      ['new', 0],
      ['nut', 1],
    ]);
  });

  it('a plan reads the journal again if another instance has changed it since it was cached', async () => {
    const cache = new HistoryCache<StockState, StockEvent>(100);
    const journal = new Journal();
    await commit(cache, journal, [moved(5, 1)]);
    await commit(new HistoryCache(100), journal, [moved(7, 2)]);
    const plan = planOf(cache, [moved(1, 3)]);
    const changes = await plan.plan(journal.versions('bolt'), journal.read);
    expect(changes).toMatchObject([{ fromVersion: 2, version: 3, row: [13, 3, false] }]);
    expect(journal.asked.at(-1)).toEqual(['bolt']);
  });

  it('a plan takes an entity that the store no longer has for new, whatever the cache says', async () => {
    const cache = new HistoryCache<StockState, StockEvent>(100);
    await commit(cache, new Journal(), [moved(5, 1)]);
    const plan = planOf(cache, [moved(1, 3)]);
    const changes = await plan.plan(new Map([['bolt', 0]]), new Journal().read);
    expect(changes).toMatchObject([{ fromVersion: 0, version: 1, row: [1, 1, true] }]);
  });

  it.each(['optimistic', 'locking'])(
    'a plan uses what it found in the cache although another lane clears it during the reading (%s)',
    async (mode) => {
      const cache = new HistoryCache<StockState, StockEvent>(100);
      const journal = new Journal();
      await commit(cache, journal, [moved(5, 1)]);
      await commit(new HistoryCache(100), journal, [moved(1, 1, 'nut')]);
      const plan = planOf(cache, [moved(2, 2), moved(2, 2, 'nut')]);
      const changes = await plan.plan(
        mode === 'locking' ? journal.versions('bolt', 'nut') : null,
        async (ids) => {
          cache.clear();
          return journal.read(ids);
        },
      );
      expect(changes.map(({ entityId, fromVersion }) => [entityId, fromVersion])).toEqual([
        ['bolt', 1],
        ['nut', 1],
      ]);
    },
  );

  it('a plan that was not committed is not remembered', async () => {
    const cache = new HistoryCache<StockState, StockEvent>(100);
    const journal = new Journal();
    await planOf(cache, [moved(5, 1)]).plan(null, journal.read);
    const { changes } = await commit(cache, journal, [moved(5, 1)]);
    expect(changes).toMatchObject([{ fromVersion: 0, version: 1 }]);
  });

  it.each([
    ['a new entity that qualifies', [], moved(5, 1), true, ['warehouse']],
    ['a new entity that does not qualify', [], moved(50, 1), true, []],
    ['a change that qualifies', [moved(50, 1)], counted(3, 2), true, ['warehouse']],
    ['a change that no longer qualifies', [moved(5, 1)], moved(50, 2), true, []],
    ['an event that changes only the version', [counted(5, 10)], counted(8, 5), false, []],
  ] as const)(
    'the delivery of %s says whether the row changed and which targets it qualifies for',
    async (_, before, event, hasChanged, qualifiesFor) => {
      const cache = new HistoryCache<StockState, StockEvent>(100);
      const journal = new Journal();
      await commit(cache, journal, before);
      const { changes } = await commit(cache, journal, [event]);
      expect(changes).toMatchObject([{ delivery: { hasChanged, qualifiesFor } }]);
    },
  );

  it('the filter of a target is asked about ready rows alone', async () => {
    const asked: unknown[] = [];
    const targets: DueTarget[] = [
      { name: 'warehouse', qualifies: null },
      {
        name: 'billing',
        qualifies: (row) => {
          asked.push(row[0]);
          return row[0] === 3;
        },
      },
    ];
    const entries = [moved(3, 1, 'few'), moved(50, 1, 'many'), moved(5, 1, 'some')];
    const plan = planOf(new HistoryCache(100), entries, targets);
    const changes = await plan.plan(null, new Journal().read);
    expect(changes.map(({ delivery }) => delivery.qualifiesFor)).toEqual([
      ['warehouse', 'billing'],
      [],
      ['warehouse'],
    ]);
    expect(asked).toEqual([3, 5]);
  });
});
