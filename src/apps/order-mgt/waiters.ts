import type { OrderState } from './order-state.ts';
import type { OrderStates, ReceivedDelivery } from './states.ts';

/** The time between two looks for states that another process committed to the same database. */
const LOOK_EVERY_MS = 250;

interface Waiter {
  readonly orderId: string;
  readonly minVersion: number;
  readonly resolve: (state: OrderState | null) => void;
  readonly reject: (error: unknown) => void;
  readonly timer: NodeJS.Timeout;
}

/** Readers that wait until an order is there, or has reached a version. */
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

  /** Whether the limit of waiting readers is reached. */
  get isFull(): boolean {
    return this.#count >= this.#limit;
  }

  /** The number of waiting readers. */
  get count(): number {
    return this.#count;
  }

  /**
   * Resolves with the order's state as soon as its version is at least `minVersion`. When the time is over, when `close` is
   * called, or when `gone` aborts because the reader has left, it resolves with the state that is held then, or null. Rejects
   * if the store fails at that moment.
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
      // The state may have come since the first look.
      void this.#look(waiter);
    });
  }

  /** Looks again for the readers that wait for the orders of these deliveries. */
  notify(deliveries: readonly ReceivedDelivery[]): void {
    if (this.#count === 0) return;
    for (const { state } of deliveries) {
      for (const waiter of this.#byOrder.get(state.order_id) ?? []) void this.#look(waiter);
    }
  }

  /** Answers all readers at once with the states that are held. */
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
    // A look that fails is made again later. If the store still fails when the time is over, the reader gets the error.
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
