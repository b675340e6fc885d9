import type { AppendOptions, NewRecord } from '../../../src/ports/event-log.ts';

/** A log's producer that does what a test says, and remembers what it was given. */
export class FakeProducer {
  readonly appended: NewRecord[] = [];
  readonly asked: (readonly NewRecord[])[] = [];
  readonly shutsOut: boolean[] = [];
  onAppend: (records: readonly NewRecord[]) => Promise<void> = async () => {};
  readonly #arrived = Promise.withResolvers<void>();

  async append(records: readonly NewRecord[], options: AppendOptions = {}) {
    this.asked.push(records);
    this.shutsOut.push(options.shutsOut === true);
    this.#arrived.resolve();
    await this.onAppend(records);
    this.appended.push(...records);
    return records.map(({ topic }, index) => ({ topic, partition: 0, offset: BigInt(index) }));
  }

  arrival(): Promise<void> {
    return this.#arrived.promise;
  }

  isClosed = false;

  async close(): Promise<void> {
    this.isClosed = true;
  }
}

export function headerOf(record: NewRecord | undefined, wanted: string): string | undefined {
  const found = record?.headers.find(([name]) => name === wanted);
  return found === undefined ? undefined : Buffer.from(found[1] ?? []).toString();
}
