import { initProducerIdV4 } from '@platformatic/kafka';
import type { ProducerFamily } from '../../../ports/event-log.ts';
import type { Cluster } from '../cluster/cluster.ts';

/** The id and the epoch under which the brokers know a producer. */
export interface ProducerIdentity {
  readonly producerId: bigint;
  readonly producerEpoch: number;
}

const noTransactionTimeoutMs = 0;

async function initProducerId(cluster: Cluster): Promise<ProducerIdentity> {
  const { producerId, producerEpoch } = await cluster.anywhere('asking for a producer id', (connection) =>
    initProducerIdV4.api.async(connection, null, noTransactionTimeoutMs, -1n, -1),
  );
  return { producerId, producerEpoch };
}

/** The identity of one producer. It is asked for when it is first needed, and again after it was forgotten. */
export class OwnIdentity {
  readonly #cluster: Cluster;
  readonly #family: ProducerFamily | undefined;
  #asked: Promise<ProducerIdentity> | undefined;

  constructor(cluster: Cluster, family: ProducerFamily | undefined) {
    this.#cluster = cluster;
    this.#family = family;
  }

  /** Rejects if Kafka gives no id, or if the family cannot register it. The next call asks again. */
  get(): Promise<ProducerIdentity> {
    const asked = this.#asked ?? this.#ask();
    this.#asked = asked;
    asked.catch(() => {
      if (this.#asked === asked) this.#asked = undefined;
    });
    return asked;
  }

  forget(): void {
    this.#asked = undefined;
  }

  /** Removes the present identity from the family. */
  async leave(): Promise<void> {
    const identity = await this.#asked?.catch(() => undefined);
    if (identity === undefined) return;
    await this.#family?.leave(String(identity.producerId)).catch(() => undefined);
  }

  async #ask(): Promise<ProducerIdentity> {
    const identity = await initProducerId(this.#cluster);
    // The family registers the id before anything is sent under it, so that a successor can shut it out.
    await this.#family?.join(String(identity.producerId));
    return identity;
  }
}
