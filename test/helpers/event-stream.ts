import { EventEmitter } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { expect, onTestFinished } from 'vitest';

export interface StreamEvent {
  readonly event: string;
  /** The last id that the client had then. */
  readonly id: string;
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into any data.
  readonly data: any;
}

/** A client of server-sent events. It keeps the events and the last id, as a browser does. */
export class StreamReader {
  readonly events: StreamEvent[] = [];
  readonly comments: string[] = [];
  lastId = '';
  #text = '';
  readonly #changed = new EventEmitter();
  readonly #response: IncomingMessage;

  /** Resolves once the response has begun. It ends with the test. */
  static async open(url: string, lastEventId?: string): Promise<StreamReader> {
    const headers = lastEventId === undefined ? {} : { 'last-event-id': lastEventId };
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      request(url, { headers, agent: false }, resolve).on('error', reject).end();
    });
    expect(response.headers['content-type']).toBe('text/event-stream');
    return new StreamReader(response);
  }

  private constructor(response: IncomingMessage) {
    this.#response = response;
    onTestFinished(() => this.leave());
    response.setEncoding('utf8');
    response.on('data', (chunk: string) => this.#take(chunk));
    response.on('error', () => {});
    response.on('close', () => this.#changed.emit('changed'));
  }

  leave(): void {
    this.#response.destroy();
  }

  get isEnded(): boolean {
    return this.#response.closed;
  }

  /** The data of the events with this name. */
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into any data.
  dataOf(event: string): any[] {
    return this.events.filter((each) => each.event === event).map(({ data }) => data);
  }

  async until(isSo: () => boolean): Promise<void> {
    while (!isSo()) await new Promise<void>((resolve) => this.#changed.once('changed', resolve));
  }

  #take(chunk: string): void {
    this.#text += chunk;
    const blocks = this.#text.split('\n\n');
    this.#text = blocks.pop() ?? '';
    for (const block of blocks) {
      if (block.startsWith(':')) this.comments.push(block);
      const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1];
      this.lastId = field('id') ?? this.lastId;
      const data = field('data');
      if (data !== undefined)
        this.events.push({ event: field('event') ?? '', id: this.lastId, data: JSON.parse(data) });
    }
    this.#changed.emit('changed');
  }
}
