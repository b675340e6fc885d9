import type { OrderState } from './order-state.ts';
import type { OrderStates, ReceivedDelivery } from './states.ts';

/** What another process commits to the same database is seen at the next look, so far apart. */
const LOOK_EVERY_MS = 250;

interface Waiter {
  readonly orderId: string;
  readonly minVersion: number;
  readonly resolve: (state: OrderState | null) => void;
  readonly reject: (error: unknown) => void;
  readonly timer: NodeJS.Timeout;
}

/** Readers that wait for an order to come, or to reach a version. */
export class Waiters {
  readonly #states: OrderStates;
  readonly #limit: number;
  readonly #byOrder = new Map<string, Set<Waiter>>();
  #count = 0;
  #looking: NodeJS.Timeout | null = null;
  #isClosed = false;

  constructor(states: OrderStates, limit: number) {
    this.#states = states;
    this.#limit = limit;
  }

  /** Whether nobody else may wait. */
  get isFull(): boolean {
    return this.#count >= this.#limit;
  }

  /**
   * The order's state once its version is at least `minVersion`; else what is there when the time is over, or
   * when `close` is called, or when the signal aborts because the reader has gone. Rejects if the store fails then.
   */
  async wait(
    orderId: string,
    minVersion: number,
    waitMs: number,
    gone: AbortSignal,
  ): Promise<OrderState | null> {
    const state = await this.#states.read(orderId);
    const isEnough = state !== null && state.version >= minVersion;
    if (isEnough || waitMs <= 0 || this.#isClosed || gone.aborted) return state;
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        orderId,
        minVersion,
        resolve,
        reject,
        timer: setTimeout(() => this.#finish(waiter), waitMs),
      };
      gone.addEventListener('abort', () => this.#finish(waiter), { once: true });
      this.#add(waiter);
      // Between the first look and now the state may have come.
      void this.#look(waiter);
    });
  }

  /** Looks again for whoever waits for the order of one of these deliveries. */
  notify(deliveries: readonly ReceivedDelivery[]): void {
    if (this.#count === 0) return;
    for (const { state } of deliveries) {
      for (const waiter of this.#byOrder.get(state.order_id) ?? []) void this.#look(waiter);
    }
  }

  /** Answers all who wait, at once, with what is there. */
  close(): void {
    this.#isClosed = true;
    for (const waiter of this.#all()) this.#finish(waiter);
  }

  #add(waiter: Waiter): void {
    const others = this.#byOrder.get(waiter.orderId) ?? new Set();
    this.#byOrder.set(waiter.orderId, others.add(waiter));
    this.#count++;
    this.#looking ??= setInterval(() => {
      for (const each of this.#all()) void this.#look(each);
    }, LOOK_EVERY_MS);
  }

  /** False if the waiter has been answered already. */
  #remove(waiter: Waiter): boolean {
    const others = this.#byOrder.get(waiter.orderId);
    if (others === undefined || !others.delete(waiter)) return false;
    if (others.size === 0) this.#byOrder.delete(waiter.orderId);
    clearTimeout(waiter.timer);
    this.#count--;
    if (this.#count === 0 && this.#looking !== null) {
      clearInterval(this.#looking);
      this.#looking = null;
    }
    return true;
  }

  async #look(waiter: Waiter): Promise<void> {
    // A look that fails is made again; if the store still fails at the end, the reader is told.
    const state = await this.#states.read(waiter.orderId).catch(() => null);
    if (state !== null && state.version >= waiter.minVersion && this.#remove(waiter)) waiter.resolve(state);
  }

  async #finish(waiter: Waiter): Promise<void> {
    if (this.#remove(waiter)) await this.#states.read(waiter.orderId).then(waiter.resolve, waiter.reject);
  }

  #all(): Waiter[] {
    return [...this.#byOrder.values()].flatMap((waiters) => [...waiters]);
  }
}
