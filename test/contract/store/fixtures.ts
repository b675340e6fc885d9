import { createHash } from 'node:crypto';
import { setImmediate, setTimeout } from 'node:timers/promises';
import { afterAll, afterEach, beforeEach } from 'vitest';
import type { ViewRow } from '../../../src/core/domain.ts';
import type { StoreNaming } from '../../../src/core/table-names.ts';
import { compareUtf8 } from '../../../src/core/text.ts';
import type { Checkpoint } from '../../../src/ports/checkpoints.ts';
import type { Clock } from '../../../src/ports/clock.ts';
import type { CheckpointMove, DeliveryChange, EntityChange, IngestBatch } from '../../../src/ports/commit.ts';
import type { JournaledEvent } from '../../../src/ports/journal.ts';
import type { MigrationOptions } from '../../../src/ports/migration.ts';
import type { QuarantinedRecord } from '../../../src/ports/quarantine.ts';
import type { OpenedStore, Store } from '../../../src/ports/store.ts';

/** One kind of store under test. Each call of `open` gives an empty place of its own. */
export interface StoreHarness {
  /** False if the store's user may not create tables; default true. */
  readonly canMakeTables?: boolean;
  /** True for a store that is simulated: no older version has made one, and its statements have no query plans. */
  readonly isSimulated?: boolean;
  /**
   * True for a store of several servers behind a proxy: it takes no other program's table over, deliveries of one moment come
   * in the sequence of the servers, and transactions that meet may deadlock, which a lane answers by trying again.
   * `check:convergence` holds what two instances do there at once.
   */
  readonly isDistributed?: boolean;
  /** A store in a fresh and empty place. */
  open(settings: StoreSettings): Promise<OpenedStore>;
  /** The same, faster: perhaps in a place that an earlier test has used, emptied. */
  openEmptied?(settings: StoreSettings): Promise<OpenedStore>;
  /** Called once the store of `openEmptied` is migrated, so that a later test may use its place. */
  keep?(): Promise<void>;
  /** Removes the kept place. */
  dropKept?(): Promise<void>;
  /** Another instance, as in another process, on the place that `open` made last. */
  openAgain(settings: StoreSettings): Promise<OpenedStore>;
  /** The name of one of the store's tables, by its plain name. Without it, the tables have their plain names. */
  tableName?(plain: string): string;
  /** Runs one statement that bypasses the store, as a database client would. It has the plain names of the tables. */
  rawQuery(sql: string): Promise<readonly Readonly<Record<string, unknown>>[]>;
  /** Creates the table `orders` with the original program's own SQL, and these rows. */
  makeOriginalOrdersTable(rows: readonly OriginalOrder[]): Promise<void>;
  /** Closes every instance that is still open, and removes the place. */
  cleanup(): Promise<void>;
}

export interface StoreSettings {
  readonly clock: Clock;
  readonly targets: readonly string[];
  /**
   * The time for leases and retries. `clock`, the default, lets a test move it; `own` is the time that the store uses
   * in production.
   */
  readonly storeClock?: Pick<Clock, 'now'> | 'own';
  /** The names of the tables, in place of those of the harness. */
  readonly naming?: StoreNaming;
}

export type OriginalOrder = readonly [
  orderId: string,
  orderStatus: string | null,
  paymentStatus: string | null,
  reviewStatus: string | null,
  readyToSend: boolean,
];

/** A clock whose wall-clock time moves only by hand. Waits take real time, so that locks can be released. */
export class SettableClock implements Clock {
  nowMs = Date.UTC(2026, 0, 2, 3, 4, 5, 678);

  now(): number {
    return this.nowMs;
  }

  monotonicMs(): number {
    return performance.now();
  }

  async sleep(ms: number): Promise<void> {
    await setTimeout(ms);
  }

  random(): number {
    return Math.random();
  }

  uuid(): string {
    return crypto.randomUUID();
  }
}

/** Two targets, so that a store that serves only the first one fails. */
export const TARGETS = ['warehouse', 'billing'] as const;
export const TARGET = TARGETS[0];

/** Values for what a change means to the targets. */
export const UNCHANGED: DeliveryChange = { hasChanged: false, qualifiesFor: [] };
export const NOT_READY: DeliveryChange = { hasChanged: true, qualifiesFor: [] };
export const DUE: DeliveryChange = { hasChanged: true, qualifiesFor: TARGETS };

export const PARCELS: MigrationOptions['view'] = {
  table: 'parcels',
  keyColumn: 'parcel_id',
  columns: [
    { name: 'place', type: 'text' },
    { name: 'is_fragile', type: 'boolean' },
    { name: 'weight_grams', type: 'integer' },
  ],
};

export function parcelMigration(clock: Clock): MigrationOptions {
  return { view: PARCELS, targets: TARGETS, adopt: null, nowMs: clock.now() };
}

/** Migrates to the view of the parcels. */
export async function migrateParcels(opened: OpenedStore, clock: Clock): Promise<Store> {
  return (await opened.migrate(parcelMigration(clock))).store;
}

export interface StorePlace {
  readonly store: Store;
  readonly clock: SettableClock;
  /** A second instance on the same data, migrated. */
  another(): Promise<Store>;
}

/** A fresh migrated store for each test of the surrounding `describe`. */
export function usePlace(harness: StoreHarness): StorePlace {
  let current: { store: Store; clock: SettableClock } | undefined;
  beforeEach(async () => {
    const clock = new SettableClock();
    const open = harness.openEmptied?.bind(harness) ?? harness.open.bind(harness);
    const store = await migrateParcels(await open({ clock, targets: TARGETS }), clock);
    await harness.keep?.();
    current = { store, clock };
  });
  afterEach(() => harness.cleanup());
  afterAll(() => harness.dropKept?.());
  const now = () => {
    if (current === undefined) throw new Error('The place is made before each test, not before the suite.');
    return current;
  };
  return {
    get store() {
      return now().store;
    },
    get clock() {
      return now().clock;
    },
    async another() {
      const { clock } = now();
      return migrateParcels(await harness.openAgain({ clock, targets: TARGETS }), clock);
    },
  };
}

export const TOPIC = 'parcel_events';

/** Acquires partitions 0 to `count` - 1 of the topic, each new one at offset 0. */
export function acquirePartitions(store: Store, count = 1): Promise<Checkpoint[]> {
  return store.acquire(
    Array.from({ length: count }, (_, partition) => ({
      topic: TOPIC,
      partition,
      topicId: 'topic-id-1',
      startOffset: 0n,
    })),
  );
}

export async function acquireOne(store: Store, partition = 0): Promise<Checkpoint> {
  const [checkpoint] = await store.acquire([
    { topic: TOPIC, partition, topicId: 'topic-id-1', startOffset: 0n },
  ]);
  if (checkpoint === undefined) throw new Error('No partition was acquired.');
  return checkpoint;
}

/** A move of the checkpoint by this number of records. */
export function move(checkpoint: Checkpoint, records = 1n): CheckpointMove {
  const { topic, partition, epoch, nextOffset, leaderEpoch } = checkpoint;
  return { topic, partition, epoch, fromOffset: nextOffset, toOffset: nextOffset + records, leaderEpoch };
}

let contents = 0;

/** An event at `position`, different from any other unless `facts` say otherwise. */
export function event(
  entityId: string,
  position: number,
  facts: Partial<JournaledEvent> = {},
): JournaledEvent {
  const data = facts.data ?? `{"content":${++contents}}`;
  return {
    entityId,
    position,
    occurredAtMs: Date.UTC(2026, 0, 1) + position,
    cautionRank: 0,
    eventId: `event-${position}`,
    contentHash: createHash('sha256').update(data).digest('hex'),
    eventType: 'PARCEL',
    revision: null,
    observedAtMs: Date.UTC(2026, 0, 2, 0, 0, 0, 1),
    topic: TOPIC,
    partition: 0,
    offset: BigInt(position),
    data,
    ...facts,
  };
}

export const PARK = {
  kind: 'park',
  reason: 'fold_failed',
  detail: 'The fold throws at event-2 (parcel_events/0 at offset 2).',
  parkedAtMs: 1_750_000_000_000,
} as const;

export const ROW: ViewRow = ['Oslo', true, 1200];

/** A change that adds one event to an entity of version `fromVersion`. */
export function change(
  entityId: string,
  fromVersion: number,
  facts: Partial<EntityChange> = {},
): EntityChange {
  const events = facts.events ?? [event(entityId, fromVersion + 1)];
  return {
    entityId,
    fromVersion,
    version: fromVersion + events.length,
    row: ROW,
    delivery: UNCHANGED,
    ...facts,
    events,
  };
}

export function batchOf(
  moves: readonly CheckpointMove[],
  changes: readonly EntityChange[],
  facts: Partial<IngestBatch> = {},
): IngestBatch {
  return {
    moves,
    quarantined: [],
    entityIds: changes.map(({ entityId }) => entityId).sort(compareUtf8),
    mode: 'optimistic',
    plan: async () => changes,
    ...facts,
  };
}

/**
 * Commits the changes without moving a checkpoint, fails if that does not work, and gives the number of deliveries that
 * became due.
 */
export async function commitChanges(store: Store, ...changes: EntityChange[]): Promise<number> {
  const outcome = await store.commit(batchOf([], changes));
  if (outcome.kind !== 'committed')
    throw new Error(`Expected the batch to be committed, it was ${outcome.kind}.`);
  return outcome.deliveriesDue;
}

export function quarantined(offset: bigint, facts: Partial<QuarantinedRecord> = {}): QuarantinedRecord {
  const value = facts.value === undefined ? Uint8Array.of(0xff, 0x00, 0x27) : facts.value;
  return {
    topic: TOPIC,
    partition: 0,
    offset,
    reason: 'json_invalid',
    detail: "It's no JSON: byte 0 is not allowed — 😀.",
    key: Uint8Array.of(0x00, 0x80),
    value,
    valueLength: value?.length ?? 0,
    valueHash: createHash('sha256')
      .update(value ?? '')
      .digest('hex'),
    headers: Uint8Array.of(1, 2, 0, 255),
    observedAtMs: Date.UTC(2026, 0, 2),
    ...facts,
  };
}

/** Ids that a careless store confuses, truncates, folds, pads or executes. */
export const NASTY_IDS: readonly string[] = [
  'A1',
  'a1',
  'A1 ',
  'A1  ',
  ' A1',
  'A1\t',
  'A1\n',
  'A',
  'A\u0000',
  'A\u0000B',
  'A\u0000C',
  '\u0000',
  '\u00e9',
  'e\u0301',
  '\u0130',
  'ss',
  '\u00df',
  '\ufb00',
  '\uffff',
  '\ue000',
  '\u{10000}',
  '😀',
  '👩‍👩‍👧',
  '\u202eabc',
  '\u200babc',
  '\ufeffabc',
  "'; DROP TABLE event_journal; --",
  '"quoted"',
  '`ticked`',
  'back\\slash',
  '%',
  '_',
  '?',
  '$1',
  '=1+1',
  '__proto__',
  'constructor',
  '1',
  '01',
  '1e0',
  'NULL',
  `${'ä'.repeat(127)}x`,
  `${'ä'.repeat(127)}y`,
];

/** Lets all pending callbacks run. */
export async function letOthersRun(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await setImmediate();
}

/** The number, whatever type the driver gives for an integer. */
export function asNumber(value: unknown): number {
  return Number(value);
}

/** The bytes as numbers, so that a Uint8Array and a Buffer compare equal. */
export function bytes(value: Uint8Array | null): number[] | null {
  return value === null ? null : [...value];
}
