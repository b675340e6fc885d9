import { isDefect, messageOf } from '../core/errors.ts';
import type { TopicPartition } from '../core/offset.ts';
import { oneLine } from '../core/text.ts';
import type { Clock } from '../ports/clock.ts';
import { type Hold, type Holds, partName } from '../ports/holds.ts';
import type { Logger } from '../ports/logger.ts';

/** The holds as the parts of the pipeline ask for them. */
export interface KnownHolds {
  /** The hold of all ingest; null if there is none. */
  ofIngest(): Hold | null;
  /** The hold that keeps this partition from being read; null if there is none. */
  ofPartition(partition: TopicPartition): Hold | null;
  /** The hold that keeps this target from being sent anything; null if there is none. */
  ofTarget(target: string): Hold | null;
  /** Calls the listener after each change of the holds. */
  onChange(listener: () => void): void;
}

/** The time between two looks for a decision of an operator. */
const LOOK_EVERY_MS = 1_000;

/**
 * Knows which parts of the pipeline are on hold. It looks at the store every second, and at once when `look` is called.
 * While the store does not answer, the holds that were read last count.
 */
export class HoldWatch implements KnownHolds {
  readonly #store: Pick<Holds, 'listHolds'>;
  readonly #clock: Pick<Clock, 'sleep'>;
  readonly #logger: Logger;
  readonly #listeners: (() => void)[] = [];
  #holds: readonly Hold[] = [];
  #byName: ReadonlyMap<string, Hold> = new Map();
  #turn: Promise<unknown> = Promise.resolve();
  #hasFailed = false;

  constructor(store: Pick<Holds, 'listHolds'>, clock: Pick<Clock, 'sleep'>, logger: Logger) {
    this.#store = store;
    this.#clock = clock;
    this.#logger = logger;
  }

  /** All holds, the oldest first. */
  list(): readonly Hold[] {
    return this.#holds;
  }

  ofIngest(): Hold | null {
    return this.#byName.get(partName({ kind: 'ingest' })) ?? null;
  }

  ofPartition({ topic, partition }: TopicPartition): Hold | null {
    if (this.#byName.size === 0) return null;
    return (
      this.ofIngest() ??
      this.#byName.get(partName({ kind: 'topic', topic })) ??
      this.#byName.get(partName({ kind: 'partition', topic, partition })) ??
      null
    );
  }

  ofTarget(target: string): Hold | null {
    return this.#byName.get(partName({ kind: 'target', target })) ?? null;
  }

  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** Reads the holds. Rejects if the store does not answer. Looks follow each other, so that none brings old holds back. */
  look(): Promise<void> {
    const looked = this.#turn.then(async () => this.#take(await this.#store.listHolds()));
    this.#turn = looked.catch(() => undefined);
    return looked;
  }

  /** Looks every second, until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const aborted = new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
    while (!signal.aborted) {
      await this.#clock.sleep(LOOK_EVERY_MS, signal);
      // Stopping the watch does not wait for a store that gives no answer.
      if (!signal.aborted) await Promise.race([this.lookOrSay(), aborted]);
    }
  }

  /** Reads the holds, and logs it if the store does not answer. */
  async lookOrSay(): Promise<void> {
    try {
      await this.look();
      this.#hasFailed = false;
    } catch (error) {
      if (isDefect(error)) throw error;
      if (!this.#hasFailed) this.#logger('warn', `Could not read what is paused: ${messageOf(error)}`);
      this.#hasFailed = true;
    }
  }

  #take(holds: readonly Hold[]): void {
    const before = this.#byName;
    const byName = new Map(holds.map((hold) => [partName(hold.part), hold]));
    const begun = [...byName].filter(([name]) => !before.has(name));
    const ended = [...before.keys()].filter((name) => !byName.has(name));
    this.#holds = holds;
    this.#byName = byName;
    for (const [, hold] of begun) this.#logger('info', sentenceOf(hold));
    for (const name of ended) this.#logger('info', `The pause of ${name} has ended.`);
    if (begun.length + ended.length === 0) return;
    for (const listener of this.#listeners) listener();
  }
}

/** Lets a delivery rest while its target is paused, now and after each change of the holds. */
export function followHold(
  deliver: { pause(): void; goOn(): void },
  target: string,
  holds: Pick<KnownHolds, 'ofTarget' | 'onChange'>,
): void {
  const apply = () => (holds.ofTarget(target) === null ? deliver.goOn() : deliver.pause());
  apply();
  holds.onChange(apply);
}

/** Says what is paused, since when, by whom and why. */
export function sentenceOf({ part, heldBy, reason, heldAtMs }: Hold): string {
  return oneLine(
    `Paused: ${partName(part)}, since ${new Date(heldAtMs).toISOString()} by ${heldBy}: ${reason}`,
  );
}
