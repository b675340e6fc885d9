import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSqliteStore } from '../../../src/adapters/sqlite/index.ts';
import { MachineTime, type StoreTime } from '../../../src/adapters/sqlite/store-time.ts';
import { systemClock } from '../../../src/adapters/system-clock.ts';
import type { Domain, ViewRow } from '../../../src/core/domain.ts';
import { historyOf } from '../../../src/core/fold.ts';
import { evolve } from '../../../src/orders/fold.ts';
import { type OrderEvent, type OrderState, orders } from '../../../src/orders/index.ts';
import { createDecoder } from '../../../src/pipeline/decode/decoder.ts';
import { deliveryIdOf, repairIdOf } from '../../../src/pipeline/delivery-id.ts';
import { BatchPlan } from '../../../src/pipeline/ingest/batch-plan.ts';
import { DueRules } from '../../../src/pipeline/ingest/due.ts';
import { HistoryCache } from '../../../src/pipeline/ingest/history-cache.ts';
import { LONG_LIMITS, LongHistories } from '../../../src/pipeline/ingest/long-histories.ts';
import { Newcomers } from '../../../src/pipeline/ingest/newcomers.ts';
import { ParkedRegistry } from '../../../src/pipeline/ingest/parked.ts';
import { restoreAll } from '../../../src/pipeline/ingest/unfoldable.ts';
import { migrateStore } from '../../../src/pipeline/migrate-store.ts';
import type { RebuildPlace } from '../../../src/pipeline/rebuild/places.ts';
import { Rebuild, type RebuildParts } from '../../../src/pipeline/rebuild/rebuild.ts';
import { foldOf, ViewWatch } from '../../../src/pipeline/rebuild/view-mode.ts';
import { digestOf } from '../../../src/pipeline/reconcile/comparison.ts';
import type { Checkpoint } from '../../../src/ports/checkpoints.ts';
import type { ClaimedDelivery } from '../../../src/ports/delivery-claims.ts';
import type { LogRecord } from '../../../src/ports/event-log.ts';
import type { OpenedStore, Store } from '../../../src/ports/store.ts';
import type { StoreHarness } from '../../contract/store.ts';

export const TARGET = 'order-mgt';
const NEVER = new AbortController().signal;

/** A fold with a planted bug: a declined review counts as an accepted one. */
export const buggyOrders: Domain<OrderState, OrderEvent> = {
  ...orders,
  foldVersion: 1,
  evolve: (state, event) =>
    event.kind === 'payment_status_changed' && event.status === 'AUTHORIZATION_REVIEW_DECLINED'
      ? evolve(state, { ...event, status: 'AUTHORIZATION_REVIEW_ACCEPTED' })
      : evolve(state, event),
};

/** The same without the bug. */
export const fixedOrders: Domain<OrderState, OrderEvent> = { ...orders, foldVersion: 2 };

export const STATUSES = [
  'PAYMENT_AUTHORIZED',
  'PAYMENT_AUTH_WITHPENDING_REVIEW',
  'AUTHORIZATION_REVIEW_ACCEPTED',
  'AUTHORIZATION_REVIEW_DECLINED',
] as const;

export interface Happening {
  readonly orderId: string;
  /** Null for the creation of the order. */
  readonly status: (typeof STATUSES)[number] | null;
  readonly minute: number;
}

/** A store in a folder, and the target that gets its states. */
export class World {
  readonly file: string;
  readonly target = new RememberingTarget();
  /** The data directory of order-sync. */
  readonly folder: string;
  readonly #stores: OpenedStore[] = [];
  /** Moves when a test lets leases end. */
  nowMs = Date.UTC(2026, 0, 1);

  readonly #harness: StoreHarness | undefined;

  /** Makes the stores in the folder, or by `harness`. */
  static async make(harness?: StoreHarness): Promise<World> {
    return new World(await mkdtemp(join(tmpdir(), 'tributary-rebuild-')), harness);
  }

  private constructor(folder: string, harness: StoreHarness | undefined) {
    this.folder = folder;
    this.#harness = harness;
    this.file = join(folder, 'order-sync.sqlite');
  }

  /** Another process with this domain. */
  async program(domain: Domain<OrderState, OrderEvent>): Promise<Program> {
    const opened = await this.#open();
    this.#stores.push(opened);
    const { store } = await migrateStore({
      domain,
      store: opened,
      targets: [TARGET],
      clock: systemClock,
      logger: () => {},
    });
    const program = new Program(domain, store, this.target);
    await program.view.refresh();
    return program;
  }

  async #open(): Promise<OpenedStore> {
    const now = () => this.nowMs;
    const settings = { clock: systemClock, targets: [TARGET] };
    if (this.#harness !== undefined) {
      const withTime = { ...settings, storeClock: { now } };
      return this.#stores.length === 0 ? this.#harness.open(withTime) : this.#harness.openAgain(withTime);
    }
    const time: StoreTime = Object.assign(new MachineTime(systemClock), { now, leaseNow: now });
    return openSqliteStore({ ...settings, file: this.file, time });
  }

  async close(): Promise<void> {
    for (const store of this.#stores) await store.close();
    await this.#harness?.cleanup();
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** Ingest, deliveries and rebuilds of one process, step by step. */
export class Program {
  readonly domain: Domain<OrderState, OrderEvent>;
  readonly store: Store;
  readonly view: ViewWatch;
  readonly parts: RebuildParts<OrderState, OrderEvent>;
  readonly outdated: unknown[] = [];
  readonly #target: RememberingTarget;
  readonly #decoder;
  #checkpoint: Checkpoint | null = null;

  constructor(domain: Domain<OrderState, OrderEvent>, store: Store, target: RememberingTarget) {
    this.domain = domain;
    this.store = store;
    this.#target = target;
    const topicNames = { order_events: 'order_events', payment_events: 'payment_events' };
    this.#decoder = createDecoder(domain, { topicNames });
    const due = new DueRules([{ name: TARGET, qualifies: null }]);
    const logger = () => {};
    this.parts = { domain, decoder: this.#decoder, due, store, clock: systemClock, logger };
    this.view = new ViewWatch({
      store,
      fold: foldOf(domain),
      clock: systemClock,
      logger,
      onOutdated: (error) => this.outdated.push(error),
      onStandstill: (state) => new Rebuild(this.parts).recover(state, NEVER),
    });
  }

  /** Journals these events as the records of one batch. Resolves with whether it was committed. */
  async journal(happenings: readonly Happening[]): Promise<boolean> {
    if (this.#checkpoint === null) {
      const request = { topic: 'order_events', partition: 0, topicId: 'topic', startOffset: 0n };
      const [checkpoint] = await this.store.acquire([request]);
      if (checkpoint === undefined) throw new Error('No checkpoint was acquired.');
      this.#checkpoint = checkpoint;
      await this.view.refresh();
    }
    const { nextOffset, epoch, leaderEpoch } = this.#checkpoint;
    const events = happenings.map((one, index) => {
      const record = recordOf(one, nextOffset + BigInt(index));
      const topic = one.status === null ? 'order_events' : 'payment_events';
      const decoded = this.#decoder.decode(record, { topic, partition: 0 }, 0);
      if (decoded.kind !== 'event') throw new Error('A record of the test is no event.');
      return decoded.event;
    });
    const long = new LongHistories({
      domain: this.domain,
      decoder: this.#decoder,
      journals: this.store.longJournals,
      logger: () => {},
      limits: LONG_LIMITS,
    });
    const context = {
      ...this.parts,
      cache: new HistoryCache<OrderState, OrderEvent>(0),
      parked: new ParkedRegistry(),
      view: this.view,
    };
    const plan = new BatchPlan(context, new Newcomers(), long, events, 0);
    const toOffset = nextOffset + BigInt(events.length);
    const move = {
      topic: 'order_events',
      partition: 0,
      epoch,
      fromOffset: nextOffset,
      toOffset,
      leaderEpoch,
    };
    const outcome = await this.store.commit({
      moves: [move],
      quarantined: [],
      entityIds: plan.entityIds,
      mode: 'locking',
      plan: (versions, read) => plan.plan(versions, read),
    });
    this.#checkpoint = outcome.kind === 'committed' ? { ...this.#checkpoint, nextOffset: toOffset } : null;
    return outcome.kind === 'committed';
  }

  claim(): Promise<ClaimedDelivery[]> {
    const request = { target: TARGET, claimant: crypto.randomUUID(), limit: 100, leaseMs: 1_000 };
    return this.store.claimDeliveries({ ...request, attempts: 'first' });
  }

  /** Sends what is claimed. `loses` decides whether the answer is lost, so that the claim is never settled. */
  async send(claimed: readonly ClaimedDelivery[], loses: () => boolean = () => false): Promise<void> {
    for (const delivery of claimed) {
      this.#target.receive(delivery);
      if (!loses()) await this.settle(delivery);
    }
  }

  async settle(delivery: ClaimedDelivery): Promise<void> {
    await this.store.settleDeliveries([
      {
        delivery,
        deliveryId: deliveryIdOf(delivery.entityId, delivery.version),
        attemptedAtMs: 0,
        verdict: 'delivered',
        status: 200,
        latencyMs: 1,
        answer: '',
        error: null,
        next: 'delivered',
      },
    ]);
  }

  async deliverAll(): Promise<number> {
    let sent = 0;
    for (let claimed = await this.claim(); claimed.length > 0; claimed = await this.claim()) {
      sent += claimed.length;
      await this.send(claimed);
    }
    return sent;
  }

  /** Works on a rebuild or a switch from this place to its end. `saved` gets each place, as the job's store does. */
  async work(
    task: 'build' | 'switch',
    rebuildId: string,
    from: RebuildPlace | null = null,
    saved: (place: RebuildPlace | null) => void = () => {},
    store: Store = this.store,
  ): Promise<Readonly<Record<string, unknown>>> {
    const rebuild = new Rebuild({ ...this.parts, store });
    for (let place = from; ; ) {
      const step =
        task === 'build'
          ? await rebuild.build(rebuildId, place, NEVER)
          : await rebuild.switch(rebuildId, place, NEVER, { keepsFormer: false });
      // A job keeps its place as JSON.
      place = step.place === null ? null : (JSON.parse(JSON.stringify(step.place)) as RebuildPlace);
      saved(place);
      if (place === null) return step.progress;
    }
  }

  /** Does what an instance does that finds a switch standing still. */
  async recover(): Promise<void> {
    await this.view.refresh();
    const { state } = this.view;
    if (state !== null) await new Rebuild(this.parts).recover(state, NEVER);
    await this.view.refresh();
  }

  async rebuildAll(rebuildId = 'rebuild-1') {
    const built = await this.work('build', rebuildId);
    const switched = await this.work('switch', rebuildId);
    await this.view.refresh();
    return { built, switched };
  }

  /** The rows that the fold of the journal gives, by order. */
  async folded(): Promise<Map<string, { row: ViewRow; version: number; isReady: boolean }>> {
    const ids = (await this.store.listJournaled({ after: null, limit: 10_000 })).map(
      ({ entityId }) => entityId,
    );
    const journals = await this.store.readJournals(ids);
    const { view } = this.domain;
    return new Map(
      [...journals].map(([entityId, journal]) => {
        const restored = restoreAll(this.#decoder, journal);
        if ('reason' in restored) throw new Error('An event of the test cannot be restored.');
        const { state } = historyOf(this.domain, restored.events);
        return [entityId, { row: view.row(state), version: journal.length, isReady: view.isReady(state) }];
      }),
    );
  }

  async rows() {
    const ids = (await this.store.listJournaled({ after: null, limit: 10_000 })).map(
      ({ entityId }) => entityId,
    );
    return this.store.readView(ids);
  }
}

/** A target that follows docs/being-a-target.md, and remembers what it got. */
export class RememberingTarget {
  readonly held = new Map<string, { version: number; row: ViewRow }>();
  readonly requests: ClaimedDelivery[] = [];
  /** Ids that came again with other content, which a target refuses. */
  readonly conflicts: string[] = [];
  readonly #known = new Map<string, string>();

  receive(delivery: ClaimedDelivery): void {
    const { entityId, version, row, replaces } = delivery;
    this.requests.push(delivery);
    const id =
      replaces === undefined ? deliveryIdOf(entityId, version) : repairIdOf(entityId, version, replaces);
    const content = JSON.stringify(row);
    const known = this.#known.get(id);
    if (known !== undefined) {
      // As order-mgt does: the id is known, and the row is not what it gave.
      if (known !== content) this.conflicts.push(id);
      else if (this.held.get(entityId)?.version === version) this.held.set(entityId, { version, row });
      return;
    }
    this.#known.set(id, content);
    const held = this.held.get(entityId);
    const isRepair =
      held !== undefined &&
      held.version === version &&
      replaces !== undefined &&
      digestOf([{ entityId, ...held }]) === replaces;
    if (held === undefined || version > held.version || isRepair) this.held.set(entityId, { version, row });
  }
}

function recordOf({ orderId, status, minute }: Happening, offset: bigint): LogRecord {
  const timestamp = new Date(Date.UTC(2025, 0, 1) + minute * 60_000).toISOString();
  const body =
    status === null
      ? { eventType: 'ORDER', orderId, orderStatus: 'CREATED', timestamp }
      : { eventType: 'PAYMENT', orderId, paymentStatus: status, timestamp };
  return {
    offset,
    timestampMs: 0,
    key: Buffer.from(orderId),
    value: Buffer.from(JSON.stringify(body)),
    headers: [],
  };
}

/** The store of a process that dies when the store has done the nth call of its rebuild, and gets no answer. */
export function dyingStore(store: Store, lastCall: number): Store {
  const calls = new Set([
    'beginRebuild',
    'writeRebuilt',
    'listOutdated',
    'compareRows',
    'noteBuilt',
    'beginSwitch',
    'exchange',
    'settleChanges',
    'endSettling',
    'dropFormer',
    'viewState',
  ]);
  let count = 0;
  let isDead = false;
  return new Proxy(store, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name);
      if (typeof member !== 'function') return member;
      return async (...given: unknown[]) => {
        if (isDead) throw new Died();
        if (calls.has(String(name))) count++;
        const result: unknown = await Reflect.apply(member, target, given);
        isDead = count === lastCall;
        if (isDead) throw new Died();
        return result;
      };
    },
  });
}

export class Died extends Error {
  readonly code = 'DIED';
}
