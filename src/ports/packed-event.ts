import { DefectError } from '../core/errors.ts';
import { HASH_BYTES, KeyPack, PackedKey } from '../core/key-pack.ts';
import type { TopicPartition } from '../core/offset.ts';
import type { TraceContext } from '../core/trace-context.ts';
import type { JournaledEvent } from './journal.ts';

/** The fields of an event that is put into a pack. */
export interface EventFields {
  readonly position: number;
  readonly occurredAtMs: number;
  readonly cautionRank: number;
  readonly eventId: string;
  /** The content hash as a text with a character for each of its 32 bytes. */
  readonly hash: string;
  readonly eventType: string;
  readonly hasRevision: boolean;
  readonly offset: bigint;
  /** The body as it was received. */
  readonly body: Uint8Array | string;
  readonly trace: TraceContext | null;
}

/** An `EventPack` in memory that threads share. It can be sent to a thread as a message. */
export interface CopiedPack extends TopicPartition {
  readonly observedAtMs: number;
  readonly count: number;
  readonly place: {
    readonly at: number;
    readonly bytes: number;
    readonly bodiesAt: number;
    readonly bodyBytes: number;
  };
  readonly types: readonly string[];
  readonly firstOffset: bigint;
  readonly traces: ReadonlyMap<number, TraceContext> | null;
}

/** Room for an event id that is a hash, and for the content hash. */
const KEY_BYTES = 64 + HASH_BYTES;
/** The lowest bit says whether the event has a revision. The others are the number of its type. */
const REVISED = 1;

/**
 * Events of one partition that one process decoded at the same time. All that the journal needs of them stands in a few
 * arrays, so that a store writes it from there, and the garbage collector has little to look at.
 */
export class EventPack extends KeyPack {
  readonly topic: string;
  readonly partition: number;
  readonly observedAtMs: number;
  readonly #types: string[] = [];
  #firstOffset = 0n;
  #bodies: Buffer | null;
  #bodiesEnd = 0;
  #traces: Map<number, TraceContext> | null = null;

  /** `events` is expected, and no limit, and so is the room in `bodies`, which may hold anything. */
  constructor({ topic, partition }: TopicPartition, observedAtMs: number, events: number, bodies: Buffer) {
    super(events, events * KEY_BYTES);
    this.topic = topic;
    this.partition = partition;
    this.observedAtMs = observedAtMs;
    this.#bodies = bodies;
  }

  /** Adds an event. Answers its index. */
  add(fields: EventFields): number {
    const { position, occurredAtMs, cautionRank, eventId, hash, offset, body, trace } = fields;
    const index = this.addKey(position, occurredAtMs, cautionRank, eventId, hash);
    if (index === 0) this.#firstOffset = offset;
    let type = this.#types.indexOf(fields.eventType);
    if (type < 0) type = this.#types.push(fields.eventType) - 1;
    const flags = 2 * type + (fields.hasRevision ? REVISED : 0);
    this.setExtras(index, Number(offset - this.#firstOffset), this.#bodiesEnd, flags);
    this.#addBody(body);
    if (trace !== null) {
      this.#traces ??= new Map();
      this.#traces.set(index, trace);
    }
    return index;
  }

  /** The bodies of all events, one behind the other. */
  get bodies(): Buffer {
    if (this.#bodies === null) throw new DefectError('The body of an event was asked for after its commit.');
    return this.#bodies;
  }

  /** The bytes of all bodies together. */
  get bodyBytes(): number {
    return this.#bodiesEnd;
  }

  /** Where the body of an event begins in `bodies`. */
  bodyAt(index: number): number {
    return this.firstExtra(index);
  }

  bodyEnd(index: number): number {
    return index + 1 === this.count ? this.#bodiesEnd : this.firstExtra(index + 1);
  }

  /**
   * Lets go of the bodies, once they are journaled. What a history needs of the events stays. Answers the memory of the
   * bodies, which may be used again; null at a second call.
   */
  dropBodies(): Buffer | null {
    const bodies = this.#bodies;
    this.#bodies = null;
    this.#traces = null;
    return bodies;
  }

  eventType(index: number): string {
    return this.#types[this.secondExtra(index) >> 1] as string;
  }

  offset(index: number): bigint {
    return this.#firstOffset + BigInt(this.extra(index));
  }

  hasRevision(index: number): boolean {
    return (this.secondExtra(index) & REVISED) !== 0;
  }

  trace(index: number): TraceContext | undefined {
    return this.#traces?.get(index);
  }

  /** The bytes that `copyTo` takes. */
  get byteLength(): number {
    return this.keyBytes + this.#bodiesEnd;
  }

  /** Copies the pack into memory that a thread shares, to `at`, which is a multiple of 8. */
  copyTo(memory: SharedArrayBuffer, at: number): CopiedPack {
    const { topic, partition, observedAtMs, count } = this;
    const bytes = this.copyKeys(memory, at);
    const bodiesAt = at + this.keyBytes;
    new Uint8Array(memory, bodiesAt, this.#bodiesEnd).set(this.bodies.subarray(0, this.#bodiesEnd));
    const place = { at, bytes, bodiesAt, bodyBytes: this.#bodiesEnd };
    const rest = { types: this.#types, firstOffset: this.#firstOffset, traces: this.#traces };
    return { topic, partition, observedAtMs, count, place, ...rest };
  }

  /** The pack that a thread has copied. It can be read while nobody uses the memory for something else. */
  static copied(
    { topic, partition, observedAtMs, count, place, ...rest }: CopiedPack,
    memory: SharedArrayBuffer,
  ) {
    const bodies = Buffer.from(memory, place.bodiesAt, place.bodyBytes);
    const pack = new EventPack({ topic, partition }, observedAtMs, 0, bodies);
    pack.takeKeys(memory, place.at, count, place.bytes);
    pack.#bodiesEnd = place.bodyBytes;
    for (const type of rest.types) pack.#types.push(type);
    pack.#firstOffset = rest.firstOffset;
    pack.#traces = rest.traces === null ? null : new Map(rest.traces);
    return pack;
  }

  #addBody(body: Uint8Array | string): void {
    const needed = this.#bodiesEnd + (typeof body === 'string' ? body.length * 3 : body.length);
    let { bodies } = this;
    if (needed > bodies.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(needed, 2 * bodies.length, 1_024));
      larger.set(bodies);
      this.#bodies = bodies = larger;
    }
    if (typeof body === 'string') this.#bodiesEnd += bodies.write(body, this.#bodiesEnd);
    else {
      bodies.set(body, this.#bodiesEnd);
      this.#bodiesEnd += body.length;
    }
  }
}

/** An event in a pack. Its fields are made when they are asked for, so it must not be spread into another object. */
export class PackedEvent<Event> extends PackedKey<Event, EventPack> implements JournaledEvent {
  readonly entityId: string;

  constructor(pack: EventPack, index: number, event: Event, entityId: string) {
    super(pack, index, event);
    this.entityId = entityId;
  }

  get eventType(): string {
    return this.pack.eventType(this.index);
  }

  /** An event with a revision has it as its position. */
  get revision(): number | null {
    return this.pack.hasRevision(this.index) ? this.position : null;
  }

  get observedAtMs(): number {
    return this.pack.observedAtMs;
  }

  get topic(): string {
    return this.pack.topic;
  }

  get partition(): number {
    return this.pack.partition;
  }

  get offset(): bigint {
    return this.pack.offset(this.index);
  }

  get data(): string {
    const { pack, index } = this;
    return pack.bodies.toString('utf8', pack.bodyAt(index), pack.bodyEnd(index));
  }

  get trace(): TraceContext | undefined {
    return this.pack.trace(this.index);
  }
}
