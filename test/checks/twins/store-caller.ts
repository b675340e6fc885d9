import { createHash } from 'node:crypto';
import { systemClock } from '../../../src/adapters/system-clock.ts';
import { partitionName, type TopicPartition } from '../../../src/core/offset.ts';
import type { SequenceKey } from '../../../src/core/sequence.ts';
import type { Checkpoint } from '../../../src/ports/checkpoints.ts';
import type { Clock } from '../../../src/ports/clock.ts';
import type { ClaimedDelivery } from '../../../src/ports/delivery-claims.ts';
import type { NewJob } from '../../../src/ports/jobs.ts';
import type { JournaledEvent } from '../../../src/ports/journal.ts';
import type { MigrationOptions } from '../../../src/ports/migration.ts';
import type { QuarantineKey } from '../../../src/ports/quarantine.ts';
import type { Store } from '../../../src/ports/store.ts';
import type { EntityRecord } from '../../../src/ports/verification.ts';
import type { Random } from '../lib/random.ts';
import { Caller, type CallKind, type Drawing } from './history.ts';

export const TARGETS = ['warehouse', 'billing'] as const;
/** Few ids, so that calls meet. Careless stores confuse some of them. */
export const ENTITIES = ['a', 'A', 'a ', 'é', 'e\u0301', '\u{10000}'] as const;
export const TOPICS = ['parcel_events', 'Parcel_events'] as const;
export const PARTITIONS: readonly TopicPartition[] = [
  { topic: 'Parcel_events', partition: 0 },
  { topic: 'parcel_events', partition: 0 },
  { topic: 'parcel_events', partition: 1 },
];
export const VIEW: MigrationOptions['view'] = {
  table: 'parcels',
  keyColumn: 'parcel_id',
  columns: [
    { name: 'place', type: 'text' },
    { name: 'is_fragile', type: 'boolean' },
    { name: 'weight_grams', type: 'integer' },
    { name: 'value', type: 'decimal', precision: 24, scale: 4 },
    { name: 'packed_at', type: 'timestamp' },
    { name: 'labels', type: 'json' },
  ],
};
export const ROWS = [
  ['Oslo', true, 1200, '12345678901234567890.1234', '2026-03-29T01:30:00.000001Z', '["é",1e3,null]'],
  ['oslo', false, 0, '0.0000', '1969-12-31T23:59:59.999999Z', '{}'],
  ['', null, -1, '-0.0001', null, 'null'],
  [null, null, null, null, null, null],
  ['Ålesund 😀 ', true, 2_147_483_647, null, '9999-12-31T23:59:59.000000Z', '{"A":"a","a":" "}'],
] as const;
export const LEASE_MS = 30_000;
/** More than any list has in a history. */
export const ALL = 1_000;
export const BEGAN_AT_MS = Date.UTC(2026, 0, 2, 3, 4, 5, 678);

/** A clock whose wall-clock time a history moves. Waits take real time, by which connections are watched. */
export class HistoryClock implements Clock {
  nowMs = BEGAN_AT_MS;

  now(): number {
    return this.nowMs;
  }

  monotonicMs(): number {
    return performance.now();
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return systemClock.sleep(ms, signal);
  }

  random(): number {
    return systemClock.random();
  }

  uuid(): string {
    return systemClock.uuid();
  }
}

/** The processes of each side. */
export const PROCESSES = 2;

/** The options of each process's migration. */
export function migrationAt(clock: HistoryClock): MigrationOptions {
  return { view: VIEW, targets: TARGETS, adopt: null, nowMs: clock.now() };
}

/** What the two processes of one side know. Calls draw their arguments from it, so that they concern each other. */
export class StoreCaller extends Caller {
  readonly clock: HistoryClock;
  /** Removes a row of the view, as a person does. */
  readonly removeRow: (entityId: string) => Promise<void>;
  readonly #stores: readonly Store[];
  /** The checkpoints as each process acquired them and moved them. */
  readonly owned: readonly Map<string, Checkpoint>[] = [new Map(), new Map()];
  /** The versions of entities after the last commit. */
  readonly versions = new Map<string, number>();
  readonly parked = new Set<string>();
  /** The entities with an index, as far as somebody made one. */
  readonly indexed = new Set<string>();
  readonly claims: ClaimedDelivery[] = [];
  readonly quarantined: QuarantineKey[] = [];
  readonly jobs: Pick<NewJob, 'jobId' | 'kind'>[] = [];
  /** The last job that each process claimed. */
  readonly working: (string | null)[] = [null, null];
  readonly audits: bigint[] = [];
  readonly rebuilds: string[] = [];
  /** Epochs of the view that were seen, the latest last. */
  readonly viewEpochs: number[] = [];
  readonly keys: SequenceKey[] = [];
  seen: readonly EntityRecord[] = [];
  waitsSinceMs = BEGAN_AT_MS;
  #names = 0;

  constructor(clock: HistoryClock, stores: readonly Store[], removeRow: (entityId: string) => Promise<void>) {
    super();
    this.removeRow = removeRow;
    this.clock = clock;
    this.#stores = stores;
  }

  store(by: number): Store {
    const store = this.#stores[by];
    if (store === undefined) throw new Error(`There is no process ${by}.`);
    return store;
  }

  /** A name that nothing else in the history has. */
  newName(kind: string): string {
    return `${kind}-${++this.#names}`;
  }

  remember(key: QuarantineKey): void {
    this.quarantined.push(key);
  }

  ownedOf(by: number, partition: TopicPartition): Checkpoint | undefined {
    return this.owned[by]?.get(partitionName(partition));
  }

  own(by: number, checkpoint: Checkpoint): void {
    this.owned[by]?.set(partitionName(checkpoint), checkpoint);
  }
}

/** A kind of call of a store. */
export function kind(
  name: string,
  weight: number,
  play: (caller: StoreCaller, drawing: Drawing & { readonly store: Store }) => Promise<void>,
): CallKind<StoreCaller> {
  return {
    name,
    weight,
    play: (caller, drawing) => play(caller, { ...drawing, store: caller.store(drawing.by) }),
  };
}

/** Some of the items, each at most once, in their sequence. */
export function some<Item>(
  drawing: Drawing,
  items: readonly Item[],
  atLeast = 0,
  atMost = items.length,
): Item[] {
  const count = Math.min(items.length, Math.max(atLeast, drawing.count(atMost)));
  const chosen = new Set(drawing.random.shuffled(items).slice(0, count));
  return items.filter((item) => chosen.has(item));
}

/** One of the latest items, or null if there is none. */
export function pickOrNull<Item>(random: Random, items: readonly Item[], last = 6): Item | null {
  const latest = items.slice(-last);
  return latest.length === 0 ? null : random.pick(latest);
}

export function hashOf(text: string | Uint8Array): string {
  return createHash('sha256').update(text).digest('hex');
}

export function decision(caller: StoreCaller) {
  return { decidedBy: 'José', reason: 'It’s “due”.', decidedAtMs: caller.clock.now() };
}

const HOUR_MS = 3_600_000;
const PLACES_MAX = 24;
const LARGE = 'x'.repeat(70_000);

/** An event of a small set, so that the same one comes again. */
export function drawEvent(random: Random, entityId: string): JournaledEvent {
  const position = 1 + random.below(PLACES_MAX);
  const content = random.below(2);
  const place = random.pick(PARTITIONS);
  const large = random.chance(0.01) ? LARGE : '';
  const data = `{"content":${content},"text":"é${large}"}`;
  const traceParent = `00-${'0a'.repeat(16)}-${'0b'.repeat(8)}-01`;
  const trace = random.chance(0.5) ? { traceParent } : { traceParent, traceState: 'vendor=1' };
  return {
    entityId,
    position,
    occurredAtMs: Date.UTC(2026, 0, 1) + (position >> 1),
    cautionRank: position % 3,
    eventId: random.chance(0.2) ? `Event-${position}` : `event-${position}`,
    contentHash: hashOf(data),
    eventType: random.pick(['PARCEL', 'PAID']),
    revision: random.chance(0.5) ? null : position,
    observedAtMs: BEGAN_AT_MS + random.below(3) * HOUR_MS,
    topic: place.topic,
    partition: place.partition,
    offset: BigInt(random.below(6)),
    data,
    ...(random.chance(0.2) ? { trace } : {}),
  };
}
