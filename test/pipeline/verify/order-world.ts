import { historyOf } from '../../../src/core/fold.ts';
import { compareUtf8 } from '../../../src/core/text.ts';
import { type OrderEvent, type OrderState, orders } from '../../../src/orders/index.ts';
import { createAdopter } from '../../../src/pipeline/adopt.ts';
import { createDecoder, type DecodedEvent } from '../../../src/pipeline/decode/decoder.ts';
import { DueRules, isSameRow } from '../../../src/pipeline/ingest/due.ts';
import { compareEntities, type Difference } from '../../../src/pipeline/verify/compare.ts';
import { refold } from '../../../src/pipeline/verify/refold.ts';
import { type VerifyParts, verifyEntities } from '../../../src/pipeline/verify/repair.ts';
import type { EntityChange, Parking } from '../../../src/ports/commit.ts';
import type { ClaimedDelivery, DeliverySettlement } from '../../../src/ports/delivery-claims.ts';
import type { JournaledEvent } from '../../../src/ports/journal.ts';
import type { Store } from '../../../src/ports/store.ts';
import { SettableClock, type StoreHarness } from '../../contract/store/fixtures.ts';

export const FIRST = 'order-mgt';
/** A target with a filter: it wants reviewed orders only. */
export const CHOOSY = 'crm';
const TARGETS = [FIRST, CHOOSY];
const LEASE_MS = 30_000;

/** What happens to an order, as the letters of the event producer's codes. */
export type Happening = 'o' | 'pa' | 'par' | 'paa' | 'pad';

const STATUSES: Readonly<Record<Exclude<Happening, 'o'>, string>> = {
  pa: 'PAYMENT_AUTHORIZED',
  par: 'PAYMENT_AUTH_WITHPENDING_REVIEW',
  paa: 'AUTHORIZATION_REVIEW_ACCEPTED',
  pad: 'AUTHORIZATION_REVIEW_DECLINED',
};

/**
 * Orders in a store, to which everything happens that may happen to entries of the ledger. Commits are made as ingest makes
 * them, but from the world's own list of events.
 */
export class OrderWorld {
  readonly store: Store;
  readonly clock: SettableClock;
  readonly harness: StoreHarness;
  readonly decoder = createDecoder(orders, {
    topicNames: { order_events: 'order_events', payment_events: 'payment_events' },
  });
  readonly due = new DueRules([
    { name: FIRST, qualifies: null },
    { name: CHOOSY, qualifies: (row) => row[2] !== null },
  ]);
  /** The events of each order in the sequence of arrival. */
  readonly arrived = new Map<string, DecodedEvent<OrderEvent>[]>();
  readonly parked = new Set<string>();
  #offset = 0n;
  #claims = 0;

  static async make(harness: StoreHarness, clock = new SettableClock()): Promise<OrderWorld> {
    const opened = await harness.open({ clock, targets: TARGETS });
    await harness.makeOriginalOrdersTable([
      ['adopted sent', 'CREATED', 'PAYMENT_AUTHORIZED', null, true],
      ['adopted due', 'CREATED', 'PAYMENT_AUTHORIZED', null, false],
      ['adopted early', 'CREATED', null, null, false],
    ]);
    const { table, keyColumn, columns } = orders.view;
    const adopter = createAdopter(orders);
    const { store } = await opened.migrate({
      view: { table, keyColumn, columns },
      targets: TARGETS,
      adopt: (entityId, row) => adopter?.(entityId, row, clock.now()) as never,
      nowMs: clock.now(),
    });
    const world = new OrderWorld(harness, store, clock);
    for (const [id, journal] of await store.readJournals(['adopted sent', 'adopted due', 'adopted early']))
      world.arrived.set(
        id,
        journal.map((event) => world.decoder.restore(event)),
      );
    return world;
  }

  private constructor(harness: StoreHarness, store: Store, clock: SettableClock) {
    this.harness = harness;
    this.store = store;
    this.clock = clock;
  }

  get ids(): string[] {
    return [...this.arrived.keys()].sort(compareUtf8);
  }

  /** The parts of a verification. `isSequenceKnown`: the world answers where the store does not know the arrival. */
  parts(isSequenceKnown = true): VerifyParts<OrderState, OrderEvent> {
    const { store } = this;
    const readAsArrived = async (ids: readonly string[]) => {
      const known = await store.readAsArrived(ids);
      if (!isSequenceKnown) return new Map<string, JournaledEvent[]>();
      return known.size > 0 ? known : new Map(ids.map((id) => [id, [...(this.arrived.get(id) ?? [])]]));
    };
    const wrapped = new Proxy(store, {
      get(target, name) {
        if (name === 'readAsArrived') return readAsArrived;
        const member: unknown = Reflect.get(target, name);
        return typeof member === 'function' ? member.bind(target) : member;
      },
    });
    return {
      domain: orders,
      decoder: this.decoder,
      due: this.due,
      store: wrapped,
      clock: this.clock,
      targetsFromBeginning: new Set([FIRST]),
      maxEvents: 1_024,
    };
  }

  async differences(isSequenceKnown = true): Promise<readonly Difference[]> {
    const ids = await this.store.listEntities({ after: null, limit: 1_000 });
    return (await compareEntities(this.parts(isSequenceKnown), ids)).differences;
  }

  async repair(isSequenceKnown = true) {
    const ids = await this.store.listEntities({ after: null, limit: 1_000 });
    return verifyEntities(this.parts(isSequenceKnown), ids, true);
  }

  /** Makes an event that is like no other one. `minute` is when it occurred. */
  event(id: string, happening: Happening, minute: number, revision?: number): DecodedEvent<OrderEvent> {
    const timestamp = new Date(Date.UTC(2026, 0, 1) + minute * 60_000).toISOString();
    const offset = this.#offset++;
    const topic = happening === 'o' ? 'order_events' : 'payment_events';
    const body = {
      ...(happening === 'o'
        ? { eventType: 'ORDER', orderStatus: 'CREATED' }
        : { eventType: 'PAYMENT', paymentStatus: STATUSES[happening] }),
      orderId: id,
      timestamp,
      eventId: `event ${offset}`,
      ...(revision === undefined ? {} : { revision }),
    };
    const record = {
      topic,
      key: Buffer.from(id),
      value: Buffer.from(JSON.stringify(body)),
      headers: [],
      offset,
      timestampMs: 0,
    };
    const decoded = this.decoder.decode(record as never, { topic, partition: 0 }, this.clock.now());
    if (decoded.kind === 'rejected') throw new Error(decoded.record.detail);
    return decoded.event;
  }

  /** Journals these events in one commit. A parked order gains its events only. */
  async commit(
    events: ReadonlyMap<string, readonly DecodedEvent<OrderEvent>[]>,
    parks = false,
  ): Promise<void> {
    const changes: EntityChange[] = [];
    for (const [entityId, fresh] of events) {
      const before = this.arrived.get(entityId) ?? [];
      const after = [...before, ...fresh];
      const base = { entityId, fromVersion: before.length, version: after.length, events: fresh };
      const isParked = this.parked.has(entityId);
      if (isParked || parks) {
        const parking: Parking = isParked
          ? { kind: 'parked' }
          : { kind: 'park', reason: 'fold_failed', detail: 'By the test.', parkedAtMs: 1 };
        changes.push({ ...base, row: null, delivery: { hasChanged: false, qualifiesFor: [] }, parking });
        this.parked.add(entityId);
      } else {
        const { state } = historyOf(orders, after);
        const row = orders.view.row(state);
        const old = before.length === 0 ? null : orders.view.row(historyOf(orders, before).state);
        const hasChanged = old === null || !isSameRow(old, row);
        const delivery = hasChanged
          ? this.due.changed(row, orders.view.isReady(state))
          : { hasChanged, qualifiesFor: [] };
        changes.push({ ...base, row, delivery });
      }
      this.arrived.set(entityId, after);
    }
    const outcome = await this.store.commit({
      moves: [],
      quarantined: [],
      entityIds: [...events.keys()].sort(compareUtf8),
      mode: 'optimistic',
      plan: async () => changes,
    });
    if (outcome.kind !== 'committed') throw new Error(`The commit is ${outcome.kind}.`);
  }

  /** Journals happenings of one order, one commit for each, a minute after the other. */
  async happens(id: string, ...happenings: Happening[]): Promise<void> {
    for (const happening of happenings) {
      const minute = (this.arrived.get(id)?.length ?? 0) + 1;
      await this.commit(new Map([[id, [this.event(id, happening, minute)]]]));
    }
  }

  async release(id: string): Promise<void> {
    await refold(this.parts(), [id], 'release');
    this.parked.delete(id);
  }

  async claim(
    target: string,
    attempts: 'first' | 'later' = 'first',
    limit = 100,
  ): Promise<ClaimedDelivery[]> {
    const claimant = `claim ${++this.#claims}`;
    return this.store.claimDeliveries({ target, claimant, limit, leaseMs: LEASE_MS, attempts });
  }

  async settle(delivery: ClaimedDelivery, next: DeliverySettlement['next']): Promise<void> {
    this.clock.nowMs += 7;
    const isDelivered = next === 'delivered';
    await this.store.settleDeliveries([
      {
        delivery,
        deliveryId: `delivery of ${delivery.version}`,
        attemptedAtMs: this.clock.now(),
        verdict: isDelivered ? 'delivered' : next === 'dead' ? 'park' : 'retry',
        status: isDelivered ? 200 : 503,
        latencyMs: 1,
        answer: '',
        error: isDelivered ? null : 'It answered 503.',
        next,
      },
    ]);
  }

  /** Delivers everything that is due to the target, as `ends` says by order, or well. */
  async deliver(
    target: string,
    ends: Readonly<Record<string, DeliverySettlement['next']>> = {},
  ): Promise<void> {
    for (const delivery of await this.claim(target))
      await this.settle(delivery, ends[delivery.entityId] ?? 'delivered');
  }

  /** Does what a redrive does to the dead deliveries. */
  async redrive(): Promise<void> {
    await this.harness.rawQuery(
      "UPDATE deliveries SET status = 'pending', attempts = 0, is_retry = 0, next_attempt_at = " +
        `${this.clock.now()} WHERE status = 'dead'`,
    );
  }
}
