import { asForOrders } from './order-ids.ts';
import { ProblemError } from './problem.ts';
import { StreamParser } from './stream-parser.ts';
import type { Changes, DeliveryWithAttempts, Note, Status } from './types.ts';

/**
 * How the page follows order-sync:
 *
 *   connecting --an answer--> live --the connection ends, or is silent--> waiting --a pause--> connecting
 *   connecting --404: no such route--> polling, for good
 *   any of them --pause--> paused --resume--> connecting, behind the last message that was read
 */
export type LiveState = 'connecting' | 'live' | 'waiting' | 'polling' | 'paused';

/** A delivery without its attempts. */
export type LiveDelivery = Omit<DeliveryWithAttempts, 'attemptLog'>;

export type LiveMessage =
  | { readonly kind: 'status'; readonly status: Status }
  | { readonly kind: 'changes'; readonly changes: Changes }
  | { readonly kind: 'delivery'; readonly delivery: LiveDelivery }
  /** The stream begins now, for the first time: what was read a moment before may be older. */
  | { readonly kind: 'begin' }
  /** Messages may be missing: everything that is shown has to be read again. */
  | { readonly kind: 'reset' };

/** The server writes at least a comment line every 15 s. */
const SILENCE_MS = 40_000;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15_000;
/** Subscribers that come in the same moment share one new connection. */
const SETTLE_MS = 60;
const ORDERS_MAX = 20;

/** Sends a request with the key of the tab. Rejects with a ProblemError for every answer but 2xx. */
export type Send = (path: string, init: RequestInit) => Promise<Response>;

/** The one connection of the page to the stream of changes. */
export class LiveStream {
  readonly #send: Send;
  #state: LiveState = 'connecting';
  #problem: string | null = null;
  #lastId: string | null = null;
  #connection: AbortController | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #failures = 0;
  readonly #orders = new Map<string, number>();
  readonly #listeners = new Set<(message: LiveMessage) => void>();
  readonly #watchers = new Set<() => void>();

  constructor(send: Send) {
    this.#send = send;
  }

  readonly state = (): LiveState => this.#state;

  /** Why no changes come although the connection stands; null if they come. */
  readonly problem = (): string | null => this.#problem;

  readonly onState = (watcher: () => void): (() => void) => {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  };

  subscribe(listener: (message: LiveMessage) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** While somebody watches orders, the stream has every event of these and their deliveries, and no event of others. */
  watchOrder(id: string): () => void {
    this.#orders.set(id, (this.#orders.get(id) ?? 0) + 1);
    this.#connectSoon();
    return () => {
      const watching = (this.#orders.get(id) ?? 1) - 1;
      if (watching === 0) this.#orders.delete(id);
      else this.#orders.set(id, watching);
      this.#connectSoon();
    };
  }

  start(): void {
    this.#connectSoon();
  }

  pause(): void {
    this.#disconnect();
    this.#change('paused');
  }

  resume(): void {
    if (this.#state !== 'paused') return;
    this.#failures = 0;
    this.#change('connecting');
    this.#connectSoon();
  }

  /** Connects anew, as after another key was entered. */
  restart(): void {
    if (this.#state === 'paused') return;
    this.#lastId = null;
    this.#failures = 0;
    this.#change('connecting');
    this.#connectSoon();
  }

  #connectSoon(): void {
    if (this.#state === 'paused' || this.#state === 'polling') return;
    this.#disconnect();
    this.#timer = setTimeout(() => void this.#connect(), SETTLE_MS);
  }

  #disconnect(): void {
    clearTimeout(this.#timer);
    this.#connection?.abort();
    this.#connection = null;
  }

  async #connect(): Promise<void> {
    const connection = new AbortController();
    this.#connection = connection;
    try {
      await this.#follow(connection);
      this.#retry(connection, null);
    } catch (error) {
      this.#retry(connection, error);
    }
  }

  async #follow(connection: AbortController): Promise<void> {
    const orders = [...this.#orders.keys()].slice(0, ORDERS_MAX);
    const query = orders.map((id) => `order=${encodeURIComponent(id)}`).join('&');
    const isFirst = this.#lastId === null;
    const answer = await this.#send(`/api/v1/stream${query === '' ? '' : `?${query}`}`, {
      signal: connection.signal,
      headers: {
        accept: 'text/event-stream',
        ...(this.#lastId === null ? {} : { 'last-event-id': this.#lastId }),
      },
    });
    if (answer.body === null) return;
    // Without a position nothing says what happened while the page was not connected.
    if (isFirst) this.#tell({ kind: this.#failures > 0 ? 'reset' : 'begin' });
    this.#failures = 0;
    this.#change('live');
    await this.#read(answer.body, connection);
  }

  async #read(body: ReadableStream<Uint8Array>, connection: AbortController): Promise<void> {
    const parser = new StreamParser();
    const decoder = new TextDecoder();
    const reader = body.getReader();
    for (;;) {
      const silence = setTimeout(() => connection.abort(), SILENCE_MS);
      const { done, value } = await reader.read().finally(() => clearTimeout(silence));
      if (done) return;
      for (const { event, data } of parser.feed(decoder.decode(value, { stream: true }))) {
        if (this.#connection !== connection) return;
        this.#receive(event, data);
      }
      if (this.#connection !== connection) return;
      this.#lastId = parser.lastId ?? this.#lastId;
    }
  }

  #receive(event: string, data: string): void {
    if (event === 'status') this.#tell({ kind: 'status', status: JSON.parse(data) as Status });
    else if (event === 'changes')
      this.#tell({ kind: 'changes', changes: asForOrders(JSON.parse(data) as Changes) });
    else if (event === 'delivery')
      this.#tell({ kind: 'delivery', delivery: JSON.parse(data) as LiveDelivery });
    else if (event === 'note') this.#note(JSON.parse(data) as Note);
    else if (event === 'reset') this.#tell({ kind: 'reset' });
  }

  #note({ problem }: Note): void {
    this.#problem = problem;
    for (const watcher of this.#watchers) watcher();
  }

  #retry(connection: AbortController, error: unknown): void {
    // Another connection has taken its place, or the page is paused.
    if (this.#connection !== connection) return;
    this.#connection = null;
    if (error instanceof ProblemError && error.status === 404) {
      this.#change('polling');
      return;
    }
    this.#failures++;
    this.#change('waiting');
    // Without a key that the server takes, only `restart` helps.
    if (error instanceof ProblemError && error.status === 401) return;
    const longest = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (this.#failures - 1));
    const asked = error instanceof ProblemError ? (error.retryAfterSeconds ?? 0) * 1_000 : 0;
    this.#timer = setTimeout(
      () => void this.#connect(),
      Math.max(asked, longest * (0.5 + Math.random() / 2)),
    );
  }

  #change(state: LiveState): void {
    if (this.#state === state) return;
    this.#state = state;
    this.#problem = null;
    for (const watcher of this.#watchers) watcher();
  }

  #tell(message: LiveMessage): void {
    for (const listener of [...this.#listeners]) listener(message);
  }
}
