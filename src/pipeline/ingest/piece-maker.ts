import type { FetchedRecords } from '../../ports/event-log.ts';
import { EventPack, PackedEvent } from '../../ports/packed-event.ts';
import type { QuarantinedRecord } from '../../ports/quarantine.ts';
import type { Decoder } from '../decode/decoder.ts';
import { BodyMemory } from './body-memory.ts';
import type { Piece } from './pending.ts';

/** The most records of a piece. It is small enough for all partitions of a lane to have pieces in one transaction. */
const MAX_PIECE_RECORDS = 250;

/** Makes pieces of the records that one lane takes, and uses the memory of their bodies again once they are committed. */
export class PieceMaker<Event> {
  readonly #decoder: Decoder<Event>;
  readonly #pieceRecords: number;
  readonly #memory = new BodyMemory();
  /** The bytes of the bodies of the last piece. The next one probably has about as many. */
  #bodyBytes = 0;

  constructor(decoder: Decoder<Event>, batchEvents: number) {
    this.#decoder = decoder;
    this.#pieceRecords = Math.min(batchEvents, MAX_PIECE_RECORDS);
  }

  /** The pieces of these records; one without records if there are none, because the next offset may have moved. */
  *piecesOf(fetched: FetchedRecords, observedAtMs: number): Generator<Piece<Event>> {
    const count = fetched.records.length;
    for (let from = 0; from === 0 || from < count; from += this.#pieceRecords)
      yield this.#pieceOf(fetched, from, Math.min(count, from + this.#pieceRecords), observedAtMs);
  }

  /** Lets go of the bodies of committed pieces. */
  committed(pieces: readonly Piece<Event>[]): void {
    for (const { pack } of pieces) {
      const memory = pack.dropBodies();
      if (memory !== null) this.#memory.give(memory);
    }
  }

  #pieceOf(fetched: FetchedRecords, from: number, end: number, observedAtMs: number): Piece<Event> {
    const { topic, partition, records, leaderEpoch } = fetched;
    const pack = new EventPack(fetched, observedAtMs, end - from, this.#memory.take(this.#bodyBytes));
    const events: PackedEvent<Event>[] = [];
    const rejected: QuarantinedRecord[] = [];
    let rejectedBytes = 0;
    for (let index = from; index < end; index++) {
      const decoded = this.#decoder.decodeInto(pack, records[index] as (typeof records)[number]);
      if (decoded instanceof PackedEvent) events.push(decoded);
      else {
        rejected.push(decoded);
        rejectedBytes += decoded.valueLength;
      }
    }
    if (events.length > 0) this.#bodyBytes = pack.bodyBytes;
    const timestampMs = records[from]?.timestampMs ?? Number.NEGATIVE_INFINITY;
    return {
      topic,
      partition,
      toOffset: records[end]?.offset ?? fetched.nextOffset,
      leaderEpoch,
      timestampMs,
      lastTimestampMs: records[end - 1]?.timestampMs ?? timestampMs,
      consumed: end - from,
      bytes: pack.bodyBytes + rejectedBytes,
      events,
      pack,
      rejected,
    };
  }
}
