import { TributaryError } from '../../../src/core/errors.ts';
import type { Position } from '../../../src/core/offset.ts';
import type { EventLogProducer, NewRecord } from '../../../src/ports/event-log.ts';

/** A producer that keeps its records. It acknowledges them at once, or when the test says so. */
export class FakeProducer implements EventLogProducer {
  readonly appends: (readonly NewRecord[])[] = [];
  readonly #waiting: (() => void)[] = [];
  isHeld = false;
  failAtAppend = Number.POSITIVE_INFINITY;
  mostInFlight = 0;
  #inFlight = 0;
  #offset = 0n;

  async append(records: readonly NewRecord[]): Promise<Position[]> {
    this.appends.push([...records]);
    if (this.appends.length >= this.failAtAppend)
      throw new TributaryError('log_append_failed', 'The log is gone.');
    this.mostInFlight = Math.max(this.mostInFlight, ++this.#inFlight);
    await new Promise<void>((resolve) => {
      if (this.isHeld) this.#waiting.push(resolve);
      else setImmediate(resolve);
    });
    this.#inFlight--;
    return records.map(({ topic }) => ({ topic, partition: 0, offset: this.#offset++ }));
  }

  release(): void {
    this.isHeld = false;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  async close(): Promise<void> {}
}
