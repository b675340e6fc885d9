import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import { isSigned } from '../../examples/receiver/signature.ts';

export const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

export interface State {
  readonly order_id: string;
  readonly version: number;
  readonly [name: string]: unknown;
}

export interface Result {
  readonly status: number;
  readonly version?: number;
  readonly duplicate?: boolean;
  readonly ignored?: boolean;
}

export interface Delivery {
  readonly id: string;
  readonly state: State;
}

/**
 * A target in memory that follows the contract, with delivery batches, list and digest. Each method keeps one promise. A wrong
 * target overrides one method or a few.
 */
export class Receiver {
  readonly orders = new Map<string, State>();
  readonly #payloads = new Map<string, string>();
  /** The number of writes of each order, which another read side might show. */
  readonly effects = new Map<string, number>();
  announcement: string | null = '500;path="/api/orders/batch"';

  isTrusted(request: IncomingMessage, body: Buffer): boolean {
    return isSigned(SECRET, request.headers, body);
  }

  parse(body: Buffer): unknown {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  }

  /** The key under which the order is kept and looked for. */
  keyOf(orderId: string): string {
    return orderId;
  }

  applies(held: State | undefined, state: State): boolean {
    return held === undefined || state.version > held.version;
  }

  async store(state: State): Promise<boolean> {
    const key = this.keyOf(state.order_id);
    if (!this.applies(this.orders.get(key), state)) return false;
    this.orders.set(key, state);
    this.effects.set(key, (this.effects.get(key) ?? 0) + 1);
    return true;
  }

  async receive({ id, state }: Delivery): Promise<Result> {
    const { order_id, order_status, payment_status, review_status, ready_to_send, version } = state ?? {};
    if (typeof order_id !== 'string' || typeof version !== 'number') return { status: 400 };
    const payload = JSON.stringify([
      order_id,
      order_status,
      payment_status,
      review_status,
      ready_to_send,
      version,
    ]);
    const known = this.#payloads.get(id);
    if (known !== undefined) return known === payload ? this.onDuplicate(state) : this.onOtherPayload();
    this.#payloads.set(id, payload);
    const isApplied = await this.store(state);
    return this.receipt(state, { ignored: !isApplied, duplicate: false });
  }

  async onDuplicate(state: State): Promise<Result> {
    return this.receipt(state, { ignored: false, duplicate: true });
  }

  onOtherPayload(): Result {
    return { status: 422 };
  }

  receipt(state: State, said: { ignored: boolean; duplicate: boolean }): Result {
    return { status: 200, version: this.orders.get(this.keyOf(state.order_id))?.version ?? 0, ...said };
  }

  async receiveBatch(deliveries: readonly Delivery[]): Promise<{ status: number; results: object[] }> {
    const results: object[] = [];
    for (const delivery of deliveries) results.push({ id: delivery.id, ...(await this.receive(delivery)) });
    return { status: 200, results };
  }

  rows(): State[] {
    return [...this.orders.values()].sort((a, b) =>
      Buffer.compare(Buffer.from(a.order_id), Buffer.from(b.order_id)),
    );
  }

  shown(state: State): object {
    const { order_id, order_status, payment_status, review_status, ready_to_send, version } = state;
    return { order_id, order_status, payment_status, review_status, ready_to_send, version };
  }

  page(after: string, limit: number): { rows: State[]; hasMore: boolean } {
    const from = Buffer.from(after, 'base64url');
    const rest = this.rows().filter((row) => Buffer.compare(Buffer.from(row.order_id), from) > 0);
    return { rows: rest.slice(0, limit), hasMore: rest.length > limit };
  }

  digest(rows: readonly State[]): string {
    const lines = rows.map((row) => `${JSON.stringify(Object.values(this.shown(row)))}\n`);
    return createHash('sha256').update(lines.join('')).digest('hex');
  }

  async onPost(request: IncomingMessage, response: ServerResponse, body: Buffer): Promise<void> {
    if (!this.isTrusted(request, body)) {
      response.writeHead(401).end();
      return;
    }
    let json: unknown;
    try {
      json = this.parse(body);
    } catch {
      response.writeHead(400).end();
      return;
    }
    const isBatch = request.url === '/api/orders/batch';
    const { status, ...answer } = isBatch
      ? await this.receiveBatch((json as { deliveries: Delivery[] }).deliveries)
      : await this.receive({ id: String(request.headers['webhook-id']), state: json as State });
    if (this.announcement !== null) response.setHeader('webhook-batch', this.announcement);
    this.answer(response, status, answer);
  }

  answer(response: ServerResponse, status: number, body: object): void {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  }

  onGet(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? '', 'http://receiver');
    const segment = url.pathname.split('/')[3];
    const limit = Number(url.searchParams.get('limit') ?? 50);
    const { rows, hasMore } = this.page(url.searchParams.get('after') ?? '', limit);
    const last = rows.at(-1)?.order_id ?? null;
    const next = last === null || !hasMore ? null : Buffer.from(last).toString('base64url');
    const page = { next, hasMore };
    if (segment === undefined) {
      this.answer(response, 200, { data: rows.map((row) => this.shown(row)), page });
    } else if (segment === 'digest') {
      this.answer(response, 200, { count: rows.length, last, digest: this.digest(rows), page });
    } else {
      const held = this.orders.get(this.keyOf(decodeURIComponent(segment)));
      if (held === undefined) response.writeHead(404).end();
      else this.answer(response, 200, this.shown(held));
    }
  }

  async onRequest(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    if (request.method === 'GET') this.onGet(request, response);
    else await this.onPost(request, response, Buffer.concat(chunks));
  }
}

export function isJson(body: Buffer): boolean {
  try {
    JSON.parse(body.toString());
    return true;
  } catch {
    return false;
  }
}

/** A wrong receiver: its fault, a function that makes it, and the codes of the faults that have to be found. */
export type FaultyReceiver = readonly [what: string, make: () => Receiver, codes: readonly string[]];

/** Starts the receiver on a free port. It ends with the test. */
export async function startReceiver(receiver: Receiver): Promise<URL> {
  const server = createServer((request, response) => {
    receiver.onRequest(request, response).catch(() => response.writeHead(500).end());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/api/orders`);
}
