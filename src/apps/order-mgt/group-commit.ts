import type { OrderStates, Receipt, ReceivedDelivery } from './states.ts';

/** The most deliveries of one transaction; the rest waits for the next one. */
const BATCH_MAX = 1_000;

interface Waiting {
  readonly delivery: ReceivedDelivery;
  readonly resolve: (receipt: Receipt) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Lets deliveries that arrive together share one transaction, since the wait for the disk costs the same for
 * one as for a hundred. Whatever arrives in one turn of the event loop, or while the last transaction runs, is
 * committed together; a lone delivery waits for nobody. Resolves after the COMMIT.
 */
export class GroupCommit {
  readonly #states: OrderStates;
  readonly #committed: (deliveries: readonly ReceivedDelivery[]) => void;
  #waiting: Waiting[] = [];
  #running: Promise<void> | null = null;

  /** `committed` is told of every transaction, before the receipts are given. */
  constructor(states: OrderStates, committed: (deliveries: readonly ReceivedDelivery[]) => void) {
    this.#states = states;
    this.#committed = committed;
  }

  receive(delivery: ReceivedDelivery): Promise<Receipt> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ delivery, resolve, reject });
      this.#running ??= this.#run();
    });
  }

  /** Resolves when everything that waited has its receipt. */
  async idle(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      await new Promise((resolve) => setImmediate(resolve));
      const batch = this.#waiting.splice(0, BATCH_MAX);
      await this.#commit(batch);
    }
    this.#running = null;
  }

  async #commit(batch: readonly Waiting[]): Promise<void> {
    const deliveries = batch.map(({ delivery }) => delivery);
    try {
      const receipts = await this.#states.receive(deliveries);
      this.#committed(deliveries);
      batch.forEach(({ resolve }, index) => {
        resolve(receipts[index] as Receipt);
      });
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }
}
