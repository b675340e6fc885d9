import type { TopicPartition } from '../../../src/core/offset.ts';
import type { EventLog, EventLogProducer, LogRecord } from '../../../src/ports/event-log.ts';
import { Caller, type CallKind, type Drawing } from './history.ts';
import { comesTrue } from './log-member.ts';

/**
 * The topics of a history and their partitions. Which partition a key chooses is left open (`EventLogProducer.append`), so
 * offsets are compared in topics of one partition, and the sequence of each key in the other one.
 */
export const TOPICS = [
  { name: 'a', partitions: 1 },
  { name: 'b', partitions: 1 },
  { name: 'c', partitions: 3 },
] as const;
export const SINGLE = ['a', 'b'] as const;

/** What two processes of one side use. */
export interface LogSide {
  readonly logs: readonly EventLog[];
  deleteRecords(partition: TopicPartition, beforeOffset: bigint): Promise<void>;
}

/** One side of a history of calls to a log. Its topics and groups have names that no other history uses. */
export class LogCaller extends Caller {
  readonly side: LogSide;
  readonly #prefix: string;
  readonly #producers = new Map<number, EventLogProducer>();
  /** The partition that each key of the topic `c` went to. */
  readonly chosen = new Map<string, number>();
  /** The groups that have committed offsets of the topic `a`. */
  readonly groups: string[] = [];
  /** The topics whose partitions both processes can read. */
  readonly #readable = new Set<string>();
  #values = 0;
  #groups = 0;

  constructor(side: LogSide, prefix: string) {
    super();
    this.side = side;
    this.#prefix = prefix;
  }

  topic(name: string): string {
    return `${this.#prefix}${name}`;
  }

  /** The name without what makes it the history's own. */
  nameOf(topic: string): string {
    return topic.slice(this.#prefix.length);
  }

  newGroup(): string {
    return this.topic(`group-${++this.#groups}`);
  }

  newValue(): string {
    return `value ${++this.#values} é`;
  }

  log(by: number): EventLog {
    const log = this.side.logs[by];
    if (log === undefined) throw new Error(`There is no process ${by}.`);
    return log;
  }

  producer(by: number): EventLogProducer {
    const known = this.#producers.get(by) ?? this.log(by).producer();
    this.#producers.set(by, known);
    return known;
  }

  /** A partition may have no leader at first, and `EventLog.describe` leaves it out until it has one. */
  async untilReadable(topics: readonly string[]): Promise<void> {
    const made = topics.filter((topic) => !this.#readable.has(topic));
    if (made.length === 0) return;
    for (const log of this.side.logs) {
      const isReadable = async () =>
        (await log.describe(made)).every(
          ({ partitionCount, partitions }) => partitions.length === partitionCount,
        );
      if (!(await comesTrue(isReadable)))
        throw new Error(`The topics ${made} have partitions without a leader.`);
    }
    for (const topic of made) this.#readable.add(topic);
  }

  async closeProducers(): Promise<void> {
    for (const producer of this.#producers.values()) await producer.close();
    this.#producers.clear();
  }

  override note(question: string, answer: unknown, why?: string): void {
    super.note(question.replaceAll(this.#prefix, ''), answer, why);
  }
}

export function kind(
  name: string,
  weight: number,
  play: (caller: LogCaller, drawing: Drawing & { readonly log: EventLog }) => Promise<void>,
): CallKind<LogCaller> {
  return {
    name,
    weight,
    play: (caller, drawing) => play(caller, { ...drawing, log: caller.log(drawing.by) }),
  };
}

/** A record without its timestamp: each side has a clock of its own. */
export function record({ offset, key, value, headers }: LogRecord) {
  return { offset, key, value, headers };
}

/** The values of each key, in sequence. Records without a key have none. */
export function byKey(records: readonly LogRecord[]): Map<string, unknown[]> {
  const keys = new Map<string, unknown[]>();
  for (const { key, value, headers } of records) {
    const name = key === null ? 'no key' : Buffer.from(key).toString('hex');
    keys.set(name, [...(keys.get(name) ?? []), { value, headers }]);
  }
  const without = keys.get('no key');
  if (without !== undefined) keys.set('no key', [new Set(without)]);
  return keys;
}
