import type { ViewValue } from '../../../core/domain.ts';
import { hashCharacters } from '../../../core/key-pack.ts';
import type { CheckpointMove, DeliveryChange, EntityChange, IngestBatch } from '../../../ports/commit.ts';
import type { JournaledEvent } from '../../../ports/journal.ts';
import { type CopiedPack, EventPack, PackedEvent } from '../../../ports/packed-event.ts';

/**
 * A batch on its way to the writer thread. A message costs by the number of its objects, so the changes are lists of plain
 * values, and the events stand in shared memory.
 */
export interface ThreadBatch {
  readonly moves: readonly CheckpointMove[];
  readonly viewEpoch: number | undefined;
  readonly nowMs: number;
  readonly entityIds: readonly string[];
  readonly fromVersions: Float64Array;
  /** The rows, one behind the other. */
  readonly values: readonly ViewValue[];
  /** The kinds of what becomes due, and which of them each change has. */
  readonly deliveries: readonly DeliveryChange[];
  readonly deliveryOf: Int32Array;
  readonly eventCounts: Int32Array;
  /** For each event its pack, and its index there. */
  readonly events: Int32Array;
  readonly packs: readonly CopiedPack[];
  readonly memory: SharedArrayBuffer;
}

/**
 * Whether a thread may write this batch: it is large, and has nothing but events with rows. Everything else is rare, or
 * asks the pipeline questions while its transaction is open.
 */
export function isForThread(
  { quarantined, redrive }: IngestBatch,
  changes: readonly EntityChange[],
  minEvents: number,
): boolean {
  if (quarantined.length > 0 || redrive !== undefined) return false;
  let events = 0;
  for (const change of changes) {
    if (!isPlain(change)) return false;
    events += change.events.length;
  }
  return events >= minEvents;
}

function isPlain({ row, events, parking, long }: EntityChange): boolean {
  return row !== null && parking === undefined && long === undefined && events.every(canBePacked);
}

/** A pack takes the position for the revision. */
function canBePacked(event: JournaledEvent): boolean {
  return event instanceof PackedEvent || event.revision === null || event.revision === event.position;
}

/** The event in a pack: its own one, or one that is made for it alone. */
function packedOf(event: JournaledEvent): PackedEvent<unknown> {
  if (event instanceof PackedEvent) return event;
  const { observedAtMs, contentHash, revision, data, trace = null } = event;
  const pack = new EventPack(event, observedAtMs, 1, Buffer.alloc(0));
  const rest = { hash: hashCharacters(contentHash), hasRevision: revision !== null, body: data, trace };
  return new PackedEvent(pack, pack.add({ ...event, ...rest }), null, event.entityId);
}

/** Memory that is used for one batch after the other. */
export class BatchMemory {
  #memory = new SharedArrayBuffer(0);

  /** Memory with at least this many bytes. It is the same each time, if that is large enough. */
  get(bytes: number): SharedArrayBuffer {
    if (this.#memory.byteLength < bytes)
      this.#memory = new SharedArrayBuffer(2 ** Math.ceil(Math.log2(bytes)));
    return this.#memory;
  }
}

/** Packs a batch for which `isForThread` holds. The batch before it in this memory must be written. */
export function packBatch(
  { moves, viewEpoch }: Pick<IngestBatch, 'moves' | 'viewEpoch'>,
  changes: readonly EntityChange[],
  nowMs: number,
  memory: BatchMemory,
): ThreadBatch {
  const packs = new Map<EventPack, number>();
  const deliveries = new Map<DeliveryChange, number>();
  const eventCounts = new Int32Array(changes.length);
  const fromVersions = new Float64Array(changes.length);
  const deliveryOf = new Int32Array(changes.length);
  const values: ViewValue[] = [];
  const packed: PackedEvent<unknown>[] = [];
  let bytes = 0;
  for (let index = 0; index < changes.length; index++) {
    const { fromVersion, row, events, delivery } = changes[index] as EntityChange;
    fromVersions[index] = fromVersion;
    eventCounts[index] = events.length;
    deliveryOf[index] = numberOf(deliveries, delivery);
    for (const value of row ?? []) values.push(value);
    for (const event of events) {
      const each = packedOf(event);
      packed.push(each);
      if (packs.has(each.pack)) continue;
      packs.set(each.pack, packs.size);
      bytes += aligned(each.pack.byteLength);
    }
  }
  const shared = memory.get(bytes);
  const copied: CopiedPack[] = [];
  let at = 0;
  for (const pack of packs.keys()) {
    copied.push(pack.copyTo(shared, at));
    at += aligned(pack.byteLength);
  }
  const places = new Int32Array(2 * packed.length);
  let place = 0;
  for (const { pack, index } of packed) {
    places[place++] = packs.get(pack) as number;
    places[place++] = index;
  }
  return {
    moves,
    viewEpoch,
    nowMs,
    entityIds: changes.map(({ entityId }) => entityId),
    fromVersions,
    values,
    deliveries: [...deliveries.keys()],
    deliveryOf,
    eventCounts,
    events: places,
    packs: copied,
    memory: shared,
  };
}

/** The changes of a batch that was packed. `columns` is the number of values of a row. */
export function unpackChanges(batch: ThreadBatch, columns: number): EntityChange[] {
  const { entityIds, fromVersions, values, deliveries, deliveryOf, eventCounts, events, memory } = batch;
  const packs = batch.packs.map((pack) => EventPack.copied(pack, memory));
  let place = 0;
  return entityIds.map((entityId, index) => {
    const count = eventCounts[index] as number;
    const fromVersion = fromVersions[index] as number;
    const some: PackedEvent<null>[] = [];
    for (let each = 0; each < count; each++) {
      const pack = packs[events[place++] as number] as EventPack;
      some.push(new PackedEvent(pack, events[place++] as number, null, entityId));
    }
    return {
      entityId,
      fromVersion,
      version: fromVersion + count,
      row: values.slice(index * columns, (index + 1) * columns),
      events: some,
      delivery: deliveries[deliveryOf[index] as number] as DeliveryChange,
    };
  });
}

/** The number of the key, which is the next one for a new key. */
function numberOf<Key>(numbers: Map<Key, number>, key: Key): number {
  let number = numbers.get(key);
  if (number === undefined) {
    number = numbers.size;
    numbers.set(key, number);
  }
  return number;
}

function aligned(bytes: number): number {
  return Math.ceil(bytes / 8) * 8;
}
