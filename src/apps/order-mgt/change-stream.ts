import type { ServerResponse } from 'node:http';
import { logDefect, messageOf } from '../../core/errors.ts';
import type { Logger } from '../../ports/logger.ts';
import type { OrderStates } from './states.ts';

export interface ChangeStreamOptions {
  readonly listenersMax?: number;
  /** So often a comment goes out, by which proxies and clients see that the stream lives. */
  readonly commentEveryMs?: number;
  /** A listener that has not taken one page after this time is cut off. */
  readonly drainWithinMs?: number;
}

const LISTENERS_MAX = 64;
const COMMENT_EVERY_MS = 15_000;
const DRAIN_WITHIN_MS = 30_000;
/** One page is the most that is buffered for a listener: some 100 KiB. */
const PAGE_CHANGES = 250;
/** Commits that follow each other so closely are read together. */
const GATHER_MS = 20;
/** What another process commits to the same database is seen at the next look, so far apart. */
const LOOK_EVERY_MS = 250;

interface Listener {
  readonly response: ServerResponse;
  /** The last change that was written to the response. */
  position: number;
  isPumping: boolean;
}

/**
 * Server-sent events: the changes of orders, to whoever listens.
 *
 * A listener is a position in the sequence of changes, and what comes after it is read from the store when
 * there is something new and the last page has left: nothing is queued for anybody, and nothing is kept about
 * listeners that come back. While nobody listens, a change costs nothing here.
 *
 *     catching up --a page that is not full--> waiting --wake, look--> catching up
 *     catching up --connection full--> draining --drained--> catching up | --too late--> cut off
 *
 * Source: WHATWG HTML, "Server-sent events".
 */
export class ChangeStream {
  readonly #states: OrderStates;
  readonly #log: Logger;
  readonly #options: Required<ChangeStreamOptions>;
  readonly #listeners = new Set<Listener>();
  #timers: NodeJS.Timeout[] = [];
  #gathering: NodeJS.Timeout | null = null;
  #isClosed = false;

  constructor(states: OrderStates, log: Logger, options: ChangeStreamOptions = {}) {
    this.#states = states;
    this.#log = log;
    this.#options = {
      listenersMax: options.listenersMax ?? LISTENERS_MAX,
      commentEveryMs: options.commentEveryMs ?? COMMENT_EVERY_MS,
      drainWithinMs: options.drainWithinMs ?? DRAIN_WITHIN_MS,
    };
  }

  /** Whether nobody else may listen. */
  get isFull(): boolean {
    return this.#listeners.size >= this.#options.listenersMax;
  }

  /**
   * Writes every change after the position to the response, until it is closed or cut off; null listens from
   * `last` on, the store's last position. A position beyond that is of a database that was since restored: then
   * everything is written again, because nobody knows what has been missed.
   */
  open(response: ServerResponse, after: number | null, last: number): void {
    const position = after === null ? last : after > last ? 0 : after;
    const listener: Listener = { response, position, isPumping: false };
    response.writeHead(200, {
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    });
    // An event without data is not shown to anybody, but its id is kept: so a client that saw no change resumes here.
    response.write(`retry: 1000\nid: ${position}\n\n`);
    response.once('close', () => this.#remove(listener));
    if (response.destroyed) return;
    this.#listeners.add(listener);
    if (this.#listeners.size === 1) this.#startTimers();
    if (this.#isClosed) response.end();
    else this.#pump(listener);
  }

  /** Tells that something was committed. */
  wake(): void {
    if (this.#listeners.size === 0) return;
    this.#gathering ??= setTimeout(() => {
      this.#gathering = null;
      this.#pumpAll();
    }, GATHER_MS);
  }

  /** Ends every stream; the listeners come back with the id that they have. */
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
        if (!logDefect(this.#log, 'the stream of changes', error))
          this.#log('warn', `A listener is cut off, because the changes cannot be read: ${messageOf(error)}`);
        listener.response.destroy();
      })
      .finally(() => {
        listener.isPumping = false;
      });
  }

  async #catchUp(listener: Listener): Promise<void> {
    const { response } = listener;
    while (this.#listeners.has(listener)) {
      const { changes, position } = await this.#states.changesAfter(listener.position, PAGE_CHANGES);
      if (position === listener.position || !this.#listeners.has(listener)) return;
      listener.position = position;
      if (changes.length === 0) continue;
      const text = changes
        .map((change) => `event: order\nid: ${change.position}\ndata: ${JSON.stringify(change.state)}\n\n`)
        .join('');
      if (!response.write(text)) await this.#drained(response);
    }
  }

  /** Resolves when the response can take more, or is closed, which it is if that takes too long. */
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
