import { TributaryError } from '../../src/core/errors.ts';
import { type PartitionOffset, partitionName, type TopicPartition } from '../../src/core/offset.ts';
import { Gate } from '../../src/pipeline/gate.ts';
import type {
  AssignedPartition,
  ConsumerListener,
  ConsumerOptions,
  EventLogConsumer,
  FetchedRecords,
  FollowOffset,
  PartitionFault,
  TakeLimits,
} from '../../src/ports/event-log.ts';
import type { LogProcess, SimulatedLog } from './simulated-log.ts';

/** Without a reason, `abort` would make an error with a stack each time. */
const OVER = 'over';

/** A partition that is read ahead, from `follow` to `unfollow`. */
interface Followed extends TopicPartition {
  readonly topicId: string;
  readonly ended: AbortController;
  readonly queue: FetchedRecords[];
  queuedBytes: number;
  fetchOffset: bigint;
  /** The leader that appended what was read last. */
  leaderEpoch: number;
  /** Told to the listener once what was read before it has been taken. */
  fault: PartitionFault | null;
}

export class SimulatedConsumer implements EventLogConsumer {
  readonly process: LogProcess;
  readonly topics: readonly string[];
  readonly #log: SimulatedLog;
  readonly #options: ConsumerOptions;
  readonly #held = new Map<string, string>();
  readonly #followed = new Map<string, Followed>();
  readonly #ends = new Map<string, PartitionOffset>();
  /** What this member has let go of in peace: it may change nothing of it any more. */
  readonly #givenBack = new Set<string>();
  /** Opened when something was read, taken or given up. */
  readonly #moved = new Gate();
  readonly #closing = new AbortController();
  #listener: ConsumerListener | null = null;
  #calls: Promise<void> = Promise.resolve();
  #closed: Promise<void> | null = null;
  #turn = 0;

  constructor(log: SimulatedLog, process: LogProcess, options: ConsumerOptions) {
    this.#log = log;
    this.process = process;
    this.topics = options.topics;
    this.#options = options;
  }

  async start(listener: ConsumerListener): Promise<void> {
    const { group, store } = this.#options;
    if (store !== undefined) {
      const theirs = this.#log.groupStores.get(group) ?? store;
      this.#log.groupStores.set(group, theirs);
      if (theirs !== store)
        throw new TributaryError(
          'group_of_another_store',
          `The group ${group} is of ${theirs}, not ${store}.`,
        );
    }
    this.#listener = listener;
    void this.#log.clock.sleep(this.#log.network.latencyMs()).then(() => {
      if (!this.#closing.signal.aborted && !this.process.isDead) this.#group.join(this);
    });
  }

  get #group() {
    return this.#log.group(this.#options.group);
  }

  follow(offsets: readonly FollowOffset[]): void {
    for (const { topic, partition, offset, leaderEpoch } of offsets) {
      const topicId = this.#held.get(partitionName({ topic, partition }));
      if (topicId === undefined || this.#closing.signal.aborted) continue;
      this.#drop([{ topic, partition }]);
      const followed: Followed = {
        topic,
        partition,
        topicId,
        ended: new AbortController(),
        queue: [],
        queuedBytes: 0,
        fetchOffset: offset,
        leaderEpoch,
        fault: null,
      };
      this.#followed.set(partitionName(followed), followed);
      void this.#readAhead(followed);
    }
    this.#moved.open();
  }

  unfollow(partitions: readonly TopicPartition[]): void {
    this.#drop(partitions);
    for (const partition of partitions) this.#ends.delete(partitionName(partition));
    this.#moved.open();
  }

  #drop(partitions: readonly TopicPartition[]): void {
    for (const partition of partitions) {
      this.#followed.get(partitionName(partition))?.ended.abort(OVER);
      this.#followed.delete(partitionName(partition));
    }
  }

  async take(
    partitions: readonly TopicPartition[],
    limits: TakeLimits,
    signal: AbortSignal,
  ): Promise<FetchedRecords[]> {
    for (;;) {
      await this.#log.clock.sleep(0);
      await this.process.runs();
      if (signal.aborted || this.#closing.signal.aborted) return [];
      const followed = partitions.flatMap((partition) => this.#followed.get(partitionName(partition)) ?? []);
      if (followed.length === 0) return [];
      const taken = this.#collect(followed, limits);
      if (taken.length > 0) return taken;
      await this.#moved.wait(signal);
    }
  }

  #collect(followed: readonly Followed[], limits: TakeLimits): FetchedRecords[] {
    const taken: FetchedRecords[] = [];
    let [records, bytes] = [0, 0];
    const first = this.#turn++ % followed.length;
    for (const each of [...followed.slice(first), ...followed.slice(0, first)]) {
      for (let fetched = each.queue[0]; fetched !== undefined; fetched = each.queue[0]) {
        records += fetched.records.length;
        bytes += bytesOf(fetched);
        if (taken.length > 0 && (records > limits.maxRecords || bytes > limits.maxBytes)) break;
        each.queue.shift();
        each.queuedBytes -= bytesOf(fetched);
        taken.push(fetched);
      }
      if (each.fault !== null && each.queue.length === 0) this.#halt(each, each.fault);
    }
    if (taken.length > 0) this.#moved.open();
    return taken;
  }

  async #readAhead(followed: Followed): Promise<void> {
    const { signal } = followed.ended;
    const roomBytes = this.#options.maxBufferedBytes / Math.max(1, this.#held.size);
    while (!signal.aborted && !this.process.isDead) {
      if (followed.queue.length > 0 && followed.queuedBytes >= roomBytes) {
        await this.#moved.wait(signal);
        continue;
      }
      await this.#log.clock.sleep(this.#log.network.latencyMs(), signal);
      await this.process.runs();
      if (signal.aborted) return;
      if (this.#log.partitionsOf(followed.topic)[followed.partition]?.hasLeader === false) {
        await this.#log.partition(followed).changed.wait(signal);
        continue;
      }
      if (this.#log.network.refuses?.() === true) continue;
      const fault = this.#faultOf(followed);
      if (fault !== null) {
        followed.fault = fault;
        // Records that were replaced meanwhile must not be taken any more.
        if (followed.queue.length === 0 || fault.kind === 'log_diverged') this.#halt(followed, fault);
        return;
      }
      const partition = this.#log.partition(followed);
      const { topic, partition: number, endOffset } = partition;
      this.#ends.set(partitionName(followed), { topic, partition: number, offset: endOffset });
      if (followed.fetchOffset === endOffset) {
        await partition.changed.wait(signal);
        continue;
      }
      const fetched = partition.read(followed.fetchOffset, this.#log.network.fetchRecords());
      followed.fetchOffset = fetched.nextOffset;
      followed.leaderEpoch = fetched.leaderEpoch;
      followed.queue.push(fetched);
      followed.queuedBytes += bytesOf(fetched);
      this.#moved.open();
    }
  }

  #faultOf({ topic, partition, topicId, fetchOffset, leaderEpoch }: Followed): PartitionFault | null {
    const fault = (kind: PartitionFault['kind'], detail: string): PartitionFault => ({
      topic,
      partition,
      kind,
      offset: fetchOffset,
      detail,
    });
    const now = this.#log.partitionsOf(topic)[partition];
    if (now === undefined || now.topicId !== topicId)
      return fault('topic_recreated', 'The topic was deleted.');
    if (!now.holds(leaderEpoch, fetchOffset))
      return fault('log_diverged', `The leader of epoch ${leaderEpoch} had more records.`);
    if (fetchOffset < now.startOffset)
      return fault('offset_out_of_range', `The log begins at ${now.startOffset}.`);
    if (fetchOffset > now.endOffset) return fault('offset_out_of_range', `The log ends at ${now.endOffset}.`);
    if (now.isCorrupt(fetchOffset)) return fault('corrupt_batch', 'The disk spoilt it.');
    return null;
  }

  #halt(followed: Followed, fault: PartitionFault): void {
    const name = partitionName(followed);
    if (this.#followed.get(name) !== followed) return;
    this.#drop([followed]);
    // Who follows again after this fault means the topic as it is now.
    const [now] = this.#log.partitionsOf(followed.topic);
    if (fault.kind === 'topic_recreated' && now !== undefined) this.#held.set(name, now.topicId);
    this.#moved.open();
    void this.#call((listener) => listener.halted(fault));
  }

  assigned(partitions: readonly AssignedPartition[]): Promise<void> {
    return this.#call((listener) => {
      for (const partition of partitions) {
        this.#held.set(partitionName(partition), partition.topicId);
        this.#givenBack.delete(partitionName(partition));
      }
      return listener.assigned(partitions);
    });
  }

  async revoked(partitions: readonly TopicPartition[]): Promise<void> {
    const plain = partitions.map(({ topic, partition }) => ({ topic, partition }));
    await this.#call((listener) => listener.revoked(plain));
    for (const partition of plain) this.#givenBack.add(partitionName(partition));
    this.#forget(plain);
  }

  hasGivenBack(partition: TopicPartition): boolean {
    return this.#givenBack.has(partitionName(partition));
  }

  /** Told, once the process runs again, that all it holds is another's; resolves once it has answered. */
  expelled(): Promise<void> {
    return this.#call(async (listener) => {
      const lost = [...this.#held.keys()].map(partitionOf);
      this.#forget(lost);
      if (lost.length > 0) await listener.lost(lost);
    });
  }

  #forget(partitions: readonly TopicPartition[]): void {
    for (const partition of partitions) this.#held.delete(partitionName(partition));
    this.unfollow(partitions);
  }

  /** One call at a time, in the sequence in which things happened. */
  #call(tell: (listener: ConsumerListener) => Promise<void>): Promise<void> {
    this.#calls = this.#calls.then(async () => {
      await this.#log.clock.sleep(this.#log.network.latencyMs());
      await this.process.runs();
      if (this.#listener !== null) await tell(this.#listener);
    });
    return this.#calls;
  }

  async commit(): Promise<void> {
    await this.#log.clock.sleep(this.#log.network.latencyMs());
    await this.process.runs();
  }

  ends(): readonly PartitionOffset[] {
    return [...this.#ends.values()];
  }

  health(): { readonly ok: true } | { readonly ok: false; readonly reason: string } {
    if (this.#group.isMember(this)) return { ok: true };
    return { ok: false, reason: 'This member is not in its group.' };
  }

  /** Forgets who waits here, when the process is dead. Node keeps combined signals for as long as somebody listens to them. */
  abandon(): void {
    this.#moved.open();
    for (const { ended } of this.#followed.values()) ended.abort(OVER);
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    await this.#calls;
    if (this.#held.size > 0) {
      const partitions = this.#group.heldBy(this).map(partitionOf);
      if (partitions.length > 0) await this.revoked(partitions);
    }
    this.#closing.abort(OVER);
    this.#group.leave(this);
    for (const followed of this.#followed.values()) followed.ended.abort(OVER);
    this.#followed.clear();
    this.#moved.open();
  }
}

function bytesOf(fetched: FetchedRecords): number {
  return fetched.records.reduce((sum, { value }) => sum + (value?.length ?? 0), 0);
}

function partitionOf(name: string): TopicPartition {
  const cut = name.lastIndexOf('/');
  return { topic: name.slice(0, cut), partition: Number(name.slice(cut + 1)) };
}
