/** Clients that listen to the stream of changes, as pages of the console do. */
import { request } from 'node:http';

export class Listeners {
  readonly #url: string;
  #requests: ReturnType<typeof request>[] = [];
  #listening = 0;
  #bytes = 0;
  #messages = 0;

  constructor(url: string) {
    this.#url = url;
  }

  /** The listeners that have got their first bytes. */
  get listening(): number {
    return this.#listening;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get messages(): number {
    return this.#messages;
  }

  async open(count: number): Promise<void> {
    for (let number = 0; number < count; number++) {
      const asked = request(this.#url, { agent: false, headers: { accept: 'text/event-stream' } });
      asked.on('response', (response) => {
        let isFirst = true;
        response.on('data', (chunk: Buffer) => {
          if (isFirst) this.#listening++;
          isFirst = false;
          this.#bytes += chunk.length;
          for (let at = chunk.indexOf('\n\n'); at >= 0; at = chunk.indexOf('\n\n', at + 2)) this.#messages++;
        });
        response.on('error', () => {});
      });
      asked.on('error', () => {});
      asked.end();
      this.#requests.push(asked);
    }
  }

  async close(): Promise<void> {
    for (const asked of this.#requests) asked.destroy();
    this.#requests = [];
    this.#listening = 0;
  }
}
