import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { openSqliteStore } from '../../src/adapters/sqlite/index.ts';
import { systemClock } from '../../src/adapters/system-clock.ts';
import type { OrderAskParts } from '../../src/apps/order-sync/ask-parts.ts';
import { emptyHistory, type History, merge, versionOf } from '../../src/core/fold.ts';
import { type OrderEvent, type OrderState, orders } from '../../src/orders/index.ts';
import { createDecoder, type DecodedEvent } from '../../src/pipeline/decode/decoder.ts';
import { DueRules, isSameRow, UNCHANGED } from '../../src/pipeline/ingest/due.ts';
import type { Parking } from '../../src/ports/commit.ts';
import type { DeliverySettlement } from '../../src/ports/delivery-claims.ts';
import type { EntityInspection, Store } from '../../src/ports/store.ts';
import { timeBy } from '../adapters/sqlite/harness.ts';
import { claimDue, LEASE_MS, settlement } from '../contract/store/delivery-helpers.ts';
import { batchOf, SettableClock } from '../contract/store/fixtures.ts';

export type Body = Readonly<Record<string, unknown>>;

export const TOPIC_NAMES = { order_events: 'order_events', payment_events: 'payment_events' };

/** The bodies of events. `at` is the time of the day 2026-01-01 in UTC, as in `10:00`. */
export function created(orderId: string, at: string, more: Body = {}): Body {
  return { eventType: 'ORDER', orderId, orderStatus: 'CREATED', timestamp: momentOf(at), ...more };
}

export function paid(orderId: string, paymentStatus: string, at: string, more: Body = {}): Body {
  return { eventType: 'PAYMENT', orderId, paymentStatus, timestamp: momentOf(at), ...more };
}

export const AUTHORIZED = 'PAYMENT_AUTHORIZED';
export const PENDING = 'PAYMENT_AUTH_WITHPENDING_REVIEW';
export const ACCEPTED = 'AUTHORIZATION_REVIEW_ACCEPTED';
export const DECLINED = 'AUTHORIZATION_REVIEW_DECLINED';

function momentOf(at: string): string {
  return `2026-01-01T${at}:00Z`;
}

/**
 * A store of orders in SQLite that has journaled events as order-sync does. The clock begins at 2026-01-01T12:00:00Z, and
 * each batch is journaled a second after the one before.
 */
export class OrderStore {
  readonly store: Store;
  readonly clock: SettableClock;
  /** The data directory of order-sync. */
  readonly folder: string;
  readonly #histories = new Map<string, History<OrderState, OrderEvent>>();
  readonly #decoder = createDecoder(orders, { topicNames: TOPIC_NAMES });
  readonly #due: DueRules;
  readonly targets: readonly string[];
  /** The partition, of each topic, from which the next events come. */
  partition = 0;
  #offset = 0n;
  #claims = 0;

  /** The store is closed at the end of the test or, with `afterAll`, of the tests that share it. */
  static async open(
    targets: readonly string[] = ['order-mgt'],
    atEnd: (close: () => Promise<void>) => void = onTestFinished,
  ): Promise<OrderStore> {
    const folder = await mkdtemp(join(tmpdir(), 'tributary-asked-'));
    const clock = new SettableClock();
    clock.nowMs = Date.UTC(2026, 0, 1, 12);
    const file = join(folder, 'order-sync.sqlite');
    const opened = openSqliteStore({ file, clock, time: timeBy(clock), targets });
    atEnd(async () => {
      await opened.close();
      await rm(folder, { recursive: true, force: true });
    });
    const { store } = await opened.migrate({ view: orders.view, targets, adopt: null, nowMs: clock.now() });
    return new OrderStore(store, clock, folder, targets);
  }

  private constructor(store: Store, clock: SettableClock, folder: string, targets: readonly string[]) {
    this.store = store;
    this.clock = clock;
    this.folder = folder;
    this.targets = targets;
    this.#due = new DueRules(targets.map((name) => ({ name, qualifies: null })));
  }

  /** What questions are answered from. */
  parts(facts: Partial<OrderAskParts> = {}): OrderAskParts {
    return { ...askPartsFor(this.store, this.targets), clock: this.clock, ...facts };
  }

  /** Journals each batch in a transaction of its own. */
  async journal(...batches: readonly (readonly Body[])[]): Promise<void> {
    for (const batch of batches) {
      this.clock.nowMs += 1_000;
      const events = batch.map((body) => this.#decode(body));
      for (const [orderId, incoming] of Map.groupBy(events, ({ entityId }) => entityId))
        await this.#commit(orderId, incoming);
    }
  }

  /** Journals events of an order that is parked with them. */
  async park(orderId: string, bodies: readonly Body[], detail: string): Promise<void> {
    const parking = { kind: 'park', reason: 'fold_failed', detail, parkedAtMs: this.clock.nowMs } as const;
    await this.#commit(
      orderId,
      bodies.map((body) => this.#decode(body)),
      parking,
    );
  }

  /** Claims what is due to the target and settles it. */
  async settle(
    next: DeliverySettlement['next'],
    facts: Partial<DeliverySettlement> = {},
    target = this.targets[0] ?? '',
  ): Promise<void> {
    const claimant = `claim ${this.#claims++}`;
    const claimed = await claimDue(this.store, { target, claimant, limit: 1_000, leaseMs: LEASE_MS });
    const attemptedAtMs = this.clock.nowMs;
    await this.store.settleDeliveries(
      claimed.map((delivery) => settlement(delivery, next, { attemptedAtMs, ...facts })),
    );
  }

  #decode(body: Body): DecodedEvent<OrderEvent> {
    const topic = body.eventType === 'ORDER' ? 'order_events' : 'payment_events';
    const decoded = this.#decoder.decode(
      {
        offset: this.#offset++,
        timestampMs: this.clock.nowMs,
        key: Buffer.from(String(body.orderId)),
        value: Buffer.from(JSON.stringify(body)),
        headers: [],
      },
      { topic, partition: this.partition },
      this.clock.nowMs,
    );
    if (decoded.kind === 'event') return decoded.event;
    throw new Error(`The test's event is refused: ${decoded.record.detail}`);
  }

  async #commit(orderId: string, incoming: DecodedEvent<OrderEvent>[], parking?: Parking): Promise<void> {
    const before = this.#histories.get(orderId) ?? emptyHistory(orders);
    const { history, accepted } = merge(orders, before, incoming);
    if (accepted.length === 0) return;
    const row = orders.view.row(history.state);
    const hasChanged = versionOf(before) === 0 || !isSameRow(orders.view.row(before.state), row);
    const change = {
      entityId: orderId,
      fromVersion: versionOf(before),
      version: versionOf(history),
      row: parking === undefined ? row : null,
      events: accepted,
      delivery:
        hasChanged && parking === undefined
          ? this.#due.changed(row, orders.view.isReady(history.state))
          : UNCHANGED,
      ...(parking === undefined ? {} : { parking }),
    };
    const outcome = await this.store.commit(batchOf([], [change]));
    if (outcome.kind !== 'committed') throw new Error(`The batch was ${outcome.kind}.`);
    this.#histories.set(orderId, history);
  }
}

/** What questions about the orders of the store are answered from. */
export function askPartsFor(store: Store, targets: readonly string[] = ['order-mgt']): OrderAskParts {
  return {
    domain: orders,
    decoder: createDecoder(orders, { topicNames: TOPIC_NAMES }),
    store,
    clock: systemClock,
    log: null,
    due: new DueRules(targets.map((name) => ({ name, qualifies: null }))),
    topicNames: TOPIC_NAMES,
    targets,
    stuckAfterMs: 3_600_000,
    maxEvents: 10_000,
  };
}

/** The reads of the store, each bound to it, so that a test can replace one of them. */
export function inspectionOf(store: Store): EntityInspection {
  return {
    readArrivals: store.readArrivals.bind(store),
    readLastArrivals: store.readLastArrivals.bind(store),
    readJournals: store.readJournals.bind(store),
    findEvent: store.findEvent.bind(store),
    readView: store.readView.bind(store),
    listView: store.listView.bind(store),
    listByDelivery: store.listByDelivery.bind(store),
    readDelivery: store.readDelivery.bind(store),
    listDeliveries: store.listDeliveries.bind(store),
    pageDeliveries: store.pageDeliveries.bind(store),
    readAttempts: store.readAttempts.bind(store),
    listParked: store.listParked.bind(store),
    readParked: store.readParked.bind(store),
    listHolds: store.listHolds.bind(store),
    checkpoints: store.checkpoints.bind(store),
    listResumed: store.listResumed.bind(store),
    findOpenByKey: store.findOpenByKey.bind(store),
    listJobs: store.listJobs.bind(store),
    viewState: store.viewState.bind(store),
  };
}

/** An order with a review whose end came before its beginning. */
export async function lateReview(): Promise<OrderStore> {
  const place = await OrderStore.open();
  await place.journal(
    [created('a', '10:00'), paid('a', AUTHORIZED, '10:01')],
    [paid('a', ACCEPTED, '10:03')],
    [paid('a', PENDING, '10:02')],
  );
  return place;
}
