import { partitionName, type TopicPartition } from '../../../core/offset.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { LogRecord } from '../../../ports/event-log.ts';
import type { Decoder } from '../../decode/decoder.ts';
import { type FollowParts, type Places, readUpTo } from '../following.ts';

export interface ChangeReaderParts {
  readonly log: FollowParts['log'];
  readonly decoder: Decoder<unknown>;
  readonly clock: Pick<Clock, 'now' | 'sleep'>;
}

/** An event of a record behind which a checkpoint has moved. The journal may have it from an earlier record. */
export interface StreamedEvent extends TopicPartition {
  readonly entityId: string;
  readonly eventType: string;
  readonly eventId: string;
  readonly occurredAtMs: number;
  readonly offset: bigint;
  /** The time of its record. */
  readonly timestampMs: number;
}

/** The place up to which a partition is read. */
export interface ReadEnd extends TopicPartition {
  readonly nextOffset: bigint;
}

export interface ChangesRead {
  /** The places that were reached. They may lie before the ends. */
  readonly places: Places;
  /** The records behind the places before, those that were passed over included. */
  readonly records: number;
  /** About the newest `NEWEST_EVENTS` events, and all of the entities that were asked for, sorted by the times of their records. */
  readonly events: readonly StreamedEvent[];
  /** Whether more was behind than one read takes, so that the oldest records were passed over. */
  readonly hasSkipped: boolean;
  /** Whether the log no longer has some of the records. */
  readonly hasLost: boolean;
  /** Why a partition cannot be read now, in a sentence; null if all can. */
  readonly problem: string | null;
}

/** Decides by an entity's id whether all its events are asked for. */
export type IsAskedFor = (entityId: string) => boolean;

/**
 * The most events of all entities that are told at a time. Nobody reads more of them in half a second, and writing them to a
 * hundred clients is most of what the stream costs.
 */
export const NEWEST_EVENTS = 25;
/** If nobody asks for entities, a read takes the newest records of this many partitions that have many, by turns. */
const PARTITIONS_SAMPLED = 3;
/** The most records that one read takes, counted by their offsets. */
export const RECORDS_MAX = 10_000;
/** After this many bytes of keys and values a read ends before it has reached its ends. */
const BYTES_MAX = 16 * 1024 * 1024;
/** The partitions that are read at the same time. */
const SIDE_BY_SIDE = 8;

/**
 * Reads what lies between places and the ends of their partitions, and looks nothing up. A read takes at most 10,000
 * records and about 16 MiB, so that a busy log does not keep the program from its work. It decodes only the newest records
 * and those of entities that are asked for; if none is, it reads the newest records alone, and counts the others by their
 * offsets.
 */
export class ChangeReader {
  readonly #parts: ChangeReaderParts;
  #turn = 0;

  constructor(parts: ChangeReaderParts) {
    this.#parts = parts;
  }

  /**
   * Reads from the places, of which every partition of `ends` has one. `isAskedFor` is null if no entity is asked for. Rejects
   * like the log, and has read nothing then.
   */
  async read(from: Places, ends: readonly ReadEnd[], isAskedFor: IsAskedFor | null): Promise<ChangesRead> {
    const found = new Found(from, this.#parts, isAskedFor);
    // A partition that was not read for want of bytes is further behind at the next read, and is read first then.
    let behind = ends
      .map((end) => ({ end, left: found.left(end) }))
      .filter(({ left }) => left > 0n)
      .sort((one, other) => Number(other.left - one.left))
      .map(({ end }) => end);
    if (isAskedFor !== null) found.skip(behind, RECORDS_MAX);
    else found.skipTo(sampleOf(behind, this.#turn++), behind);
    behind = behind.filter((end) => found.left(end) > 0n);
    while (behind.length > 0 && found.bytes < BYTES_MAX) {
      const unread: ReadEnd[] = [];
      for (let at = 0; at < behind.length && found.bytes < BYTES_MAX; at += SIDE_BY_SIDE) {
        const group = behind.slice(at, at + SIDE_BY_SIDE);
        const isReadable = await Promise.all(group.map((end) => found.readPage(end)));
        unread.push(...group.filter((end, index) => isReadable[index] === true && found.left(end) > 0n));
        await this.#parts.clock.sleep(0);
      }
      behind = unread;
    }
    return found.result();
  }
}

/** How far a place is from an end, in offsets. Negative if the place lies behind it. */
export function distance(places: Places, end: ReadEnd): bigint {
  return end.nextOffset - (places.get(partitionName(end)) ?? end.nextOffset);
}

/** The partitions whose newest records are told at this turn. */
function sampleOf(ends: readonly ReadEnd[], turn: number): readonly ReadEnd[] {
  const first = ends.length === 0 ? 0 : (turn * PARTITIONS_SAMPLED) % ends.length;
  return [...ends.slice(first), ...ends.slice(0, first)].slice(0, PARTITIONS_SAMPLED);
}

/** What one read has found until now. */
class Found {
  bytes = 0;
  readonly #parts: ChangeReaderParts;
  readonly #places: Map<string, bigint>;
  readonly #isAskedFor: IsAskedFor | null;
  readonly #events: StreamedEvent[] = [];
  /** For each partition, the offset from which on its records are among the newest. */
  readonly #newestFrom = new Map<string, bigint>();
  #records = 0;
  #hasSkipped = false;
  #hasLost = false;
  #problem: string | null = null;

  constructor(places: Places, parts: ChangeReaderParts, isAskedFor: IsAskedFor | null) {
    this.#places = new Map(places);
    this.#parts = parts;
    this.#isAskedFor = isAskedFor;
  }

  left(end: ReadEnd): bigint {
    return distance(this.#places, end);
  }

  /** Passes the oldest records over if more than `most` are left, in each partition the same share. */
  skip(ends: readonly ReadEnd[], most: number): void {
    const total = ends.reduce((sum, end) => sum + this.left(end), 0n);
    const newestOf = (end: ReadEnd, count: number) =>
      total <= BigInt(count) ? this.left(end) : (this.left(end) * BigInt(count)) / total;
    for (const end of ends) {
      const name = partitionName(end);
      const kept = newestOf(end, most);
      this.#newestFrom.set(name, end.nextOffset - newestOf(end, NEWEST_EVENTS));
      this.#records += Number(this.left(end) - kept);
      this.#places.set(name, end.nextOffset - kept);
    }
    this.#hasSkipped = total > BigInt(most);
  }

  /** Passes over all but the newest records of the sample. If there are few records in all, passes over none. */
  skipTo(sample: readonly ReadEnd[], ends: readonly ReadEnd[]): void {
    const total = ends.reduce((sum, end) => sum + this.left(end), 0n);
    if (total <= BigInt(NEWEST_EVENTS)) return;
    for (const end of ends) {
      if (sample.includes(end)) continue;
      this.#records += Number(this.left(end));
      this.#places.set(partitionName(end), end.nextOffset);
    }
    this.skip(sample, NEWEST_EVENTS);
  }

  /** Reads one page of a partition. Resolves with whether it can be read on. */
  async readPage(end: ReadEnd): Promise<boolean> {
    const name = partitionName(end);
    const page = await readUpTo(this.#parts.log, end, this.#places.get(name) ?? end.nextOffset);
    if (page.kind === 'unreadable') {
      this.#problem ??= `${name} ${page.problem}.`;
      return false;
    }
    if (page.kind === 'lost') this.#hasLost = true;
    else {
      const preparing = this.#parts.decoder.prepare(page.records, end.topic);
      if (preparing !== null) await preparing;
      for (const record of page.records) this.#add(record, end);
    }
    this.#places.set(name, page.next);
    return true;
  }

  result(): ChangesRead {
    return {
      places: this.#places,
      records: this.#records,
      events: this.#events.sort((one, other) => one.timestampMs - other.timestampMs),
      hasSkipped: this.#hasSkipped,
      hasLost: this.#hasLost,
      problem: this.#problem,
    };
  }

  #add(record: LogRecord, { topic, partition }: TopicPartition): void {
    const { decoder, clock } = this.#parts;
    this.#records++;
    this.bytes += (record.key?.length ?? 0) + (record.value?.length ?? 0);
    if (!this.#isTold(record, partitionName({ topic, partition }))) return;
    const verdict = decoder.decode(record, { topic, partition }, clock.now());
    if (verdict.kind === 'rejected') return;
    const { entityId, eventType, eventId, occurredAtMs } = verdict.event;
    const { offset, timestampMs } = record;
    this.#events.push({ entityId, eventType, eventId, occurredAtMs, topic, partition, offset, timestampMs });
  }

  /** Whether its event is told, if it has one. The key of an event's record is the entity's id. */
  #isTold({ offset, key }: LogRecord, name: string): boolean {
    if (offset >= (this.#newestFrom.get(name) ?? 0n)) return true;
    return key !== null && this.#isAskedFor?.(key.toString()) === true;
  }
}
