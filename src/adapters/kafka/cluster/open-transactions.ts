import { listTransactionsV0 } from '@platformatic/kafka';
import { logDefect } from '../../../core/errors.ts';
import type { Cluster } from './cluster.ts';

/** The time that the brokers have to name a producer. The name is a courtesy. */
const answerMs = 500;
const namesMax = 100;

/**
 * The names of transactional producers by the ids that record batches carry. Each broker knows the transactions that it
 * coordinates, so all of them are asked.
 */
export class OpenTransactions {
  readonly #cluster: Cluster;
  readonly #names = new Map<bigint, string>();

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  /** The transactional id of the producer; null if no broker names it in time. Never rejects. */
  async nameOf(producerId: bigint): Promise<string | null> {
    const known = this.#names.get(producerId);
    if (known !== undefined) return known;
    const { clock } = this.#cluster.options;
    const over = new AbortController();
    const asking = this.#cluster.brokerIds.map((nodeId) => this.#ask(nodeId, producerId));
    const named = Promise.all(asking).then((names) => names.find((name) => name !== null) ?? null);
    const late = clock.sleep(answerMs, over.signal).then(() => null);
    const name = await Promise.race([named, late]);
    over.abort();
    if (name !== null) this.#remember(producerId, name);
    return name;
  }

  async #ask(nodeId: number, producerId: bigint): Promise<string | null> {
    try {
      const connection = await this.#cluster.connect(nodeId, 'control');
      const { transactionStates } = await listTransactionsV0.api.async(
        connection,
        [],
        [producerId],
        -1n,
        null,
      );
      return transactionStates.find((state) => state.producerId === producerId)?.transactionalId ?? null;
    } catch (error) {
      // Without the right to see it, or from a broker that does not answer, the transaction has no name.
      logDefect(this.#cluster.options.logger, 'the naming of transactions', error);
      return null;
    }
  }

  #remember(producerId: bigint, name: string): void {
    this.#names.set(producerId, name);
    const [oldest] = this.#names.keys();
    if (this.#names.size > namesMax && oldest !== undefined) this.#names.delete(oldest);
  }
}
