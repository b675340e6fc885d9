import { TributaryError } from '../../src/core/errors.ts';
import type { PartitionOffset } from '../../src/core/offset.ts';
import type {
  AppendOptions,
  EventLogProducer,
  NewRecord,
  ProducerFamily,
} from '../../src/ports/event-log.ts';

/** What a producer needs of the log's twin. */
export interface ProducerParts {
  readonly name: string;
  readonly family: ProducerFamily | undefined;
  readonly append: (records: readonly NewRecord[]) => PartitionOffset[];
  /** Asks the broker, which takes its time to answer. */
  readonly answered: <Answer>(ask: () => Answer) => Promise<Answer>;
  /** `topic producer` for each producer that was shut out of a topic; shared by all producers of the log. */
  readonly shutOut: Set<string>;
}

/** A producer of the log's twin. A member of a family joins it before its first append. */
export class SimulatedProducer implements EventLogProducer {
  readonly #parts: ProducerParts;
  #joining: Promise<void> | undefined;

  constructor(parts: ProducerParts) {
    this.#parts = parts;
  }

  async append(
    records: readonly NewRecord[],
    { shutsOut = false }: AppendOptions = {},
  ): Promise<PartitionOffset[]> {
    const { name, family, append, answered, shutOut } = this.#parts;
    await this.#join();
    const others = shutsOut ? ((await family?.members()) ?? []).filter((member) => member !== name) : [];
    return answered(() => {
      const topics = new Set(records.map(({ topic }) => topic));
      if ([...topics].some((topic) => shutOut.has(`${topic} ${name}`)))
        throw new TributaryError('log_shut_out', 'Another member of the family has shut this producer out.');
      for (const topic of topics) for (const other of others) shutOut.add(`${topic} ${other}`);
      return append(records);
    });
  }

  async close(): Promise<void> {
    if (this.#joining !== undefined) await this.#parts.family?.leave(this.#parts.name);
    this.#joining = undefined;
  }

  async #join(): Promise<void> {
    this.#joining ??= this.#parts.family?.join(this.#parts.name);
    try {
      await this.#joining;
    } catch (error) {
      this.#joining = undefined;
      throw error;
    }
  }
}
