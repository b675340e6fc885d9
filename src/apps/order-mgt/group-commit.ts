import { isDefect } from '../../core/errors.ts';
import type { OrderStates, Receipt, ReceivedDelivery } from './states.ts';

/** A transaction with 4,000 deliveries takes no further request. Later requests wait for the next transaction. */
const GROUP_FULL = 4_000;

/** Wait for at most 64 requests. */
const WAITED_FOR_MAX = 64;
/** Wait only if the last group had at least 16 requests: then many callers send at once. */
const WAITED_FOR_MIN = 16;
/** Wait at most 1 ms. */
const WAIT_MS = 1;

/** `tookMs`: the time from the beginning of the transaction to the end of its COMMIT. */
type Committed = (
  deliveries: readonly ReceivedDelivery[],
  receipts: readonly Receipt[],
  tookMs: number,
) => void;

/** A request that waits for its receipts. */
interface Waiting {
  readonly deliveries: readonly ReceivedDelivery[];
  readonly resolve: (receipts: Receipt[]) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Commits the deliveries of many requests in one transaction, because the wait for the disk costs the same for one delivery
 * as for a hundred.
 *
 * Requests that arrive in one turn of the event loop, or while the last transaction runs, form a group. A group is committed
 * at once, with one exception. If the last group had at least 16 requests, its callers are about to send their next ones. So
 * a smaller group waits until it has as many requests as the last group, at most 64, and at most 1 ms.
 */
export class GroupCommit {
  readonly #states: OrderStates;
  readonly #committed: Committed;
  #waiting: Waiting[] = [];
  /** When the transaction under way began, by the monotonic clock. Null while there is none. */
  #commitSinceMs: number | null = null;
  #running: Promise<void> | null = null;
  /** The number of requests that completes the next group. 0 means that the group does not wait. */
  #wanted = 0;
  /** Ends the wait for the next group. Null while no group waits. */
  #complete: (() => void) | null = null;

  /** Calls `committed` after every COMMIT, before the receipts are given. */
  constructor(states: OrderStates, committed: Committed) {
    this.#states = states;
    this.#committed = committed;
  }

  /** Resolves with the receipt after the COMMIT. */
  async receive(delivery: ReceivedDelivery): Promise<Receipt> {
    const [receipt] = await this.receiveAll([delivery]);
    return receipt as Receipt;
  }

  /** Takes all of them in one transaction, perhaps with other requests. Resolves with their receipts, in the same sequence. */
  receiveAll(deliveries: readonly ReceivedDelivery[]): Promise<Receipt[]> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ deliveries, resolve, reject });
      this.#running ??= this.#run();
      if (this.#waiting.length >= this.#wanted) this.#complete?.();
    });
  }

  /** The time since the transaction under way began, or 0 if there is none. */
  get unansweredMs(): number {
    return this.#commitSinceMs === null ? 0 : performance.now() - this.#commitSinceMs;
  }

  /** Resolves when every request has its receipts. */
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
   * Commits the group in one transaction. If that meets a defect, commits each request by itself, so that only the request
   * that meets the defect fails. This is safe even if the group was committed: each delivery is then a duplicate.
   */
  async #commitContained(group: readonly Waiting[]): Promise<void> {
    const error = await this.#commit(group, (failure) => group.length === 1 || !isDefect(failure));
    if (error === null) return;
    for (const request of group) await this.#commit([request], () => true);
  }

  /** Resolves when the group is complete and the turn of the event loop is over, or after `WAIT_MS`. */
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

  /** Takes the requests of the next transaction. A request is never split, and at least one is taken. */
  #takeGroup(): Waiting[] {
    let count = 0;
    let deliveries = 0;
    while (count < this.#waiting.length && deliveries < GROUP_FULL) {
      deliveries += this.#waiting[count]?.deliveries.length ?? 0;
      count++;
    }
    return this.#waiting.splice(0, count);
  }

  /**
   * Commits the group, answers its requests, and resolves with null. Resolves with the error, and answers nobody, if
   * `isFinal` is false for it.
   */
  async #commit(group: readonly Waiting[], isFinal: (error: unknown) => boolean): Promise<unknown> {
    const deliveries = group.flatMap((request) => request.deliveries);
    const beganMs = performance.now();
    this.#commitSinceMs = beganMs;
    try {
      const receipts = await this.#states.receive(deliveries);
      this.#committed(deliveries, receipts, performance.now() - beganMs);
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
