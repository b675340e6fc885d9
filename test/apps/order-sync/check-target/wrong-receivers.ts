import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import { isSigned } from '../../../../examples/receiver/signature.ts';

export const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

interface State {
  readonly order_id: string;
  readonly version: number;
  readonly [name: string]: unknown;
}

interface Result {
  readonly status: number;
  readonly version?: number;
  readonly duplicate?: boolean;
  readonly ignored?: boolean;
}

interface Delivery {
  readonly id: string;
  readonly state: State;
}

/**
 * A target in memory that does everything as the contract says, batches, list and digest included. A wrong one
 * overrides one of its methods, or a few: each method is one promise that can be broken.
 */
export class Receiver {
  readonly orders = new Map<string, State>();
  readonly #payloads = new Map<string, string>();
  /** How often a state was written, by order: what a read side of another make might show. */
  readonly effects = new Map<string, number>();
  announcement: string | null = '500;path="/api/orders/batch"';

  isTrusted(request: IncomingMessage, body: Buffer): boolean {
    return isSigned(SECRET, request.headers, body);
  }

  parse(body: Buffer): unknown {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  }

  /** Under which id the order is kept, and looked for. */
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

/** Every target that is wrong in one way, and the codes of the faults that have to be found, and no others. */
export const WRONG_RECEIVERS: readonly (readonly [
  what: string,
  make: () => Receiver,
  codes: readonly string[],
])[] = [
  [
    'accepts any signature',
    () =>
      new (class extends Receiver {
        override isTrusted({ headers }: IncomingMessage) {
          const ageSeconds = Math.abs(Date.now() / 1_000 - Number(headers['webhook-timestamp']));
          return headers['webhook-signature'] !== undefined && ageSeconds < 300;
        }
      })(),
    ['signature_wrong_accepted'],
  ],
  [
    'verifies only what is signed',
    () =>
      new (class extends Receiver {
        override isTrusted(request: IncomingMessage, body: Buffer) {
          return request.headers['webhook-signature'] === undefined || super.isTrusted(request, body);
        }
      })(),
    ['signature_missing_accepted'],
  ],
  [
    'ignores the timestamp',
    () =>
      new (class extends Receiver {
        override isTrusted(request: IncomingMessage, body: Buffer) {
          const now = Date.now;
          Date.now = () => Number(request.headers['webhook-timestamp']) * 1_000;
          try {
            return super.isTrusted(request, body);
          } finally {
            Date.now = now;
          }
        }
      })(),
    ['timestamp_old_accepted', 'timestamp_future_accepted'],
  ],
  [
    'looks at the first signature only',
    () =>
      new (class extends Receiver {
        override isTrusted(request: IncomingMessage, body: Buffer) {
          const first = String(request.headers['webhook-signature']).split(' ')[0] ?? '';
          return isSigned(SECRET, { ...request.headers, 'webhook-signature': first }, body);
        }
      })(),
    ['signature_rotation_refused'],
  ],
  [
    'applies duplicates twice',
    () =>
      new (class extends Receiver {
        override async onDuplicate(state: State) {
          const key = this.keyOf(state.order_id);
          this.effects.set(key, (this.effects.get(key) ?? 0) + 1);
          return this.receipt(state, { ignored: false, duplicate: true });
        }
        override shown(state: State) {
          return { ...super.shown(state), effects: this.effects.get(this.keyOf(state.order_id)) };
        }
        // The count is no part of the row.
        override digest(rows: readonly State[]) {
          return new Receiver().digest(rows);
        }
      })(),
    ['duplicate_applied_twice'],
  ],
  [
    'writes a duplicate over what is newer',
    () =>
      new (class extends Receiver {
        override async onDuplicate(state: State) {
          this.orders.set(this.keyOf(state.order_id), state);
          return this.receipt(state, { ignored: false, duplicate: true });
        }
      })(),
    ['duplicate_undid_newer'],
  ],
  [
    'keeps no payload beside the id',
    () =>
      new (class extends Receiver {
        override onOtherPayload() {
          return { status: 200, duplicate: true };
        }
      })(),
    ['payload_change_accepted'],
  ],
  [
    'lets older versions win',
    () =>
      new (class extends Receiver {
        override applies() {
          return true;
        }
      })(),
    ['older_version_won'],
  ],
  [
    'lets equal versions win',
    () =>
      new (class extends Receiver {
        override applies(held: State | undefined, state: State) {
          return held === undefined || state.version >= held.version;
        }
      })(),
    ['equal_version_won'],
  ],
  [
    'looks first and writes later',
    () =>
      new (class extends Receiver {
        override async store(state: State) {
          const key = this.keyOf(state.order_id);
          const isApplied = this.applies(this.orders.get(key), state);
          await sleep(10);
          if (isApplied) this.orders.set(key, state);
          return isApplied;
        }
        override async onDuplicate(state: State) {
          await sleep(20);
          return super.onDuplicate(state);
        }
      })(),
    ['versions_at_once_lower_won'],
  ],
  [
    'answers before it stores',
    () =>
      new (class extends Receiver {
        override async store(state: State) {
          setTimeout(() => void super.store(state), 400);
          return true;
        }
      })(),
    ['stored_after_answer'],
  ],
  [
    'answers and stores nothing',
    () =>
      new (class extends Receiver {
        override async store() {
          return true;
        }
      })(),
    ['not_stored'],
  ],
  [
    'answers 500 to duplicates',
    () =>
      new (class extends Receiver {
        override async onDuplicate() {
          return { status: 500 };
        }
      })(),
    ['duplicate_fails'],
  ],
  [
    'answers 503 to duplicates',
    () =>
      new (class extends Receiver {
        override async onDuplicate() {
          return { status: 503 };
        }
        override answer(response: ServerResponse, status: number, body: object) {
          super.answer(response.setHeader('retry-after', '0'), status, body);
        }
      })(),
    ['throttled'],
  ],
  [
    'answers 409 to every duplicate',
    () =>
      new (class extends Receiver {
        override async onDuplicate() {
          return { status: 409 };
        }
      })(),
    ['duplicate_refused'],
  ],
  [
    'redirects',
    () =>
      new (class extends Receiver {
        override async onPost(_request: IncomingMessage, response: ServerResponse) {
          response.writeHead(308, { location: '/elsewhere' }).end();
        }
      })(),
    ['redirects'],
  ],
  [
    'folds the case of ids',
    () =>
      new (class extends Receiver {
        override keyOf(orderId: string) {
          return orderId.toLowerCase();
        }
      })(),
    ['ids_confused'],
  ],
  [
    'trims ids',
    () =>
      new (class extends Receiver {
        override keyOf(orderId: string) {
          return orderId.trim();
        }
      })(),
    ['ids_confused'],
  ],
  [
    'normalises ids',
    () =>
      new (class extends Receiver {
        override keyOf(orderId: string) {
          return orderId.normalize('NFC');
        }
      })(),
    ['ids_confused'],
  ],
  [
    'cuts ids to 191 characters',
    () =>
      new (class extends Receiver {
        override async store(state: State) {
          return super.store({ ...state, order_id: state.order_id.slice(0, 191) });
        }
      })(),
    ['id_changed'],
  ],
  [
    'refuses fields that it does not know',
    () =>
      new (class extends Receiver {
        override async receive(delivery: Delivery) {
          return 'note' in (delivery.state ?? {}) ? { status: 400 } : super.receive(delivery);
        }
      })(),
    ['extra_fields_refused'],
  ],
  [
    'answers 500 to garbage',
    () =>
      new (class extends Receiver {
        override async onPost(request: IncomingMessage, response: ServerResponse, body: Buffer) {
          if (!this.isTrusted(request, body) || isJson(body)) return super.onPost(request, response, body);
          response.writeHead(500).end();
        }
      })(),
    ['garbage_fails'],
  ],
  [
    'decodes leniently',
    () =>
      new (class extends Receiver {
        override parse(body: Buffer) {
          return JSON.parse(body.toString());
        }
      })(),
    ['garbage_accepted'],
  ],
  [
    'announces batches and answers 404 to them',
    () =>
      new (class extends Receiver {
        override async receiveBatch() {
          return { status: 404, results: [] };
        }
      })(),
    ['batch_refused'],
  ],
  [
    'announces batches on another host',
    () => Object.assign(new Receiver(), { announcement: '500;path="//elsewhere/batch"' }),
    ['batch_announcement_invalid'],
  ],
  [
    'answers the results of a batch out of sequence',
    () =>
      new (class extends Receiver {
        override async receiveBatch(deliveries: readonly Delivery[]) {
          const { results } = await super.receiveBatch(deliveries);
          return { status: 200, results: results.reverse() };
        }
      })(),
    ['batch_results_out_of_sequence'],
  ],
  [
    'lets one bad member fail its batch',
    () =>
      new (class extends Receiver {
        override async receiveBatch(deliveries: readonly Delivery[]) {
          const { results } = await super.receiveBatch(deliveries);
          const isGood = results.every((result) => (result as Result).status === 200);
          return { status: isGood ? 200 : 422, results };
        }
      })(),
    ['batch_member_spoils'],
  ],
  [
    'leaves out the results of duplicates',
    () =>
      new (class extends Receiver {
        override async receiveBatch(deliveries: readonly Delivery[]) {
          const { results } = await super.receiveBatch(deliveries);
          return { status: 200, results: results.filter((result) => (result as Result).duplicate !== true) };
        }
      })(),
    ['batch_results_missing'],
  ],
  [
    'verifies single states only',
    () =>
      new (class extends Receiver {
        override isTrusted(request: IncomingMessage, body: Buffer) {
          return request.url === '/api/orders/batch' || super.isTrusted(request, body);
        }
      })(),
    ['batch_signature_wrong_accepted'],
  ],
  [
    'lists in the sequence of UTF-16',
    () =>
      new (class extends Receiver {
        override rows() {
          return [...this.orders.values()].sort((a, b) =>
            a.order_id.toLowerCase() < b.order_id.toLowerCase() ? -1 : 1,
          );
        }
      })(),
    ['list_sequence_wrong'],
  ],
  [
    'leaves orders that are not ready out of the list',
    () =>
      new (class extends Receiver {
        override rows() {
          return super.rows().filter((row) => row.version !== 1);
        }
      })(),
    ['list_incomplete'],
  ],
  [
    'computes the digest without the version',
    () =>
      new (class extends Receiver {
        override digest(rows: readonly State[]) {
          return super.digest(rows.map((row) => ({ ...row, version: 0 })));
        }
      })(),
    ['digest_wrong'],
  ],
  [
    'hangs',
    () =>
      new (class extends Receiver {
        override async onPost() {}
      })(),
    ['no_answer_in_time'],
  ],
  [
    'cuts the connection at garbage',
    () =>
      new (class extends Receiver {
        override async onPost(request: IncomingMessage, response: ServerResponse, body: Buffer) {
          if (isJson(body)) return super.onPost(request, response, body);
          request.socket.destroy();
        }
      })(),
    ['connection_broken'],
  ],
  [
    'cannot take a state at all',
    () =>
      new (class extends Receiver {
        override async receive() {
          return { status: 500 };
        }
      })(),
    ['state_refused'],
  ],
  [
    'keeps no review status',
    () =>
      new (class extends Receiver {
        override shown(state: State) {
          return super.shown({ ...state, order_status: null });
        }
      })(),
    ['state_differs'],
  ],
  [
    'stores first and verifies then',
    () =>
      new (class extends Receiver {
        override async onPost(request: IncomingMessage, response: ServerResponse, body: Buffer) {
          if (!this.isTrusted(request, body)) await this.store(JSON.parse(body.toString()));
          return super.onPost(request, response, body);
        }
      })(),
    ['refused_but_stored'],
  ],
  [
    'answers 500 to what is not signed right',
    () =>
      new (class extends Receiver {
        override async onPost(request: IncomingMessage, response: ServerResponse, body: Buffer) {
          if (this.isTrusted(request, body)) return super.onPost(request, response, body);
          response.writeHead(500).end();
        }
      })(),
    ['refusal_fails'],
  ],
  [
    'verifies something else than the body as it came',
    () =>
      new (class extends Receiver {
        override isTrusted(request: IncomingMessage, body: Buffer) {
          const other = body.toString().replace('"ready_to_send":true', '"ready_to_send":false');
          return super.isTrusted(request, body) || super.isTrusted(request, Buffer.from(other));
        }
      })(),
    ['body_changed_accepted'],
  ],
  [
    'looks the id up first and inserts it later',
    () =>
      new (class extends Receiver {
        readonly #underWay = new Set<string>();
        override async receive(delivery: Delivery) {
          if (this.#underWay.has(delivery.id)) return { status: 500 };
          this.#underWay.add(delivery.id);
          await sleep(10);
          this.#underWay.delete(delivery.id);
          return super.receive(delivery);
        }
      })(),
    ['duplicates_at_once_fail'],
  ],
  [
    'answers 500 to another payload',
    () =>
      new (class extends Receiver {
        override onOtherPayload() {
          return { status: 500 };
        }
      })(),
    ['payload_change_fails'],
  ],
  [
    'refuses older versions',
    () =>
      new (class extends Receiver {
        override receipt(state: State, said: { ignored: boolean; duplicate: boolean }) {
          const held = this.orders.get(state.order_id)?.version ?? 0;
          return held > state.version && !said.duplicate ? { status: 409 } : super.receipt(state, said);
        }
      })(),
    ['older_version_refused'],
  ],
  [
    'refuses equal versions',
    () =>
      new (class extends Receiver {
        override receipt(state: State, said: { ignored: boolean; duplicate: boolean }) {
          const held = this.orders.get(state.order_id)?.version ?? 0;
          const isRefused = held === state.version && said.ignored;
          return isRefused ? { status: 400 } : super.receipt(state, said);
        }
      })(),
    ['equal_version_refused'],
  ],
  [
    'refuses a second request for the order that it works on',
    () =>
      new (class extends Receiver {
        readonly #locked = new Set<string>();
        override async store(state: State) {
          if (this.#locked.has(state.order_id)) throw new Error('deadlock');
          this.#locked.add(state.order_id);
          await sleep(10);
          this.#locked.delete(state.order_id);
          return super.store(state);
        }
        override async onDuplicate(state: State) {
          await sleep(20);
          return super.onDuplicate(state);
        }
      })(),
    ['versions_at_once_refused'],
  ],
  [
    'takes ids of letters only',
    () =>
      new (class extends Receiver {
        override async receive(delivery: Delivery) {
          const isPlain = /^[\w-]*$/.test(String(delivery.state?.order_id ?? '').trim());
          return isPlain ? super.receive(delivery) : { status: 400 };
        }
      })(),
    ['id_refused'],
  ],
  [
    'gives every delivery of a batch the same status',
    () =>
      new (class extends Receiver {
        override async receiveBatch(deliveries: readonly Delivery[]) {
          const { results } = await super.receiveBatch(deliveries);
          return { status: 200, results: results.map((result) => ({ ...result, status: 200 })) };
        }
      })(),
    ['batch_verdict_wrong'],
  ],
  [
    'stores the first of a batch only',
    () =>
      new (class extends Receiver {
        override async receiveBatch(deliveries: readonly Delivery[]) {
          await super.receiveBatch(deliveries.slice(0, 1));
          return { status: 200, results: deliveries.map(({ id }) => ({ id, status: 200 })) };
        }
      })(),
    ['batch_not_stored'],
  ],
  [
    'pays no heed to the limit of a page',
    () =>
      new (class extends Receiver {
        override page(after: string) {
          return super.page(after, 1_000);
        }
      })(),
    ['list_paging_wrong'],
  ],
  [
    'lists another state than it shows',
    () =>
      new (class extends Receiver {
        override page(after: string, limit: number) {
          const { rows, hasMore } = super.page(after, limit);
          return { rows: rows.map((row) => ({ ...row, version: row.version + 1 })), hasMore };
        }
      })(),
    ['list_rows_differ'],
  ],
];

/** What is to be seen, and breaks nothing. */
export const SLOPPY_RECEIVERS: typeof WRONG_RECEIVERS = [
  [
    'closes every connection',
    () =>
      new (class extends Receiver {
        override answer(response: ServerResponse, status: number, body: object) {
          super.answer(response.setHeader('connection', 'close'), status, body);
        }
      })(),
    ['connections_not_kept'],
  ],
  [
    'answers 409 to another payload',
    () =>
      new (class extends Receiver {
        override onOtherPayload() {
          return { status: 409 };
        }
      })(),
    ['payload_change_not_422'],
  ],
  [
    'answers with more than anybody reads',
    () =>
      new (class extends Receiver {
        override answer(response: ServerResponse, status: number, body: object) {
          super.answer(response, status, { ...body, padding: 'x'.repeat(70_000) });
        }
      })(),
    ['answer_too_large'],
  ],
  [
    'answers 400 to what is not signed right',
    () =>
      new (class extends Receiver {
        override async onPost(request: IncomingMessage, response: ServerResponse, body: Buffer) {
          if (this.isTrusted(request, body)) return super.onPost(request, response, body);
          response.writeHead(400).end();
        }
      })(),
    ['refusal_not_401'],
  ],
  [
    'takes the key in quotes only',
    () =>
      new (class extends Receiver {
        override async onPost(request: IncomingMessage, response: ServerResponse, body: Buffer) {
          const isQuoted = String(request.headers['idempotency-key']).startsWith('"');
          if (isQuoted) return super.onPost(request, response, body);
          response.writeHead(400).end();
        }
      })(),
    ['idempotency_key_bare_refused'],
  ],
  [
    'takes a key in quotes for another one',
    () =>
      new (class extends Receiver {
        override announcement = null;
        #key = '';
        override async onPost(request: IncomingMessage, response: ServerResponse, body: Buffer) {
          this.#key = String(request.headers['idempotency-key']);
          return super.onPost(request, response, body);
        }
        override receive({ state }: Delivery) {
          return super.receive({ id: this.#key, state });
        }
      })(),
    ['idempotency_key_form_counts'],
  ],
  [
    'is slow',
    () =>
      new (class extends Receiver {
        #isFirst = true;
        override async onPost(request: IncomingMessage, response: ServerResponse, body: Buffer) {
          if (this.#isFirst) await sleep(600);
          this.#isFirst = false;
          return super.onPost(request, response, body);
        }
      })(),
    ['answer_slow'],
  ],
  [
    'has a wrong clock',
    () =>
      new (class extends Receiver {
        override answer(response: ServerResponse, status: number, body: object) {
          response.setHeader('date', new Date(Date.now() + 120_000).toUTCString());
          super.answer(response, status, body);
        }
      })(),
    ['clock_differs'],
  ],
];

function isJson(body: Buffer): boolean {
  try {
    JSON.parse(body.toString());
    return true;
  } catch {
    return false;
  }
}

/** Starts it on a port of its own; it ends with the test. */
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
