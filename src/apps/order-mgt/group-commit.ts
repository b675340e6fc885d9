import { isDefect } from '../../core/errors.ts';
import type { OrderStates, Receipt, ReceivedDelivery } from './states.ts';

/** A transaction that has so many deliveries takes no further request; the rest waits for the next one. */
const BATCH_FULL = 4_000;

/** Requests. A group as large as the last one, up to so many, is worth waiting for, */
const WAITED_FOR_MAX = 64;
/** if the last one had so many: then they come from many callers at once, */
const WAITED_FOR_MIN = 16;
/** but no longer than this. */
const WAIT_MS = 1;

interface Waiting {
  readonly deliveries: readonly ReceivedDelivery[];
  readonly resolve: (receipts: Receipt[]) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Lets deliveries that arrive together share one transaction, since the wait for the disk costs the same for
 * one as for a hundred. Whatever arrives in one turn of the event loop, or while the last transaction runs, is
 * committed together; a lone delivery waits for nobody, unless many came just before: then a group that is smaller than
 * the last one waits a moment for those which that one's answers are about to call forth. Resolves after the COMMIT.
 */
export class GroupCommit {
  readonly #states: OrderStates;
  readonly #committed: (deliveries: readonly ReceivedDelivery[], receipts: readonly Receipt[]) => void;
  #waiting: Waiting[] = [];
  /** By the monotonic clock, while a transaction is under way. */
  #commitSinceMs: number | null = null;
  #running: Promise<void> | null = null;
  /** So many requests complete the next group. */
  #wanted = 0;
  #complete: (() => void) | null = null;

  /** `committed` is told of every transaction, before the receipts are given. */
  constructor(
    states: OrderStates,
    committed: (deliveries: readonly ReceivedDelivery[], receipts: readonly Receipt[]) => void,
  ) {
    this.#states = states;
    this.#committed = committed;
  }

  async receive(delivery: ReceivedDelivery): Promise<Receipt> {
    const [receipt] = await this.receiveAll([delivery]);
    return receipt as Receipt;
  }

  /** All of them in one transaction, perhaps with others'; a receipt for each, in their sequence. */
  receiveAll(deliveries: readonly ReceivedDelivery[]): Promise<Receipt[]> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ deliveries, resolve, reject });
      this.#running ??= this.#run();
      if (this.#waiting.length >= this.#wanted) this.#complete?.();
    });
  }

  /** For how long the transaction that is under way has not been answered; 0 if there is none. */
  get unansweredMs(): number {
    return this.#commitSinceMs === null ? 0 : performance.now() - this.#commitSinceMs;
  }

  /** Resolves when everything that waited has its receipt. */
  async idle(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      await new Promise((resolve) => setImmediate(resolve));
      if (this.#waiting.length < this.#wanted) await this.#untilComplete();
      const group = this.#takeGroup();
      this.#wanted = group.length < WAITED_FOR_MIN ? 0 : Math.min(group.length, WAITED_FOR_MAX);
      await this.#commitContained(group);
    }
    this.#running = null;
  }

  /**
   * If a defect strikes a group of requests, each of them is committed by itself, and the struck one alone fails. That
   * is safe even if the group was committed: a delivery that is stored already is a duplicate then.
   */
  async #commitContained(group: readonly Waiting[]): Promise<void> {
    const error = await this.#commit(group, (failure) => group.length === 1 || !isDefect(failure));
    if (error === null) return;
    for (const request of group) await this.#commit([request], () => true);
  }

  /** Ends when the group is complete, with whatever else comes in that turn, or when it has waited long enough. */
  async #untilComplete(): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, WAIT_MS);
      this.#complete = () => {
        clearTimeout(timer);
        setImmediate(resolve);
      };
    });
    this.#complete = null;
  }

  /** The requests of the next transaction: whole ones, at least one. */
  #takeGroup(): Waiting[] {
    let count = 0;
    let deliveries = 0;
    while (count < this.#waiting.length && deliveries < BATCH_FULL) {
      deliveries += this.#waiting[count]?.deliveries.length ?? 0;
      count++;
    }
    return this.#waiting.splice(0, count);
  }

  /** Answers the group, and resolves with null; or with an error that `isFinal` does not let be the answer. */
  async #commit(group: readonly Waiting[], isFinal: (error: unknown) => boolean): Promise<unknown> {
    const deliveries = group.flatMap((request) => request.deliveries);
    this.#commitSinceMs = performance.now();
    try {
      const receipts = await this.#states.receive(deliveries);
      this.#committed(deliveries, receipts);
      let from = 0;
      for (const { deliveries: own, resolve } of group) {
        resolve(receipts.slice(from, from + own.length));
        from += own.length;
      }
      return null;
    } catch (error) {
      if (!isFinal(error)) return error;
      for (const { reject } of group) reject(error);
      return null;
    } finally {
      this.#commitSinceMs = null;
    }
  }
}
