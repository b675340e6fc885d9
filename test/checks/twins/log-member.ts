import { setTimeout as pause } from 'node:timers/promises';
import { partitionName, type TopicPartition } from '../../../src/core/offset.ts';
import {
  type AssignedPartition,
  type ConsumerListener,
  type EventLogConsumer,
  type FetchedRecords,
  type LogRecord,
  type PartitionFault,
  UNKNOWN_LEADER_EPOCH,
} from '../../../src/ports/event-log.ts';

/** A step of a group that takes longer than this has failed. It is far longer than any step needs. */
export const PATIENCE_MS = 30_000;
const LOOK_AGAIN_MS = 2;

/** A member of a group that follows nothing before it is told to. */
export class LogMember {
  readonly consumer: EventLogConsumer;
  readonly held = new Map<string, AssignedPartition>();
  readonly faults: PartitionFault[] = [];
  /** What broke a promise of the port. */
  readonly broken: string[] = [];
  #callsNow = 0;

  constructor(consumer: EventLogConsumer) {
    this.consumer = consumer;
  }

  async start(): Promise<void> {
    const drop = (partitions: readonly TopicPartition[]) => () => {
      for (const partition of partitions) this.held.delete(partitionName(partition));
    };
    const listener: ConsumerListener = {
      assigned: (partitions) =>
        this.#told(() => {
          for (const partition of partitions) this.held.set(partitionName(partition), partition);
        }),
      revoked: (partitions) => this.#told(drop(partitions)),
      lost: (partitions) => this.#told(drop(partitions)),
      halted: (fault) => this.#told(() => this.faults.push(fault)),
    };
    await this.consumer.start(listener);
  }

  async #told(work: () => void): Promise<void> {
    this.#callsNow++;
    if (this.#callsNow > 1) this.broken.push('two calls of the listener at once');
    work();
    await pause(0);
    this.#callsNow--;
  }

  /** Follows what it holds, from the offsets that `from` gives. */
  follow(from: (partition: AssignedPartition) => bigint): void {
    this.consumer.follow(
      [...this.held.values()].map((held) => ({
        topic: held.topic,
        partition: held.partition,
        offset: from(held),
        leaderEpoch: UNKNOWN_LEADER_EPOCH,
      })),
    );
  }

  /** Takes until every partition that it follows has been read up to its end. */
  async readTo(ends: ReadonlyMap<string, bigint>, limits: { maxRecords: number; maxBytes: number }) {
    const read = new Map<string, LogRecord[]>();
    const open = new Map([...ends].filter(([, end]) => end > 0n));
    const signal = AbortSignal.timeout(PATIENCE_MS);
    while (open.size > 0) {
      const wanted = [...this.held.values()].filter((held) => open.has(partitionName(held)));
      if (wanted.length === 0) break;
      const taken = await this.consumer.take(wanted, limits, signal);
      if (taken.length === 0) {
        this.broken.push(signal.aborted ? 'no records came' : 'nothing is followed');
        break;
      }
      const records = taken.reduce((sum, fetched) => sum + fetched.records.length, 0);
      if (taken.length > 1 && records > limits.maxRecords) this.broken.push('more records than the limit');
      for (const fetched of taken) this.#keep(fetched, read, open);
    }
    return read;
  }

  #keep(fetched: FetchedRecords, read: Map<string, LogRecord[]>, open: Map<string, bigint>): void {
    const name = partitionName(fetched);
    const known = read.get(name) ?? [];
    for (const record of fetched.records) {
      const before = known.at(-1);
      if (before !== undefined && record.offset <= before.offset) this.broken.push('records out of sequence');
      known.push(record);
    }
    read.set(name, known);
    if (fetched.nextOffset >= (open.get(name) ?? 0n)) open.delete(name);
  }
}

/** Resolves with whether the condition came true. */
export async function comesTrue(condition: () => boolean | Promise<boolean>): Promise<boolean> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!(await condition())) {
    if (performance.now() > deadline) return false;
    await pause(LOOK_AGAIN_MS);
  }
  return true;
}
