import { onTestFinished } from 'vitest';
import { SeededClock } from '../../src/adapters/seeded-clock.ts';
import { type OrderEvent, type OrderState, orders } from '../../src/orders/index.ts';
import { digestOf } from '../../src/pipeline/reconcile/comparison.ts';
import { Sync } from '../../src/pipeline/sync.ts';
import type { SyncOptions } from '../../src/pipeline/sync-options.ts';
import type { TargetRoute } from '../../src/pipeline/target-route.ts';
import type { Delivery, DeliveryOutcome, DeliveryTarget } from '../../src/ports/delivery-target.ts';
import type { EventLog, NewRecord } from '../../src/ports/event-log.ts';
import type { OpenedStore, Store } from '../../src/ports/store.ts';
import type { HeldState } from '../../src/ports/target-holdings.ts';
import { MemoryDatabase, openMemoryStore } from '../../src/testing/memory-store/index.ts';
import { SimulatedLog } from '../simulation/simulated-log.ts';
import { wrap } from './ingest/harness.ts';
import { created, paid } from './sync-place.ts';

export const TARGET = 'order-mgt';
const DELIVERED: DeliveryOutcome = {
  verdict: 'delivered',
  status: 200,
  latencyMs: 1,
  answer: '',
  error: null,
  retryAfterMs: null,
};
const REFUSED: DeliveryOutcome = { ...DELIVERED, verdict: 'park', status: 400, error: 'It is not wanted.' };

type Options = SyncOptions<OrderState, OrderEvent>;

/** A log, a store and a target in memory on one clock that moves by hand, and pipelines between them. */
export class SyncTwins {
  readonly clock = new SeededClock({ seed: 1 });
  readonly database = new MemoryDatabase({ clock: this.clock });
  readonly simulated = new SimulatedLog(this.clock, { latencyMs: () => 1, fetchRecords: () => 100 });
  readonly log: EventLog = this.simulated.connect({ isDead: false, runs: async () => {} });
  readonly opened: OpenedStore = openMemoryStore({
    database: this.database,
    clock: this.clock,
    targets: [TARGET],
  });
  readonly sent: Delivery[] = [];
  readonly logged: string[] = [];
  #store: Store | undefined;
  /** The entities whose states the target refuses. */
  readonly unwanted = new Set<string>();

  readonly target: DeliveryTarget = {
    name: TARGET,
    maxDeliveryBatch: 1,
    deliver: (deliveries, _signal, settled) => {
      this.sent.push(...deliveries);
      const outcomes = deliveries.map(({ entityId }) => (this.unwanted.has(entityId) ? REFUSED : DELIVERED));
      queueMicrotask(() => settled(outcomes));
    },
    close: async () => {},
  };

  constructor({ topics = ['order_events', 'payment_events'] }: { topics?: readonly string[] } = {}) {
    for (const topic of topics) this.simulated.createTopic(topic, 2);
  }

  /** The store, once a pipeline has migrated it. */
  get store(): Store {
    if (this.#store === undefined) throw new Error('No pipeline has migrated the store yet.');
    return this.#store;
  }

  /** The store with some methods replaced once it is migrated. */
  storeWith(replaced: (store: Store) => Partial<Store>): OpenedStore {
    return wrap(this.opened, {
      migrate: async (options) => {
        const { store, report } = await this.opened.migrate(options);
        return { store: wrap<Store>(store, replaced(store)), report };
      },
    });
  }

  sync(overrides: Partial<Options> = {}) {
    const sync = new Sync(this.options(overrides));
    onTestFinished(() => this.settled(sync.stop()));
    return sync;
  }

  options({ onStoreReady, ...overrides }: Partial<Options> = {}): Options {
    return {
      domain: orders,
      log: this.log,
      store: this.opened,
      targets: [{ target: this.target, qualifies: null }],
      clock: this.clock,
      logger: (level, message) => void this.logged.push(`${level}: ${message}`),
      group: 'order-sync',
      onStoreReady: (store) => {
        this.#store = store;
        onStoreReady?.(store);
      },
      ...overrides,
    };
  }

  /** Lets time go on in steps of 100 ms, until the work has ended or a minute has passed. */
  async settled<Result>(work: Promise<Result>): Promise<Result> {
    let isOver = false;
    const over = work.finally(() => {
      isOver = true;
    });
    over.catch(() => {});
    for (let step = 0; step < 600 && !isOver; step++) await this.clock.advance(100);
    if (!isOver) throw new Error('The work takes longer than a minute.');
    return over;
  }

  /** Lets time go on in steps of 10 ms, for `maxMs` at most, until the condition holds. Returns how long that took. */
  async until(condition: () => boolean | Promise<boolean>, maxMs = 60_000): Promise<number> {
    const beganMs = this.clock.monotonicMs();
    while (!(await condition())) {
      if (this.clock.monotonicMs() - beganMs >= maxMs) throw new Error(`Not within ${maxMs} ms.`);
      await this.clock.advance(10);
    }
    return this.clock.monotonicMs() - beganMs;
  }

  append(...records: NewRecord[]): void {
    this.simulated.append(records);
  }

  /** Resolves once this number of events is in the journal. */
  async journaled(count: number): Promise<void> {
    await this.until(async () => (await this.store.counts()).journaledEvents === count);
  }
}

/** A started pipeline. */
export async function running(twins: SyncTwins, options: Parameters<SyncTwins['sync']>[0] = {}) {
  const sync = twins.sync(options);
  await twins.settled(sync.start());
  return sync;
}

/** A route that is swept every second. The target says that it holds what it was sent last, until `forgets` is called. */
export function sweptRoute(twins: SyncTwins, { versionsAhead = 0 } = {}) {
  let from = 0;
  const held = (after: string | null): HeldState[] => {
    const newest = new Map(twins.sent.slice(from).map((delivery) => [delivery.entityId, delivery]));
    return [...newest.values()]
      .filter(({ entityId }) => after === null || entityId > after)
      .sort((left, right) => (left.entityId < right.entityId ? -1 : 1))
      .map(({ entityId, version, body }) => ({
        entityId,
        version: version + versionsAhead,
        row: orders.view.columns.map(({ name }) => (body[name] ?? null) as string | boolean | null),
      }));
  };
  const route: TargetRoute = {
    target: twins.target,
    qualifies: null,
    sweep: {
      everyMs: 1_000,
      perSecond: 1_000,
      holdings: {
        page: async ({ after }) => ({ states: held(after), hasMore: false }),
        digest: async ({ after, limit }) => {
          const states = held(after).slice(0, limit);
          return { count: states.length, digest: digestOf(states) };
        },
        close: async () => {},
      },
    },
  };
  const forgets = () => {
    from = twins.sent.length;
  };
  return { route, forgets };
}

export const ready = (orderId: string) => [created(orderId), paid(orderId, 'PAYMENT_AUTHORIZED', 1)];
