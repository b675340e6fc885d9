import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { type EmbeddedLog, openEmbeddedLog } from '../../src/adapters/embedded-log/index.ts';
import { openHttpTarget } from '../../src/adapters/http-delivery/index.ts';
import { openSqliteStore } from '../../src/adapters/sqlite/index.ts';
import { systemClock } from '../../src/adapters/system-clock.ts';
import { orders } from '../../src/orders/index.ts';
import { digestOf } from '../../src/pipeline/reconcile/comparison.ts';
import { Sync } from '../../src/pipeline/sync.ts';
import type { SyncOptions } from '../../src/pipeline/sync-options.ts';
import type { TargetRoute } from '../../src/pipeline/target-route.ts';
import type { NewRecord } from '../../src/ports/event-log.ts';
import type { OpenedStore, Store } from '../../src/ports/store.ts';
import type { HeldState, TargetHoldings } from '../../src/ports/target-holdings.ts';
import { quickClock } from './ingest/harness.ts';

export const TARGET = 'order-mgt';
type Body = Readonly<Record<string, unknown>>;
interface Overrides {
  readonly store?: OpenedStore;
  readonly log?: EmbeddedLog;
  readonly delivery?: NonNullable<SyncOptions<unknown, unknown>['delivery']>;
  readonly ingest?: NonNullable<SyncOptions<unknown, unknown>['ingest']>;
  readonly sweep?: TargetRoute['sweep'];
  readonly makeTopics?: () => Promise<void>;
  readonly onStoreReady?: (store: Store) => void;
}

export function created(orderId: string): NewRecord {
  return record('order_events', orderId, {
    eventType: 'ORDER',
    orderId,
    orderStatus: 'CREATED',
    timestamp: '2025-04-05T02:26:00Z',
  });
}

export function paid(orderId: string, paymentStatus: string, minute: number): NewRecord {
  const timestamp = new Date(Date.UTC(2025, 3, 5, 3, minute)).toISOString();
  return record('payment_events', orderId, { eventType: 'PAYMENT', orderId, paymentStatus, timestamp });
}

function record(topic: string, key: string, body: object): NewRecord {
  return { topic, key: Buffer.from(key), value: Buffer.from(JSON.stringify(body)), headers: [] };
}

/** A log and a store in a folder of their own, and a target that takes down what it is sent. */
export class SyncPlace {
  readonly file: string;
  readonly log: EmbeddedLog;
  readonly opened: OpenedStore;
  #store: Store | undefined;
  readonly received: Body[] = [];
  /** What the target answers. */
  status = 200;
  readonly logged: string[] = [];
  readonly #server: Server;
  readonly #closers: (() => Promise<void>)[] = [];

  static async make(): Promise<SyncPlace> {
    const folder = await mkdtemp(join(tmpdir(), 'tributary-sync-'));
    const place = new SyncPlace(folder);
    await new Promise<void>((resolve) => place.#server.listen(0, '127.0.0.1', resolve));
    onTestFinished(async () => {
      for (let close = place.#closers.pop(); close !== undefined; close = place.#closers.pop()) await close();
      await place.log.close();
      await place.opened.close();
      place.#server.closeAllConnections();
      place.#server.close();
      await rm(folder, { recursive: true, force: true });
    });
    return place;
  }

  private constructor(folder: string) {
    this.log = openEmbeddedLog({ dataDir: folder, clock: systemClock });
    this.file = join(folder, 'orders.sqlite');
    this.opened = openSqliteStore({
      file: this.file,
      clock: systemClock,
      targets: [TARGET],
    });
    this.#server = createServer((incoming, response) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.on('end', () => {
        this.received.push(JSON.parse(Buffer.concat(chunks).toString()) as Body);
        response.writeHead(this.status).end();
      });
    });
  }

  /** The store, once a pipeline of this place has migrated it. */
  get store(): Store {
    if (this.#store === undefined) throw new Error('No pipeline of this place has migrated the store yet.');
    return this.#store;
  }

  async makeTopics(): Promise<void> {
    await this.log.createTopics([
      { topic: 'order_events', partitions: 3 },
      { topic: 'payment_events', partitions: 2 },
    ]);
  }

  sync({ sweep, onStoreReady, ...overrides }: Overrides = {}) {
    const target = openHttpTarget({
      name: TARGET,
      url: `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/api/orders`,
      secrets: [],
      clock: systemClock,
      logger: () => undefined,
    });
    const sync = new Sync({
      domain: orders,
      log: this.log,
      store: this.opened,
      targets: [{ target, qualifies: null, ...(sweep === undefined ? {} : { sweep }) }],
      clock: quickClock,
      logger: (level, message) => this.logged.push(`${level}: ${message}`),
      group: 'order-sync',
      onStoreReady: (store) => {
        this.#store = store;
        onStoreReady?.(store);
      },
      ...overrides,
    });
    this.#closers.push(async () => {
      await sync.stop();
      await target.close();
    });
    return sync;
  }

  async append(...records: NewRecord[]): Promise<void> {
    const producer = this.log.producer();
    for (const one of records) await producer.append([one]);
    await producer.close();
  }

  /** What the target says that it holds: all that it got. */
  holdings(): TargetHoldings {
    const held = (): HeldState[] =>
      [...new Set(this.received.map((body) => String(body.order_id)))].sort().map((entityId) => {
        const body = this.newest(entityId) ?? {};
        const row = orders.view.columns.map(({ name }) => (body[name] ?? null) as string | boolean | null);
        return { entityId, version: Number(body.version), row };
      });
    return {
      page: async ({ after }) => ({
        states: held().filter(({ entityId }) => after === null || entityId > after),
        hasMore: false,
      }),
      digest: async ({ after, limit }) => {
        const states = held().filter(({ entityId }) => after === null || entityId > after);
        return { count: Math.min(limit, states.length), digest: digestOf(states.slice(0, limit)) };
      },
      close: async () => {},
    };
  }

  /** The newest body of the order that the target got. */
  newest(orderId: string): Body | undefined {
    return this.received
      .filter((body) => body.order_id === orderId)
      .sort((a, b) => Number(a.version) - Number(b.version))
      .at(-1);
  }
}
