/** Publishes events at a steady rate in the background, and tells the oracle the acknowledged ones. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { RunningCheck } from '../lib/command.ts';
import { tellStory } from '../lib/order-stories.ts';
import { waitFor } from '../lib/waiting.ts';
import { workload } from '../lib/workload.ts';
import type { Oracle, RawRecord, Topics } from '../oracle.ts';
import type { ScenarioLog } from './shared-log.ts';

const TICK_MS = 100;
const RETRY_MS = 500;
/** The length of the prepared stream, which is more than any scenario publishes. */
const STREAM_EVENTS = 200_000;
const ORDERS_AT_A_TIME = 60;

export interface FeederOptions {
  readonly log: ScenarioLog;
  readonly oracle: Oracle;
  readonly topics: Topics;
  readonly eventsPerSecond: number;
  readonly seed: number;
}

/** A queue of the log, with its unacknowledged records in the sequence in which they were given. */
interface Queue {
  readonly waiting: RawRecord[];
  isAppending: boolean;
}

export class Feeder {
  readonly #check: RunningCheck;
  readonly #options: FeederOptions;
  readonly #stream: Generator<{ readonly record: RawRecord }>;
  readonly #queues = new Map<string, Queue>();
  readonly #ends = new Map<string, bigint>();
  #stop = new AbortController();
  #running: Promise<void> = Promise.resolve();
  #acknowledged = 0;

  constructor(check: RunningCheck, options: FeederOptions) {
    this.#check = check;
    this.#options = options;
    this.#stream = workload({
      events: STREAM_EVENTS,
      seed: options.seed,
      topics: options.topics,
      duplicateRate: 0.05,
      lateRate: 0.05,
      malformedRate: 0,
      orders: { active: ORDERS_AT_A_TIME, tell: tellStory },
    });
  }

  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** The end of the acknowledged records, by `topic/partition`. */
  ends(): ReadonlyMap<string, bigint> {
    return new Map(this.#ends);
  }

  start(): void {
    this.#stop = new AbortController();
    this.#running = this.#feed(this.#stop.signal);
  }

  /** Stops publishing, and waits until all records are acknowledged. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
    await this.acknowledgedAll();
  }

  /** Publishes these records after those that wait. `acknowledgedAll` waits for them. */
  give(records: readonly RawRecord[]): void {
    for (const record of records) {
      const name = this.#options.log.queueOf(record);
      const queue = this.#queues.get(name) ?? { waiting: [], isAppending: false };
      this.#queues.set(name, queue);
      queue.waiting.push(record);
      void this.#drain(name, queue);
    }
  }

  async acknowledgedAll(timeoutMs = 60_000): Promise<void> {
    const { signal } = this.#check;
    await waitFor({ what: 'the log to acknowledge all events', pauseMs: 50, timeoutMs, signal }, () =>
      [...this.#queues.values()].every(({ waiting, isAppending }) => waiting.length === 0 && !isAppending)
        ? true
        : undefined,
    );
  }

  async #feed(stop: AbortSignal): Promise<void> {
    const signal = AbortSignal.any([stop, this.#check.signal]);
    const startedAtMs = performance.now();
    let fed = 0;
    while (!signal.aborted) {
      const due = Math.floor(((performance.now() - startedAtMs) / 1_000) * this.#options.eventsPerSecond);
      const records: RawRecord[] = [];
      for (; fed < due; fed++) {
        const next = this.#stream.next();
        if (next.done === true) return;
        records.push(next.value.record);
      }
      this.give(records);
      await sleep(TICK_MS, undefined, { signal }).catch(() => {});
    }
  }

  /** Appends the records of a queue, one append at a time. Appends unacknowledged records again until the check ends. */
  async #drain(name: string, queue: Queue): Promise<void> {
    if (queue.isAppending) return;
    queue.isAppending = true;
    try {
      while (queue.waiting.length > 0 && !this.#check.signal.aborted) {
        const batch = queue.waiting.slice(0, 1_000);
        const ends = await this.#options.log.append(name, batch).catch(() => undefined);
        if (ends === undefined) {
          await sleep(RETRY_MS, undefined, { signal: this.#check.signal }).catch(() => {});
          continue;
        }
        queue.waiting.splice(0, batch.length);
        for (const record of batch) this.#options.oracle.add(record);
        this.#acknowledged += batch.length;
        for (const [place, end] of ends) this.#ends.set(place, end);
      }
    } finally {
      queue.isAppending = false;
    }
  }
}
