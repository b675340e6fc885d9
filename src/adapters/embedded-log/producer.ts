import { TributaryError } from '../../core/errors.ts';
import type { Position } from '../../core/offset.ts';
import type { Clock } from '../../ports/clock.ts';
import type {
  AppendOptions,
  EventLogProducer,
  NewRecord,
  ProducerFamily,
  ProducerOptions,
} from '../../ports/event-log.ts';
import { closedError } from './file/database.ts';
import { type AppendQueue, appendFailed, shutOutError } from './producing/append-queue.ts';

/**
 * A producer that was shut out rejects every append for 250 ms, because another instance may already deliver what its
 * caller appends at that moment.
 */
const REJOIN_AFTER_MS = 250;

/** Hands appends to the client's `AppendQueue`, and knows by which name its family can shut it out. */
export class EmbeddedProducer implements EventLogProducer {
  readonly #queue: AppendQueue;
  readonly #file: string;
  /** The appends that are not settled yet. */
  readonly #waiting = new Set<Promise<unknown>>();
  readonly #clock: Pick<Clock, 'monotonicMs' | 'uuid'>;
  readonly #family: ProducerFamily | undefined;
  #identity: Promise<string> | null = null;
  #rejoinsAtMs = Number.NEGATIVE_INFINITY;
  #closed = false;

  constructor(
    queue: AppendQueue,
    file: string,
    clock: Pick<Clock, 'monotonicMs' | 'uuid'>,
    { family }: ProducerOptions = {},
  ) {
    this.#queue = queue;
    this.#file = file;
    this.#clock = clock;
    this.#family = family;
  }

  async append(records: readonly NewRecord[], options: AppendOptions = {}): Promise<Position[]> {
    if (this.#closed) throw appendFailed(closedError(this.#file));
    const appended =
      this.#family === undefined
        ? this.#queue.append(records)
        : this.#appendAsMember(this.#family, records, options);
    this.#waiting.add(appended);
    try {
      return await appended;
    } finally {
      this.#waiting.delete(appended);
    }
  }

  async #appendAsMember(
    family: ProducerFamily,
    records: readonly NewRecord[],
    { shutsOut = false }: AppendOptions,
  ): Promise<Position[]> {
    if (this.#clock.monotonicMs() < this.#rejoinsAtMs) throw shutOutError();
    const producer = await this.#identify(family);
    const members = shutsOut ? await family.members() : [];
    const others = members.filter((member) => member !== producer);
    try {
      return await this.#queue.append(records, { producer, shutsOut: others });
    } catch (error) {
      if (isShutOut(error)) {
        this.#identity = null;
        this.#rejoinsAtMs = this.#clock.monotonicMs() + REJOIN_AFTER_MS;
      }
      throw error;
    }
  }

  /**
   * The producer's name. The family registers it before anything is appended, so that a successor can shut it out.
   */
  #identify(family: ProducerFamily): Promise<string> {
    if (this.#identity !== null) return this.#identity;
    const producer = this.#clock.uuid();
    const joined = family.join(producer).then(() => producer);
    this.#identity = joined;
    joined.catch(() => {
      if (this.#identity === joined) this.#identity = null;
    });
    return joined;
  }

  /** Resolves once every append is settled. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.allSettled(this.#waiting);
    const producer = await this.#identity?.catch(() => null);
    if (producer != null) await this.#family?.leave(producer).catch(() => undefined);
  }
}

function isShutOut(error: unknown): boolean {
  return error instanceof TributaryError && error.code === 'log_shut_out';
}
