import { hash } from 'node:crypto';
import { comparePartitions, partitionName } from '../../../core/offset.ts';
import type { Checkpoint } from '../../../ports/checkpoints.ts';
import type { Places } from '../following.ts';

/** A position as a text: base64url of the next offset of each partition. To clients it is opaque. */

/** The first byte of a position. Another form of the bytes gets another number. */
const FORM = 1;
const TOPIC_HASH_BYTES = 4;
/**
 * The longest position. Node takes 16 KiB of headers, and a client gives the position back in one. About 2,500 partitions
 * fit. With more, the position is replaced by a text that is known nowhere, so that the client is told to look again.
 */
const LENGTH_MAX = 12_000;
const TOO_LONG = 'too-long';

type Partition = Pick<Checkpoint, 'topic' | 'topicId' | 'partition'>;

/** The places of these partitions as a text. A partition without a place is left out. */
export function positionOf(places: Places, partitions: readonly Partition[]): string {
  const bytes: number[] = [FORM];
  for (const [topicHash, ofTopic] of byTopic(partitions)) {
    bytes.push(...Buffer.from(topicHash, 'hex'));
    const last = ofTopic.at(-1)?.partition ?? -1;
    pushNumber(bytes, BigInt(last + 1));
    const offsets = new Map(ofTopic.map((each) => [each.partition, places.get(partitionName(each))]));
    for (let partition = 0; partition <= last; partition++) {
      const offset = offsets.get(partition);
      pushNumber(bytes, offset === undefined ? 0n : offset + 1n);
    }
  }
  const text = Buffer.from(bytes).toString('base64url');
  return text.length > LENGTH_MAX ? TOO_LONG : text;
}

/**
 * The places of a position, for those of these partitions that it has. Null for a text that `positionOf` never made, and
 * for a position with a topic that is not among these, such as one that was deleted and created again.
 */
export function placesOf(position: string, partitions: readonly Partition[]): Places | null {
  if (!/^[\w-]+$/.test(position) || position.length > LENGTH_MAX) return null;
  const bytes = Buffer.from(position, 'base64url');
  const topics = byTopic(partitions);
  const places = new Map<string, bigint>();
  if (bytes[0] !== FORM) return null;
  const reader = new NumberReader(bytes, 1);
  while (!reader.isAtEnd) {
    const [known] = topics.get(reader.bytes(TOPIC_HASH_BYTES)) ?? [];
    const count = reader.next();
    if (known === undefined || count === null || count > BigInt(bytes.length)) return null;
    for (let partition = 0; partition < Number(count); partition++) {
      const offset = reader.next();
      if (offset === null) return null;
      if (offset > 0n) places.set(partitionName({ topic: known.topic, partition }), offset - 1n);
    }
  }
  return places;
}

/** The partitions by a hash of their topic's name and id, each list sorted by number. */
function byTopic(partitions: readonly Partition[]): Map<string, Partition[]> {
  return Map.groupBy([...partitions].sort(comparePartitions), ({ topic, topicId }) =>
    hash('sha256', JSON.stringify([topic, topicId]), 'hex').slice(0, 2 * TOPIC_HASH_BYTES),
  );
}

/** Writes 7 bits a byte, the lowest first. Every byte but the last one has its highest bit set. */
function pushNumber(bytes: number[], value: bigint): void {
  let left = value;
  for (; left >= 0x80n; left >>= 7n) bytes.push(Number(left & 0x7fn) | 0x80);
  bytes.push(Number(left));
}

/** The most bytes of an offset, which has 63 bits. */
const NUMBER_BYTES_MAX = 9;

class NumberReader {
  readonly #bytes: Buffer;
  #at: number;

  constructor(bytes: Buffer, from: number) {
    this.#bytes = bytes;
    this.#at = from;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  /** The next bytes in hexadecimal. Fewer if the bytes end before. */
  bytes(count: number): string {
    this.#at += count;
    return this.#bytes.toString('hex', this.#at - count, this.#at);
  }

  /** The next number; null if the bytes end within it, or if it is too large for an offset. */
  next(): bigint | null {
    let value = 0n;
    for (let index = 0; index < NUMBER_BYTES_MAX; index++) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) return null;
      value |= BigInt(byte & 0x7f) << BigInt(7 * index);
      if (byte < 0x80) return value;
    }
    return null;
  }
}
