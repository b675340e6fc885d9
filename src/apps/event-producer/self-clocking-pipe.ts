import type { OutgoingEvent } from './publish.ts';

/**
 * Sends events in pieces. A piece has the events that came while the last piece was on its way, so a lone event is sent at
 * once, and many events are sent in large pieces. One piece is on its way at a time, so that events stay in sequence. `push`
 * waits when the next piece is full. Nothing is sent behind a piece that failed: `push` and `drain` reject with its error.
 */
export class SelfClockingPipe {
  readonly #send: (events: readonly OutgoingEvent[]) => Promise<void>;
  readonly #maxEvents: number;
  #waiting: OutgoingEvent[] = [];
  #sending: Promise<void> | null = null;
  #failure: unknown = null;
  sent = 0;

  constructor(send: (events: readonly OutgoingEvent[]) => Promise<void>, maxEvents: number) {
    this.#send = send;
    this.#maxEvents = maxEvents;
  }

  async push(event: OutgoingEvent): Promise<void> {
    if (this.#failure !== null) throw this.#failure;
    this.#waiting.push(event);
    this.#start();
    while (this.#waiting.length >= this.#maxEvents) await this.#next();
  }

  async drain(): Promise<void> {
    while (this.#sending !== null || this.#waiting.length > 0) await this.#next();
  }

  async #next(): Promise<void> {
    this.#start();
    await this.#sending;
    if (this.#failure !== null) throw this.#failure;
  }

  #start(): void {
    if (this.#sending !== null || this.#failure !== null || this.#waiting.length === 0) return;
    const events = this.#waiting;
    this.#waiting = [];
    this.#sending = this.#send(events)
      .then(() => {
        this.sent += events.length;
      })
      .catch((error: unknown) => {
        this.#failure = error;
      })
      .finally(() => {
        this.#sending = null;
        this.#start();
      });
  }
}
