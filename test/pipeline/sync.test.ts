import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { type EmbeddedLog, openEmbeddedLog } from '../../src/adapters/embedded-log/index.ts';
import { openHttpTarget } from '../../src/adapters/http-delivery/index.ts';
import { openSqliteStore } from '../../src/adapters/sqlite/index.ts';
import { systemClock } from '../../src/adapters/system-clock.ts';
import { TributaryError } from '../../src/core/errors.ts';
import { orders } from '../../src/orders/index.ts';
import { digestOf } from '../../src/pipeline/reconcile/comparison.ts';
import { Sync } from '../../src/pipeline/sync.ts';
import type { TargetRoute } from '../../src/pipeline/target-route.ts';
import type { EventLogConsumer, NewRecord } from '../../src/ports/event-log.ts';
import type { Store } from '../../src/ports/store.ts';
import type { HeldState, TargetHoldings } from '../../src/ports/target-holdings.ts';
import { quickClock, WAITING, wrap } from './ingest/harness.ts';

const TARGET = 'order-mgt';
type Body = Readonly<Record<string, unknown>>;
interface Overrides {
  readonly store?: Store;
  readonly log?: EmbeddedLog;
  readonly delivery?: { readonly enabled: boolean };
  readonly sweep?: TargetRoute['sweep'];
  readonly makeTopics?: () => Promise<void>;
  readonly onStoreReady?: () => void;
}

function created(orderId: string): NewRecord {
  return record('order_events', orderId, {
    eventType: 'ORDER',
    orderId,
    orderStatus: 'CREATED',
    timestamp: '2025-04-05T02:26:00Z',
  });
}

function paid(orderId: string, paymentStatus: string, minute: number): NewRecord {
  const timestamp = new Date(Date.UTC(2025, 3, 5, 3, minute)).toISOString();
  return record('payment_events', orderId, { eventType: 'PAYMENT', orderId, paymentStatus, timestamp });
}

function record(topic: string, key: string, body: object): NewRecord {
  return { topic, key: Buffer.from(key), value: Buffer.from(JSON.stringify(body)), headers: [] };
}

class SyncPlace {
  readonly file: string;
  readonly log: EmbeddedLog;
  readonly store: Store;
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
      await place.store.close();
      place.#server.closeAllConnections();
      place.#server.close();
      await rm(folder, { recursive: true, force: true });
    });
    return place;
  }

  private constructor(folder: string) {
    this.log = openEmbeddedLog({ dataDir: folder, clock: systemClock });
    this.file = join(folder, 'orders.sqlite');
    this.store = openSqliteStore({
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

  async makeTopics(): Promise<void> {
    await this.log.createTopics([
      { topic: 'order_events', partitions: 3 },
      { topic: 'payment_events', partitions: 2 },
    ]);
  }

  sync({ sweep, ...overrides }: Overrides = {}) {
    const target = openHttpTarget({
      name: TARGET,
      url: `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/api/orders`,
      secrets: [],
      clock: systemClock,
      log: () => undefined,
    });
    const sync = new Sync({
      domain: orders,
      log: this.log,
      store: this.store,
      targets: [{ target, qualifies: null, ...(sweep === undefined ? {} : { sweep }) }],
      clock: quickClock,
      logger: (level, message) => this.logged.push(`${level}: ${message}`),
      group: 'order-sync',
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

describe('the whole pipeline', () => {
  it('sends an order that was declined after it was sent again, not ready to send any more', async () => {
    const place = await SyncPlace.make();
    await place.makeTopics();
    const sync = place.sync();
    await sync.start();
    await place.append(paid('a', 'PAYMENT_AUTHORIZED', 1), created('a'));
    await vi.waitFor(
      () => expect(place.newest('a')).toMatchObject({ ready_to_send: true, version: 2 }),
      WAITING,
    );
    await place.append(paid('a', 'AUTHORIZATION_REVIEW_DECLINED', 2));
    await vi.waitFor(
      () =>
        expect(place.newest('a')).toEqual({
          order_id: 'a',
          order_status: 'CREATED',
          payment_status: 'AUTHORIZATION_REVIEW_DECLINED',
          review_status: 'DECLINED',
          ready_to_send: false,
          version: 3,
        }),
      WAITING,
    );
    await vi.waitFor(
      async () => expect(await place.store.counts()).toMatchObject({ deliveriesPending: 0 }),
      WAITING,
    );
    await place.append(paid('a', 'PAYMENT_AUTHORIZED', 0), created('b'), paid('b', 'PAYMENT_AUTHORIZED', 1));
    await vi.waitFor(() => expect(place.newest('b')).toBeDefined(), WAITING);
    expect((await place.store.readView(['a'])).get('a')?.version).toBe(4);
    // The late event raised the version and changed nothing else, so it was no news for the target.
    expect(place.newest('a')).toMatchObject({ version: 3 });
  });

  it('sends an order that was declined before it was ever attempted as it is: what was ready once is sent', async () => {
    const place = await SyncPlace.make();
    await place.makeTopics();
    const silent = place.sync({ delivery: { enabled: false } });
    await silent.start();
    await place.append(created('a'), paid('a', 'PAYMENT_AUTHORIZED', 1));
    await vi.waitFor(
      async () => expect(await place.store.counts()).toMatchObject({ deliveriesPending: 1 }),
      WAITING,
    );
    await place.append(
      paid('a', 'AUTHORIZATION_REVIEW_DECLINED', 2),
      created('b'),
      paid('b', 'PAYMENT_AUTHORIZED', 1),
    );
    await vi.waitFor(
      async () => expect(await place.store.counts()).toMatchObject({ journaledEvents: 5 }),
      WAITING,
    );
    await silent.stop();
    const sync = place.sync();
    await sync.start();
    await vi.waitFor(() => expect(place.newest('b')).toBeDefined(), WAITING);
    await vi.waitFor(
      () => expect(place.newest('a')).toMatchObject({ ready_to_send: false, version: 3 }),
      WAITING,
    );
  });

  it('says what it waits for until the topics are there, then runs', async () => {
    const place = await SyncPlace.make();
    const sync = place.sync();
    expect(await sync.health()).toMatchObject({ ok: false, reason: 'not started' });
    const started = sync.start();
    await vi.waitFor(
      async () =>
        expect(await sync.health()).toMatchObject({
          reason: expect.stringContaining('no topic order_events'),
        }),
      WAITING,
    );
    await place.makeTopics();
    await started;
    await place.append(created('a'), paid('a', 'PAYMENT_AUTHORIZED', 1));
    await vi.waitFor(() => expect(place.newest('a')).toMatchObject({ ready_to_send: true }), WAITING);
    await vi.waitFor(async () => expect(await sync.health()).toEqual({ ok: true }), WAITING);
  });

  it('delivers what is due while the log does not answer, and reads when it answers again', async () => {
    const place = await SyncPlace.make();
    await place.makeTopics();
    const silent = place.sync({ delivery: { enabled: false } });
    await silent.start();
    await place.append(created('a'), paid('a', 'PAYMENT_AUTHORIZED', 1));
    await vi.waitFor(
      async () => expect(await place.store.counts()).toMatchObject({ deliveriesPending: 1 }),
      WAITING,
    );
    await silent.stop();
    let isDown = true;
    const mayAnswer = () => {
      if (isDown) throw new TributaryError('log_unreachable', 'The log does not answer.');
    };
    const log = wrap(place.log, {
      describe: async (topics) => {
        mayAnswer();
        return place.log.describe(topics);
      },
      partitionCounts: async (topics) => {
        mayAnswer();
        return place.log.partitionCounts(topics);
      },
    });
    let isStoreReady = false;
    const sync = place.sync({
      log,
      onStoreReady: () => {
        isStoreReady = true;
      },
    });
    const started = sync.start();
    await vi.waitFor(() => expect(place.newest('a')).toMatchObject({ ready_to_send: true }), WAITING);
    expect(isStoreReady).toBe(true);
    expect(await sync.health()).toMatchObject({
      reason: 'The log does not answer.',
      summary: 'event log: not reachable',
    });
    isDown = false;
    await started;
    await place.append(created('b'), paid('b', 'PAYMENT_AUTHORIZED', 1));
    await vi.waitFor(() => expect(place.newest('b')).toMatchObject({ ready_to_send: true }), WAITING);
    await vi.waitFor(async () => expect(await sync.health()).toEqual({ ok: true }), WAITING);
  });

  it('tries to make its topics until that works', async () => {
    const place = await SyncPlace.make();
    let attempts = 0;
    const sync = place.sync({
      makeTopics: async () => {
        if (++attempts <= 2) throw new TributaryError('log_unreachable', 'The log does not answer.');
        await place.makeTopics();
      },
    });
    await sync.start();
    expect(attempts).toBe(3);
    await vi.waitFor(async () => expect(await sync.health()).toEqual({ ok: true }), WAITING);
  });

  it('tries to join its group until that works', async () => {
    const place = await SyncPlace.make();
    await place.makeTopics();
    let attempts = 0;
    const log = wrap(place.log, {
      consumer(options) {
        const consumer: EventLogConsumer = place.log.consumer(options);
        const start = consumer.start.bind(consumer);
        consumer.start = async (listener) => {
          await start(listener);
          // As if the group had answered too late: the consumer has been started, and the call fails.
          if (++attempts <= 2) throw new TributaryError('log_unreachable', 'The log does not answer.');
        };
        return consumer;
      },
    });
    const sync = place.sync({ log });
    await sync.start();
    await place.append(created('a'), paid('a', 'PAYMENT_AUTHORIZED', 1));
    await vi.waitFor(() => expect(place.newest('a')).toMatchObject({ ready_to_send: true }), WAITING);
    expect(attempts).toBe(3);
    await vi.waitFor(async () => expect(await sync.health()).toEqual({ ok: true }), WAITING);
  });

  it('is not healthy once its target wants no more deliveries, and says what the target answered', async () => {
    const place = await SyncPlace.make();
    await place.makeTopics();
    const sync = place.sync();
    await sync.start();
    await vi.waitFor(async () => expect(await sync.health()).toEqual({ ok: true }), WAITING);
    place.status = 410;
    await place.append(created('a'), paid('a', 'PAYMENT_AUTHORIZED', 1));
    await vi.waitFor(
      async () =>
        expect(await sync.health()).toMatchObject({
          ok: false,
          reason: expect.stringMatching(/order-mgt wants no more deliveries.* answered 410 Gone/),
        }),
      WAITING,
    );
  });

  it('sweeps its target: what that loses is delivered again, and the status says so', async () => {
    const place = await SyncPlace.make();
    await place.makeTopics();
    const sync = place.sync({ sweep: { holdings: place.holdings(), everyMs: 1_000, perSecond: 100 } });
    expect(sync.status().sweeps).toEqual({});
    await sync.start();
    await place.append(created('a'), paid('a', 'PAYMENT_AUTHORIZED', 1));
    await vi.waitFor(() => expect(place.newest('a')).toMatchObject({ version: 2 }), WAITING);
    const before = place.newest('a');
    await vi.waitFor(
      () =>
        expect(sync.status().sweeps[TARGET]).toMatchObject({
          everyMs: 1_000,
          last: { outcome: 'complete', compared: 1, inFlight: 0 },
        }),
      WAITING,
    );
    place.received.length = 0;
    await vi.waitFor(() => expect(place.newest('a')).toEqual(before), WAITING);
    await vi.waitFor(() => expect(place.logged.join()).toContain('it is delivered again'), WAITING);
    await sync.stop();
    const { last } = sync.status().sweeps[TARGET] ?? {};
    place.received.length = 0;
    await systemClock.sleep(1_500);
    expect(place.received).toEqual([]);
    expect(sync.status().sweeps[TARGET]).toMatchObject({ isUnderWay: false, last });
  });

  it('sweeps nothing where it delivers nothing', async () => {
    const place = await SyncPlace.make();
    await place.makeTopics();
    const sweep = { holdings: place.holdings(), everyMs: 1_000, perSecond: 100 };
    const sync = place.sync({ sweep, delivery: { enabled: false } });
    await sync.start();
    expect(sync.status().sweeps).toEqual({});
  });

  it('answers for its health within 5 s when the store does not, and says so', async () => {
    const place = await SyncPlace.make();
    await place.makeTopics();
    let isHanging = false;
    let asked = 0;
    const store = wrap(place.store, {
      health: async () => {
        if (!isHanging) return place.store.health();
        asked++;
        return new Promise<never>(() => {});
      },
    });
    const sync = place.sync({ store });
    await sync.start();
    await vi.waitFor(async () => expect(await sync.health()).toEqual({ ok: true }), WAITING);
    isHanging = true;
    const late = {
      ok: false,
      reason: 'The store has not answered for 5 s.',
      summary: 'database: not reachable',
    };
    expect(await sync.health()).toEqual(late);
    expect(await sync.health()).toEqual(late);
    expect(asked).toBe(1);
  });

  it('says in its health that claims of deliveries are not answered', async () => {
    const place = await SyncPlace.make();
    await place.makeTopics();
    let release = () => {};
    const isReleased = new Promise<void>((resolve) => {
      release = resolve;
    });
    const store = wrap(place.store, { claimDeliveries: () => isReleased.then(() => []) });
    const sync = place.sync({ store });
    await sync.start();
    await vi.waitFor(
      async () =>
        expect(await sync.health()).toMatchObject({
          reason: expect.stringMatching(
            /^Deliveries to order-mgt stand still: the store has not answered a claim/,
          ),
        }),
      WAITING,
    );
    release();
    await vi.waitFor(async () => expect(await sync.health()).toEqual({ ok: true }), WAITING);
  });

  it('gives up on what waiting cannot mend', async () => {
    const place = await SyncPlace.make();
    const refusal = new TributaryError('schema_too_new', 'The database is newer than this program.');
    const store = wrap(place.store, { migrate: () => Promise.reject(refusal) });
    await expect(place.sync({ store }).start()).rejects.toBe(refusal);
  });

  it('can be stopped while it waits, before it was started, and twice', async () => {
    const place = await SyncPlace.make();
    const waiting = place.sync();
    const started = waiting.start();
    await vi.waitFor(async () => expect(place.logged.join('\n')).toContain('Waiting'), WAITING);
    await Promise.all([waiting.stop(), waiting.stop()]);
    await started;
    await place.sync().stop();
  });

  it('makes a view that was dropped under it again, fills it from the journal, and delivers on', async () => {
    const place = await SyncPlace.make();
    await place.makeTopics();
    const sync = place.sync();
    await sync.start();
    await place.append(created('order1'), paid('order1', 'PAYMENT_AUTHORIZED', 1), created('order2'));
    await vi.waitFor(() => expect(place.received).toHaveLength(1), WAITING);

    const database = new DatabaseSync(place.file, { timeout: 1_000 });
    database.exec('DROP TABLE orders');
    database.close();
    await place.append(paid('order2', 'PAYMENT_AUTHORIZED', 2));

    await vi.waitFor(() => expect(place.received).toHaveLength(2), WAITING);
    await vi.waitFor(
      async () =>
        expect(await place.store.readView(['order1', 'order2'])).toEqual(
          new Map(
            ['order1', 'order2'].map((id) => [
              id,
              { row: ['CREATED', 'PAYMENT_AUTHORIZED', null, true], version: 2 },
            ]),
          ),
        ),
      WAITING,
    );
    expect(place.received[1]).toMatchObject({ order_id: 'order2', version: 2 });
    expect(place.logged).toContain(
      'warn: The table orders was missing: it was made anew, and its rows are made from the journal.',
    );
    await vi.waitFor(async () => expect(await sync.health()).toEqual({ ok: true }), WAITING);
    await sync.stop();
  });
});
