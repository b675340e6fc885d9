import type { TopicPartition } from '../../../core/offset.ts';

/*
 * The formats of a group member's subscription and assignment, as Kafka's own consumers write them. So Kafka's tools
 * can show which member has which partitions.
 * Source: ConsumerProtocolSubscription.json and ConsumerProtocolAssignment.json in Apache Kafka.
 */

/** Version 1 of the subscription is the first one that lists the partitions which the member owns. */
const subscriptionVersion = 1;
const assignmentVersion = 0;
/** Stands in the place of the length. */
const noUserData = -1;

/** The subscription that a member joins with. The coordinator hands `userData` to the group's leader unread. */
export function encodeSubscription(
  topics: readonly string[],
  owned: readonly TopicPartition[],
  userData?: string,
): Buffer {
  return Buffer.concat([
    int16(subscriptionVersion),
    int32(topics.length),
    ...topics.map(text),
    ...bytesOf(userData),
    ...partitionsByTopic(owned),
  ]);
}

/** The user data of a subscription. Undefined if it has none. */
export function decodeSubscriptionUserData(subscription: Buffer): string | undefined {
  if (subscription.length < 2) return undefined;
  const reader = new Reader(subscription, 2);
  for (let topics = reader.int32(); topics > 0; topics--) reader.text();
  return reader.bytes()?.toString('utf8');
}

/** The partitions that the member of this subscription owns. Empty for version 0, which does not list them. */
export function decodeOwned(subscription: Buffer): TopicPartition[] {
  if (subscription.length < 2 || subscription.readInt16BE(0) < subscriptionVersion) return [];
  const reader = new Reader(subscription, 2);
  for (let topics = reader.int32(); topics > 0; topics--) reader.text();
  reader.skip(Math.max(0, reader.int32()));
  return reader.partitions();
}

/** The assignment that the leader hands in for one member. */
export function encodeAssignment(partitions: readonly TopicPartition[], userData?: string): Buffer {
  return Buffer.concat([int16(assignmentVersion), ...partitionsByTopic(partitions), ...bytesOf(userData)]);
}

/** The user data of an assignment. Undefined if it has none. */
export function decodeAssignmentUserData(bytes: Buffer): string | undefined {
  if (bytes.length === 0) return undefined;
  const reader = new Reader(bytes, 2);
  reader.partitions();
  return reader.bytes()?.toString('utf8');
}

/** The partitions of an assignment. */
export function decodeAssignment(bytes: Buffer): TopicPartition[] {
  // A coordinator may send an assignment of 0 bytes to a member without partitions.
  return bytes.length === 0 ? [] : new Reader(bytes, 2).partitions();
}

function partitionsByTopic(partitions: readonly TopicPartition[]): Buffer[] {
  const topics = Map.groupBy(partitions, ({ topic }) => topic);
  const parts = [int32(topics.size)];
  for (const [topic, own] of topics) {
    parts.push(text(topic), int32(own.length), ...own.map(({ partition }) => int32(partition)));
  }
  return parts;
}

class Reader {
  readonly #bytes: Buffer;
  #position: number;

  constructor(bytes: Buffer, position: number) {
    this.#bytes = bytes;
    this.#position = position;
  }

  int32(): number {
    this.#position += 4;
    return this.#bytes.readInt32BE(this.#position - 4);
  }

  text(): string {
    const length = this.#bytes.readInt16BE(this.#position);
    this.skip(2 + length);
    return this.#bytes.toString('utf8', this.#position - length, this.#position);
  }

  /** Bytes with their length in front. Undefined if the length is -1, or if the message ends before it. */
  bytes(): Buffer | undefined {
    if (this.#position + 4 > this.#bytes.length) return undefined;
    const length = this.int32();
    if (length < 0) return undefined;
    this.skip(length);
    return this.#bytes.subarray(this.#position - length, this.#position);
  }

  skip(bytes: number): void {
    this.#position += bytes;
  }

  partitions(): TopicPartition[] {
    const partitions: TopicPartition[] = [];
    for (let topics = this.int32(); topics > 0; topics--) {
      const topic = this.text();
      for (let left = this.int32(); left > 0; left--) partitions.push({ topic, partition: this.int32() });
    }
    return partitions;
  }
}

function bytesOf(userData: string | undefined): Buffer[] {
  if (userData === undefined) return [int32(noUserData)];
  const bytes = Buffer.from(userData, 'utf8');
  return [int32(bytes.length), bytes];
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, 'utf8');
  return Buffer.concat([int16(bytes.length), bytes]);
}
