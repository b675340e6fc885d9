import { stockLedger } from '../../../examples/stock-ledger/domain.ts';
import type { Domain } from '../../../src/core/domain.ts';
import { createDecoder, type DecodedEvent, type Decoder } from '../../../src/pipeline/decode/decoder.ts';
import { BatchPlan } from '../../../src/pipeline/ingest/batch-plan.ts';
import { DueRules } from '../../../src/pipeline/ingest/due.ts';
import { HistoryCache } from '../../../src/pipeline/ingest/history-cache.ts';
import { LongHistories, type LongLimits } from '../../../src/pipeline/ingest/long-histories.ts';
import { Newcomers } from '../../../src/pipeline/ingest/newcomers.ts';
import type { BatchTally } from '../../../src/pipeline/ingest/options.ts';
import { ParkedRegistry } from '../../../src/pipeline/ingest/parked.ts';
import type { PlanContext } from '../../../src/pipeline/ingest/plan-context.ts';
import type { Store } from '../../../src/ports/store.ts';
import type { StockEvent, StockState } from '../../helpers/stock-types.ts';
import { COUNTS, type Entry, MOVEMENTS, recordOf } from './harness.ts';

/** Limits that make an entity long with a dozen events. */
export const SMALL_LIMITS: LongLimits = { longEvents: 6, intervalEvents: 2 };

export const stockDecoder: Decoder<StockEvent> = createDecoder(stockLedger, {
  topicNames: { [MOVEMENTS]: MOVEMENTS, [COUNTS]: COUNTS },
});

let offset = 0n;

/** The entry as an event. With `eventId`, the record's header has this id. */
export function decoded(entry: Entry, eventId?: string): DecodedEvent<StockEvent> {
  const headers =
    eventId === undefined
      ? []
      : Object.entries({ ce_specversion: '1.0', ce_id: eventId, ce_source: '/s', ce_type: 't' }).map(
          ([name, value]) => [name, Buffer.from(value)] as const,
        );
  const record = { ...recordOf(entry), headers, offset: offset++, timestampMs: 0 };
  const result = stockDecoder.decode(record, { topic: record.topic, partition: 0 }, 0);
  if (result.kind === 'rejected') throw new Error(result.record.detail);
  return result.event;
}

/** Commits batches to a store as a lane does, without a log and without checkpoints. */
export class LongDriver {
  readonly #store: Store;
  readonly #isOlder: boolean;
  readonly #assumesNew: boolean;
  readonly #context: PlanContext<StockState, StockEvent>;
  readonly #long: LongHistories<StockState, StockEvent>;
  readonly #newcomers = new Newcomers();
  readonly #signal = new AbortController().signal;
  readonly logged: string[] = [];
  /** The number of times that long entities were prepared. */
  prepared = 0;

  constructor(
    store: Store,
    {
      limits = SMALL_LIMITS,
      domain = stockLedger,
      decoder = stockDecoder,
      cacheEvents = 1_000,
      isOlder = false,
      assumesNew = false,
    }: {
      limits?: LongLimits;
      domain?: Domain<StockState, StockEvent>;
      decoder?: Decoder<StockEvent>;
      cacheEvents?: number;
      /** Whether it commits like an older program, which has no index and no ladder. */
      isOlder?: boolean;
      /** Whether it takes every entity that it does not know for new, until the store refuses that. */
      assumesNew?: boolean;
    } = {},
  ) {
    this.#store = store;
    this.#isOlder = isOlder;
    this.#assumesNew = assumesNew;
    const cache = new HistoryCache<StockState, StockEvent>(cacheEvents);
    const due = new DueRules([{ name: 'warehouse', qualifies: null }]);
    this.#context = { domain, decoder, cache, parked: new ParkedRegistry(), due };
    const logger = (_: string, message: string) => this.logged.push(message);
    this.#long = new LongHistories({ domain, decoder, journals: store.longJournals, logger, limits });
  }

  get cachedEvents(): number {
    return this.#context.cache.events;
  }

  get parked(): ParkedRegistry {
    return this.#context.parked;
  }

  /** Learns which entities the store has as parked, as an instance does when it acquires partitions. */
  loadParked(): Promise<void> {
    return this.parked.load(this.#store);
  }

  /** Prepares the entity as a lane does that has neither its index nor its fold. */
  prepare(entityId: string, signal: AbortSignal): Promise<void> {
    return this.#long.prepare([{ entityId, needs: 'fold' }], signal);
  }

  /** Learns that the store has another generation, as a lane does before each batch. */
  believe(generation: number): void {
    this.#long.believe(generation);
  }

  async commit(
    events: readonly DecodedEvent<StockEvent>[],
    firstMode: 'optimistic' | 'locking' = 'optimistic',
  ): Promise<BatchTally> {
    let mode = firstMode;
    if (this.#assumesNew) this.#newcomers.looked(Number.MAX_SAFE_INTEGER, 0);
    for (let attempt = 0; attempt < 10; attempt++) {
      const plan = new BatchPlan(this.#context, this.#newcomers, this.#long, events, 0);
      try {
        const outcome = await this.#store.commit({
          moves: [],
          quarantined: [],
          entityIds: plan.entityIds,
          mode,
          plan: async (versions, readJournals) => {
            const changes = await plan.plan(versions, readJournals);
            return this.#isOlder ? changes.map(({ long: _, ...change }) => change) : changes;
          },
        });
        if (outcome.kind === 'committed') return plan.remember();
        if (plan.entityIds.some((entityId) => this.parked.has(entityId))) await this.loadParked();
        if (plan.isGuessed) this.#newcomers.refused();
        else mode = 'locking';
      } catch (error) {
        if (plan.unprepared.length === 0) throw error;
        this.prepared++;
        await this.#long.prepare(plan.unprepared, this.#signal);
      }
    }
    throw new Error('The batch was refused ten times.');
  }
}
