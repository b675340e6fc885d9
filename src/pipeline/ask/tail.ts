import { isRetryable, messageOf } from '../../core/errors.ts';
import { compareOffsets, partitionName, type TopicPartition } from '../../core/offset.ts';
import { isSameEvent } from '../../core/sequence.ts';
import { oneLine } from '../../core/text.ts';
import type { Checkpoint } from '../../ports/checkpoints.ts';
import type { Clock } from '../../ports/clock.ts';
import type { LogRecord } from '../../ports/event-log.ts';
import type { JournaledEvent } from '../../ports/journal.ts';
import type { EntityInspection } from '../../ports/store.ts';
import { decodeUtf8 } from '../decode/bytes.ts';
import type { Decoder } from '../decode/decoder.ts';
import {
  AFTER_TROUBLE_MS,
  checkpointsOf,
  type FollowParts,
  LOOK_EVERY_MS,
  readUpTo,
  StartOffsets,
} from './following.ts';

export interface TailParts<Event> extends FollowParts {
  readonly store: FollowParts['store'] & Pick<EntityInspection, 'readJournals'>;
  readonly decoder: Decoder<Event>;
  readonly clock: Pick<Clock, 'now' | 'sleep'>;
}

/**
 * A record behind which a checkpoint has moved, or a note for people.
 *
 * The outcome of a record is what became of it:
 *
 * - `journaled`: the journal has its event, from this record.
 * - `duplicate`: the journal has its event from an earlier record.
 * - `quarantined`: today's decoder refuses it.
 * - `not_checked`: it is a valid event of an entity that has too many events to look it up.
 */
export type Tailed = TailedRecord | { readonly kind: 'note'; readonly text: string };

export interface TailedRecord extends TopicPartition {
  readonly kind: 'record';
  readonly offset: bigint;
  readonly timestampMs: number;
  readonly outcome: 'journaled' | 'duplicate' | 'quarantined' | 'not_checked';
  /** The entity's id; for a refused record its key as a text, or null if the key is no text. */
  readonly entityId: string | null;
  readonly event: Pick<JournaledEvent, 'eventType' | 'eventId' | 'occurredAtMs' | 'revision'> | null;
  /** Why the record is refused; null if it is not. */
  readonly refusal: { readonly reason: string; readonly detail: string } | null;
}

/** The journals of entities with more events are not looked up. */
const LOOKED_UP_EVENTS_MAX = 1_024;

/**
 * Follows what is journaled: reads the log up to the checkpoints, again and again, and tells of each record what became of
 * it. The checkpoints move in the transaction that journals, so every record is told after it was journaled or put into
 * quarantine, by whichever instance. Needs no group, and nobody notices it. It begins at the checkpoints as they are now,
 * or at the records with a time from `sinceMs` on. Ends when the signal aborts.
 */
export async function* tail<Event>(
  parts: TailParts<Event>,
  { sinceMs, signal }: { readonly sinceMs: number | null; readonly signal: AbortSignal },
): AsyncGenerator<Tailed> {
  const places = new Map<string, bigint>();
  const halts = new Map<string, bigint>();
  let isFirst = true;
  while (!signal.aborted) {
    let restMs = LOOK_EVERY_MS;
    try {
      const checkpoints = await checkpointsOf(parts);
      const starts = new StartOffsets(parts);
      for (const checkpoint of checkpoints)
        if (!places.has(partitionName(checkpoint)))
          places.set(
            partitionName(checkpoint),
            await placeOf({ ...parts, starts }, checkpoint, isFirst, sinceMs),
          );
      isFirst = false;
      yield* haltNotes(checkpoints, starts, halts);
      yield* round(parts, places, checkpoints, signal);
    } catch (error) {
      if (!isRetryable(error)) throw error;
      yield { kind: 'note', text: `Cannot follow just now: ${messageOf(error)}` };
      restMs = AFTER_TROUBLE_MS;
    }
    await parts.clock.sleep(restMs, signal);
  }
}

/** Says once of each halted partition where it stands. `told` has the offsets of the halts that were told. */
async function* haltNotes(
  checkpoints: readonly Checkpoint[],
  starts: StartOffsets,
  told: Map<string, bigint>,
): AsyncGenerator<Tailed> {
  for (const checkpoint of checkpoints) {
    const { nextOffset, haltReason } = checkpoint;
    const name = partitionName(checkpoint);
    if (haltReason === null) told.delete(name);
    if (haltReason === null || told.get(name) === nextOffset) continue;
    const start = await starts.of(checkpoint);
    told.set(name, nextOffset);
    const why = start > nextOffset ? `; the log starts at ${start}.` : `: ${oneLine(haltReason)}`;
    yield {
      kind: 'note',
      text: `${name} is halted at offset ${nextOffset}${why} order-sync partitions shows how it can go on.`,
    };
  }
}

/**
 * The offset at which a partition begins to be told. A partition that comes later is told from its beginning. It is never
 * behind the checkpoint, also if the log starts behind it: the partition is halted then.
 */
async function placeOf(
  parts: TailParts<unknown> & { readonly starts: StartOffsets },
  checkpoint: Checkpoint,
  isFirst: boolean,
  sinceMs: number | null,
): Promise<bigint> {
  if (isFirst && sinceMs === null) return checkpoint.nextOffset;
  const start = await parts.starts.of(checkpoint);
  const place = isFirst && sinceMs !== null ? await offsetAt(parts, checkpoint, start, sinceMs) : start;
  return compareOffsets(place, checkpoint.nextOffset) < 0 ? place : checkpoint.nextOffset;
}

/** Finds the first record from a time on by halving. It takes the times to rise with the offsets. */
async function offsetAt(
  { log }: TailParts<unknown>,
  { topic, partition, nextOffset }: Checkpoint,
  start: bigint,
  sinceMs: number,
): Promise<bigint> {
  let [low, high] = [start, nextOffset];
  while (low < high) {
    const middle = low + (high - low) / 2n;
    const read = await log.readRecords({ topic, partition, offset: middle, maxRecords: 1, maxBytes: 1 });
    const first = read.kind === 'read' ? read.records[0] : undefined;
    if (first === undefined || first.timestampMs >= sinceMs) high = middle;
    else low = first.offset + 1n;
  }
  return low;
}

/** Tells the records up to these checkpoints, a page of each partition at a time. */
async function* round<Event>(
  parts: TailParts<Event>,
  places: Map<string, bigint>,
  checkpoints: readonly Checkpoint[],
  signal: AbortSignal,
): AsyncGenerator<Tailed> {
  const behind = new Set(checkpoints);
  while (behind.size > 0 && !signal.aborted) {
    for (const checkpoint of behind) {
      const name = partitionName(checkpoint);
      const { nextOffset } = checkpoint;
      const place = places.get(name) ?? nextOffset;
      if (place > nextOffset) {
        yield note(name, `the checkpoint went back from offset ${place} to ${nextOffset}`);
        places.set(name, nextOffset);
      }
      if (place >= nextOffset || !(yield* page(parts, places, checkpoint, place))) behind.delete(checkpoint);
    }
  }
}

/** Tells one page of a partition. Returns false if the partition cannot be read on now. */
async function* page<Event>(
  parts: TailParts<Event>,
  places: Map<string, bigint>,
  checkpoint: Checkpoint,
  offset: bigint,
): AsyncGenerator<Tailed, boolean> {
  const name = partitionName(checkpoint);
  const read = await readUpTo(parts.log, checkpoint, offset);
  if (read.kind === 'unreadable') {
    yield note(name, read.problem);
    return false;
  }
  if (read.kind === 'lost')
    yield note(name, `the log no longer has the offsets ${offset} to ${read.next - 1n}`);
  else yield* await tell(parts, checkpoint, read.records);
  places.set(name, read.next);
  return true;
}

function note(partition: string, text: string): Tailed {
  return { kind: 'note', text: `${partition}: ${text}.` };
}

async function tell<Event>(
  { decoder, store, clock }: TailParts<Event>,
  { topic, partition }: TopicPartition,
  records: readonly LogRecord[],
): Promise<TailedRecord[]> {
  await decoder.prepare(records, topic);
  const decoded = records.map((record) => ({
    record,
    verdict: decoder.decode(record, { topic, partition }, clock.now()),
  }));
  const ids = new Set(
    decoded.flatMap(({ verdict }) => (verdict.kind === 'event' ? [verdict.event.entityId] : [])),
  );
  const journals = await store.readJournals([...ids], LOOKED_UP_EVENTS_MAX);
  return decoded.map(({ record, verdict }) => {
    const { offset, timestampMs } = record;
    const base = { kind: 'record', topic, partition, offset, timestampMs } as const;
    if (verdict.kind === 'rejected') {
      const { reason, detail } = verdict.record;
      const entityId = record.key === null ? null : decodeUtf8(record.key);
      return { ...base, outcome: 'quarantined', entityId, event: null, refusal: { reason, detail } };
    }
    const { event } = verdict;
    const { entityId, eventType, eventId, occurredAtMs, revision } = event;
    return {
      ...base,
      outcome: outcomeOf(event, journals.get(entityId) ?? []),
      entityId,
      event: { eventType, eventId, occurredAtMs, revision },
      refusal: null,
    };
  });
}

function outcomeOf(event: JournaledEvent, journal: readonly JournaledEvent[]): TailedRecord['outcome'] {
  const known = journal.find((other) => isSameEvent(other, event));
  if (known === undefined) return 'not_checked';
  const isItself =
    known.topic === event.topic && known.partition === event.partition && known.offset === event.offset;
  return isItself ? 'journaled' : 'duplicate';
}
