import { orders } from '../../../../src/orders/index.ts';
import { ChangeStream } from '../../../../src/pipeline/ask/stream/change-stream.ts';
import type { StreamListener, StreamMessage } from '../../../../src/pipeline/ask/stream/messages.ts';
import { createDecoder } from '../../../../src/pipeline/decode/decoder.ts';
import type { StatusReport } from '../../../../src/pipeline/status/report.ts';
import { reportOf } from '../../../../src/pipeline/status/report.ts';
import type { Checkpoint } from '../../../../src/ports/checkpoints.ts';
import type { LogRecord, RecordsRange, RecordsRead } from '../../../../src/ports/event-log.ts';
import type { StoredDelivery } from '../../../../src/ports/ledger.ts';
import { created, TOPIC_NAMES } from '../../../helpers/order-store.ts';
import { QUIET, shared } from '../../status/fake-parts.ts';

export const TOPIC = 'order_events';
/** The rests of the loop that follows the log. Every other rest is one of the loop of the status. */
const LOOK_RESTS_MS = [500, 2_000];

interface Sleeper {
  readonly ms: number;
  readonly wake: () => void;
}

/** One partition of the log, with its checkpoint. */
export class Partition {
  readonly topic: string;
  readonly number: number;
  readonly records: LogRecord[] = [];
  topicId = 'id';
  startOffset = 0n;
  nextOffset = 0n;
  problem: string | null = null;
  /** The offsets of which the log has no record, as after an aborted transaction. */
  readonly gaps = new Set<bigint>();

  constructor(topic: string, number: number) {
    this.topic = topic;
    this.number = number;
  }

  /** Appends a created order, or a value as it is, and moves the checkpoint behind it. */
  journal(orderId: string, value?: Buffer, atMs = this.records.length): void {
    this.records.push({
      offset: BigInt(this.records.length),
      timestampMs: atMs,
      key: Buffer.from(orderId),
      value: value ?? Buffer.from(JSON.stringify(created(orderId, '10:00', { eventId: `of ${orderId}` }))),
      headers: [],
    });
    this.nextOffset = BigInt(this.records.length);
  }

  read({ offset, maxRecords }: RecordsRange): RecordsRead {
    if (this.problem !== null) return { kind: 'unreadable', problem: this.problem };
    const endOffset = BigInt(this.records.length);
    if (offset < this.startOffset || offset > endOffset)
      return { kind: 'out_of_range', startOffset: this.startOffset, endOffset };
    const page = this.records.slice(Number(offset), Number(offset) + maxRecords);
    return {
      kind: 'read',
      records: page.filter((record) => !this.gaps.has(record.offset)),
      nextOffset: offset + BigInt(page.length),
    };
  }
}

/** A log and a store whose time the test drives, with a stream of their changes. */
export class Feed {
  readonly partitions: Partition[];
  readonly deliveries = new Map<string, StoredDelivery>();
  readonly defects: unknown[] = [];
  readonly stream: ChangeStream;
  /** What the store answers next to a look at the checkpoints. */
  readonly faults: Error[] = [];
  report: () => Promise<StatusReport> = async () => reportOf(shared(), QUIET);
  reports = 0;
  looks = 0;
  reads = 0;
  deliveryReads = 0;
  decoded = 0;
  nowMs = 0;
  #sleepers: Sleeper[] = [];

  constructor(partitions = 1) {
    const decoder = createDecoder(orders, { topicNames: TOPIC_NAMES });
    this.partitions = Array.from({ length: partitions }, (_, number) => new Partition(TOPIC, number));
    this.stream = new ChangeStream({
      log: {
        describe: async () => [
          {
            topic: TOPIC,
            topicId: 'id',
            partitionCount: this.partitions.length,
            partitions: this.partitions.map(({ topic, number, startOffset, nextOffset }) => ({
              topic,
              partition: number,
              startOffset,
              endOffset: nextOffset,
            })),
          },
        ],
        readRecords: async (range) => {
          this.reads++;
          return this.#partition(range.partition).read(range);
        },
      },
      store: {
        checkpoints: async () => {
          this.looks++;
          const fault = this.faults.shift();
          if (fault !== undefined) throw fault;
          return this.partitions.map(checkpointOf);
        },
        readDelivery: async (target, entityId) => {
          this.deliveryReads++;
          return this.deliveries.get(`${target} ${entityId}`) ?? null;
        },
      },
      decoder: {
        ...decoder,
        // The methods of a class are not among the members that are copied.
        prepare: (...given: Parameters<typeof decoder.prepare>) => decoder.prepare(...given),
        decode: (...given) => {
          this.decoded++;
          return decoder.decode(...given);
        },
      },
      clock: {
        now: () => this.nowMs,
        monotonicMs: () => this.nowMs,
        sleep: (ms, signal) => this.#sleep(ms, signal),
      },
      topics: [TOPIC, 'payment_events'],
      targets: ['order-mgt', 'archive'],
      report: () => {
        this.reports++;
        return this.report();
      },
      onDefect: (error) => this.defects.push(error),
    });
  }

  get first(): Partition {
    return this.#partition(0);
  }

  /** The rests that are under way, in milliseconds. */
  get rests(): number[] {
    return this.#sleepers.map(({ ms }) => ms);
  }

  /** Lets the loop look once more, and waits until it rests again. */
  async look(): Promise<void> {
    this.nowMs += 500;
    await this.#pass((ms) => LOOK_RESTS_MS.includes(ms));
  }

  /** Lets the loop of the status make one more report. */
  async status(): Promise<void> {
    this.nowMs += 1_000;
    await this.#pass((ms) => !LOOK_RESTS_MS.includes(ms));
  }

  /** Waits until everything that can run without the clock has run. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < 200; turn++) await new Promise((resolve) => setImmediate(resolve));
  }

  /** Has a listener join. It is in the stream once the loop has looked. */
  async listen(facts: Partial<Pick<StreamListener, 'entityIds' | 'position'>> = {}): Promise<Listener> {
    const listener = new Listener(this.stream, facts);
    this.stream.add(listener);
    await this.settle();
    return listener;
  }

  #partition(number: number): Partition {
    const found = this.partitions.find((partition) => partition.number === number);
    if (found === undefined) throw new Error(`The feed has no partition ${number}.`);
    return found;
  }

  async #pass(isMeant: (ms: number) => boolean): Promise<void> {
    const sleepers = this.#sleepers.filter(({ ms }) => isMeant(ms));
    for (const { wake } of sleepers) wake();
    await this.settle();
  }

  #sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (ms <= 0) return new Promise((resolve) => setImmediate(resolve));
    return new Promise((resolve) => {
      const wake = () => {
        this.#sleepers = this.#sleepers.filter((each) => each.wake !== wake);
        resolve();
      };
      if (signal?.aborted === true) resolve();
      else {
        this.#sleepers.push({ ms, wake });
        signal?.addEventListener('abort', wake, { once: true });
      }
    });
  }
}

function checkpointOf({ topic, number, topicId, nextOffset }: Partition): Checkpoint {
  const epoch = 1n;
  return {
    topic,
    partition: number,
    topicId,
    nextOffset,
    leaderEpoch: -1,
    epoch,
    haltReason: null,
    isNew: false,
  };
}

/** A listener that keeps what it gets. */
export class Listener implements StreamListener {
  readonly entityIds: ReadonlySet<string>;
  readonly position: string | null;
  readonly messages: StreamMessage[] = [];
  readonly #stream: ChangeStream;

  constructor(
    stream: ChangeStream,
    { entityIds = new Set(), position = null }: Partial<Pick<StreamListener, 'entityIds' | 'position'>>,
  ) {
    this.#stream = stream;
    this.entityIds = entityIds;
    this.position = position;
  }

  send(message: StreamMessage): void {
    this.messages.push(message);
  }

  leave(): void {
    this.#stream.remove(this);
  }

  of<Kind extends StreamMessage['kind']>(kind: Kind): Extract<StreamMessage, { kind: Kind }>[] {
    return this.messages.filter(
      (message): message is Extract<StreamMessage, { kind: Kind }> => message.kind === kind,
    );
  }

  /** The ids of the orders in all changes. */
  get orders(): string[] {
    return this.of('changes').flatMap(({ events }) => events.map(({ entityId }) => entityId));
  }

  get resets(): string[] {
    return this.of('reset').map(({ reason }) => reason);
  }

  /** The position of the last message that has one. */
  get last(): string {
    return this.messages.flatMap((message) => ('position' in message ? [message.position] : [])).at(-1) ?? '';
  }
}
