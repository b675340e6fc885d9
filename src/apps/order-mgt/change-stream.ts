import type { ServerResponse } from 'node:http';
import { logDefect, messageOf } from '../../core/errors.ts';
import type { Logger } from '../../ports/logger.ts';
import type { OrderStates } from './states.ts';

export interface ChangeStreamOptions {
  readonly listenersMax?: number;
  /** The time between two comments, by which proxies and clients see that the stream lives. */
  readonly commentEveryMs?: number;
  /** A listener that has not taken a page within this time is cut off. */
  readonly drainWithinMs?: number;
}

const LISTENERS_MAX = 64;
const COMMENT_EVERY_MS = 15_000;
const DRAIN_WITHIN_MS = 30_000;
/** The most changes of one page. No more than one page is buffered for a listener: about 100 KiB. */
const PAGE_CHANGES = 250;
/** After a commit the stream waits this long, so that it reads further commits with the same page. */
const GATHER_MS = 20;
/** The time between two looks for changes that another process committed to the same database. */
const LOOK_EVERY_MS = 250;

interface Listener {
  readonly response: ServerResponse;
  /** The number of the last receipt that the response has got or has passed over. */
  receiptNumber: number;
  isPumping: boolean;
}

/**
 * Streams the changes of orders to listeners, as server-sent events.
 *
 * Each listener has the number of the last receipt that it knows. When something new is committed and the listener has taken
 * its last page, the stream reads the next page from the store. It queues nothing, and it remembers nothing about listeners
 * that have left. Without listeners a change costs nothing here.
 *
 *     catching up --a page that is not full--> waiting --wake, look--> catching up
 *     catching up --connection full--> draining --drained--> catching up | --too late--> cut off
 *
 * Source: WHATWG HTML, "Server-sent events".
 */
export class ChangeStream {
  readonly #states: OrderStates;
  readonly #logger: Logger;
  readonly #options: Required<ChangeStreamOptions>;
  readonly #listeners = new Set<Listener>();
  #timers: NodeJS.Timeout[] = [];
  #gathering: NodeJS.Timeout | null = null;
  #isClosed = false;

  constructor(states: OrderStates, logger: Logger, options: ChangeStreamOptions = {}) {
    this.#states = states;
    this.#logger = logger;
    this.#options = {
      listenersMax: options.listenersMax ?? LISTENERS_MAX,
      commentEveryMs: options.commentEveryMs ?? COMMENT_EVERY_MS,
      drainWithinMs: options.drainWithinMs ?? DRAIN_WITHIN_MS,
    };
  }

  /** Whether the limit of listeners is reached. */
  get isFull(): boolean {
    return this.#listeners.size >= this.#options.listenersMax;
  }

  /** The number of listeners. */
  get listeners(): number {
    return this.#listeners.size;
  }

  /**
   * Writes every change after the receipt number `after` to the response, until the response is closed or cut off. Null
   * begins after `last`, the store's last receipt number. A number above `last` comes from before the database was restored:
   * then the stream writes all changes again, because nobody knows which ones the listener has missed.
   */
  open(response: ServerResponse, after: number | null, last: number): void {
    const receiptNumber = after === null ? last : after > last ? 0 : after;
    const listener: Listener = { response, receiptNumber, isPumping: false };
    response.writeHead(200, {
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    });
    // Clients keep the id of an event without data, and show nothing. So a client that saw no change resumes here.
    response.write(`retry: 1000\nid: ${receiptNumber}\n\n`);
    response.once('close', () => this.#remove(listener));
    if (response.destroyed) return;
    this.#listeners.add(listener);
    if (this.#listeners.size === 1) this.#startTimers();
    if (this.#isClosed) response.end();
    else this.#pump(listener);
  }

  /** Has the listeners' next pages read, since something was committed. */
  wake(): void {
    if (this.#listeners.size === 0) return;
    this.#gathering ??= setTimeout(() => {
      this.#gathering = null;
      this.#pumpAll();
    }, GATHER_MS);
  }

  /** Ends every response. Clients come back with the last id that they got. */
  close(): void {
    this.#isClosed = true;
    for (const { response } of this.#listeners) response.end();
  }

  #startTimers(): void {
    this.#timers = [
      setInterval(() => this.#pumpAll(), LOOK_EVERY_MS),
      setInterval(() => {
        for (const { response } of this.#listeners) {
          if (!response.writableNeedDrain) response.write(':\n\n');
        }
      }, this.#options.commentEveryMs),
    ];
  }

  #remove(listener: Listener): void {
    this.#listeners.delete(listener);
    if (this.#listeners.size > 0) return;
    for (const timer of this.#timers) clearInterval(timer);
    if (this.#gathering !== null) clearTimeout(this.#gathering);
    this.#gathering = null;
  }

  #pumpAll(): void {
    for (const listener of this.#listeners) this.#pump(listener);
  }

  #pump(listener: Listener): void {
    if (listener.isPumping) return;
    listener.isPumping = true;
    this.#catchUp(listener)
      .catch((error: unknown) => {
        if (!logDefect(this.#logger, 'the stream of changes', error)) {
          const reason = messageOf(error);
          this.#logger('warn', `A listener is cut off, because the changes cannot be read: ${reason}`);
        }
        listener.response.destroy();
      })
      .finally(() => {
        listener.isPumping = false;
      });
  }

  async #catchUp(listener: Listener): Promise<void> {
    const { response } = listener;
    while (this.#listeners.has(listener)) {
      const { changes, receiptNumber } = await this.#states.changesAfter(
        listener.receiptNumber,
        PAGE_CHANGES,
      );
      if (receiptNumber === listener.receiptNumber || !this.#listeners.has(listener)) return;
      listener.receiptNumber = receiptNumber;
      if (changes.length === 0) continue;
      const text = changes
        .map(
          (change) => `event: order\nid: ${change.receiptNumber}\ndata: ${JSON.stringify(change.state)}\n\n`,
        )
        .join('');
      if (!response.write(text)) await this.#drained(response);
    }
  }

  /** Resolves when the response can take more, or is closed. Closes it after `drainWithinMs`. */
  #drained(response: ServerResponse): Promise<void> {
    return new Promise((resolve) => {
      const tooLate = setTimeout(() => response.destroy(), this.#options.drainWithinMs);
      const done = () => {
        clearTimeout(tooLate);
        response.off('drain', done).off('close', done);
        resolve();
      };
      response.once('drain', done).once('close', done);
    });
  }
}
