import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { onTestFinished } from 'vitest';
import { type OrderMgt, type OrderMgtOptions, startOrderMgt } from '../../../src/apps/order-mgt/order-mgt.ts';
import type { OrderState } from '../../../src/apps/order-mgt/order-state.ts';
import { OpenApiDocument } from '../shared/http/openapi-document.ts';

export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into any body.
  readonly body: any;
}

/** An order-mgt for one test, over HTTP. Its folder is deleted when the test ends. */
export class TestOrderMgt {
  file: string;
  readonly logged: string[] = [];
  orderMgt: OrderMgt | null = null;
  #url = '';
  #document: Promise<OpenApiDocument> | null = null;

  constructor() {
    const folder = mkdtempSync(join(tmpdir(), 'tributary-order-mgt-'));
    this.file = join(folder, 'order-mgt.sqlite');
    onTestFinished(async () => {
      await this.orderMgt?.close();
      rmSync(folder, { recursive: true, force: true });
    });
  }

  async start(
    options: Partial<
      Pick<OrderMgtOptions, 'secret' | 'apiKeys' | 'ownKey' | 'host' | 'now' | 'deliveryBatchMax'>
    > = {},
  ): Promise<this> {
    this.#document = null;
    this.orderMgt = await startOrderMgt({
      databaseUrl: `sqlite:${this.file}`,
      host: '127.0.0.1',
      port: 0,
      secret: undefined,
      ...options,
      logger: (level, message) => this.logged.push(`${level}: ${message}`),
    });
    this.#url = this.orderMgt.url.replace('0.0.0.0', '127.0.0.1');
    return this;
  }

  /** Starts on the file of another order-mgt. */
  on(file: string): Promise<this> {
    this.file = file;
    return this.start();
  }

  get url(): string {
    return this.#url;
  }

  post(body: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    return this.#ask('POST', '/api/orders', headers, body);
  }

  postDeliveryBatch(body: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    return this.#ask('POST', '/api/orders/batch', headers, body);
  }

  get(path: string, headers: Record<string, string> = {}): Promise<Answer> {
    return this.#ask('GET', path, headers);
  }

  /** Sends a request. Its answer has to fit the program's own OpenAPI document. */
  async #ask(
    method: string,
    path: string,
    headers: Record<string, string> = {},
    body?: unknown,
  ): Promise<Answer> {
    const text = typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body);
    const all = method === 'POST' ? { 'content-type': 'application/json', ...headers } : headers;
    const answer = await send(this.#url, method, path, all, text);
    this.#document ??= send(this.#url, 'GET', '/openapi.json').then(({ body }) => new OpenApiDocument(body));
    (await this.#document).requireFit(method, path, answer);
    return answer;
  }

  order(orderId: string, query = '', headers: Record<string, string> = {}): Promise<Answer> {
    return this.get(`/api/orders/${encodeURIComponent(orderId)}${query}`, headers);
  }

  /** Changes the file behind the program's back. */
  change(sql: string): void {
    const database = new DatabaseSync(this.file);
    try {
      database.exec(sql);
    } finally {
      database.close();
    }
  }

  /** Reads the file behind the program's back. */
  query(sql: string): Record<string, unknown>[] {
    const database = new DatabaseSync(this.file, { readOnly: true });
    try {
      return database.prepare(sql).all() as Record<string, unknown>[];
    } finally {
      database.close();
    }
  }
}

/** Sends a request by `node:http`, because `fetch` would change a path with `..`. */
export function send(
  url: string,
  method: string,
  path: string,
  headers: Record<string, string> = {},
  body?: string | Buffer,
): Promise<Answer> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const sent = request({ hostname, port, method, path, headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        resolve({
          status: response.statusCode ?? 0,
          type: (response.headers['content-type'] ?? '').split(';', 1)[0] ?? '',
          headers: response.headers,
          body: text === '' ? null : JSON.parse(text),
        });
      });
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

export function newState(changes: Partial<OrderState> = {}): OrderState {
  return {
    order_id: 'order123',
    order_status: 'CREATED',
    payment_status: 'PAYMENT_AUTHORIZED',
    review_status: null,
    ready_to_send: true,
    version: 2,
    ...changes,
  };
}
