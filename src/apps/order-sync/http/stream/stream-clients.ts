import type { ServerResponse } from 'node:http';
import { ANY_ENTITY, type EntityWords } from '../../../../core/entity-words.ts';
import type { ChangeStream } from '../../../../pipeline/ask/stream/change-stream.ts';
import { frameOf } from './stream-frames.ts';

export interface StreamClientsOptions {
  /** How messages name the entities. Default: as entities. */
  readonly words?: EntityWords;
  readonly clientsMax?: number;
  /** The time between two comments, by which proxies and clients see that the stream lives. */
  readonly commentEveryMs?: number;
  /** A client with more unread bytes than this is cut off. */
  readonly unreadBytesMax?: number;
}

const CLIENTS_MAX = 500;
const COMMENT_EVERY_MS = 15_000;
const UNREAD_BYTES_MAX = 1024 * 1024;
/** When the server stops, a client that does not take the end of its response within this time is cut off. */
const END_WITHIN_MS = 500;
/** A client whose connection broke comes back after this time. */
const RETRY_MS = 1_000;

export const STREAM_RESPONSE_HEADERS = {
  'content-type': 'text/event-stream',
  'cache-control': 'no-store',
  // Has nginx pass each message on at once.
  'x-accel-buffering': 'no',
} as const;

const COMMENT = ': still here\n\n';

/** The connections that listen to the stream of changes. */
export class StreamClients {
  readonly #stream: Pick<ChangeStream, 'add' | 'remove'>;
  readonly #options: Required<StreamClientsOptions>;
  readonly #responses = new Set<ServerResponse>();
  #commenting: NodeJS.Timeout | null = null;
  #isClosed = false;

  constructor(stream: Pick<ChangeStream, 'add' | 'remove'>, options: StreamClientsOptions = {}) {
    this.#stream = stream;
    this.#options = {
      words: options.words ?? ANY_ENTITY,
      clientsMax: options.clientsMax ?? CLIENTS_MAX,
      commentEveryMs: options.commentEveryMs ?? COMMENT_EVERY_MS,
      unreadBytesMax: options.unreadBytesMax ?? UNREAD_BYTES_MAX,
    };
  }

  /** Whether the limit of clients is reached. */
  get isFull(): boolean {
    return this.#responses.size >= this.#options.clientsMax;
  }

  /** Whether the server stops. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Writes the messages to the response, until it is closed or cut off. */
  open(response: ServerResponse, entityIds: ReadonlySet<string>, position: string | null): void {
    response.writeHead(200, STREAM_RESPONSE_HEADERS);
    response.write(`retry: ${RETRY_MS}\n\n`);
    if (response.destroyed) return;
    const listener = {
      entityIds,
      position,
      send: (message: Parameters<typeof frameOf>[0]) =>
        this.#write(response, () => frameOf(message, this.#options.words)),
    };
    response.once('close', () => {
      this.#remove(response);
      this.#stream.remove(listener);
    });
    this.#responses.add(response);
    this.#commenting ??= setInterval(() => this.#comment(), this.#options.commentEveryMs);
    this.#stream.add(listener);
  }

  /** Ends every response, and lets no client in any more. Clients come back with the last id that they got. */
  close(): void {
    this.#isClosed = true;
    for (const response of this.#responses) {
      response.end();
      setTimeout(() => response.destroy(), END_WITHIN_MS).unref();
    }
  }

  #comment(): void {
    for (const response of this.#responses) this.#write(response, () => COMMENT);
  }

  #write(response: ServerResponse, chunk: () => Buffer | string): void {
    if (response.destroyed || response.writableEnded) return;
    if (response.writableLength > this.#options.unreadBytesMax) response.destroy();
    else response.write(chunk());
  }

  #remove(response: ServerResponse): void {
    this.#responses.delete(response);
    if (this.#responses.size > 0 || this.#commenting === null) return;
    clearInterval(this.#commenting);
    this.#commenting = null;
  }
}
