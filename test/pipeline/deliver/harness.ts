import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { onTestFinished } from 'vitest';
import { openHttpTarget } from '../../../src/adapters/http-delivery/index.ts';
import { openSqliteStore } from '../../../src/adapters/sqlite/index.ts';
import { entityWords } from '../../../src/core/entity-words.ts';
import { orders } from '../../../src/orders/index.ts';
import { Deliver, type DeliverOptions } from '../../../src/pipeline/deliver/deliver.ts';
import { DEFAULT_BREAKER } from '../../../src/pipeline/deliver/options.ts';
import type { Store } from '../../../src/ports/store.ts';
import { timeBy } from '../../adapters/sqlite/harness.ts';
import { migrateParcels, PARCELS, SettableClock, TARGET } from '../../contract/store/fixtures.ts';

export { commitChanges } from '../../contract/store/fixtures.ts';
export { TARGET };

export const WAITING = { timeout: 25_000, interval: 5 };

export interface Request {
  readonly id: string;
  readonly entityId: string;
  readonly version: number;
  readonly body: Readonly<Record<string, unknown>>;
  answer(status: number, headers?: Record<string, string>): void;
}

/** A target that answers as the test says, and remembers what it was sent, in the sequence of arrival. */
export class TargetServer {
  readonly requests: Request[] = [];
  /** The number of unanswered requests of each entity. */
  readonly open = new Map<string, number>();
  mostOpenAtOnce = 0;
  mostOpenOfOneEntity = 0;
  onRequest: (request: Request) => void = (request) => request.answer(200);
  readonly #server: Server;

  static async start(): Promise<TargetServer> {
    const server = new TargetServer();
    server.#server.listen(0, '127.0.0.1');
    await once(server.#server, 'listening');
    return server;
  }

  private constructor() {
    this.#server = createServer((incoming, response) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.on('end', () => {
        const body = JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown>;
        this.#take(String(incoming.headers['webhook-id']), body, response);
      });
    });
  }

  #take(id: string, body: Record<string, unknown>, response: ServerResponse): void {
    const entityId = String(body.parcel_id);
    const count = (this.open.get(entityId) ?? 0) + 1;
    this.open.set(entityId, count);
    this.mostOpenOfOneEntity = Math.max(this.mostOpenOfOneEntity, count);
    const all = [...this.open.values()].reduce((sum, one) => sum + one, 0);
    this.mostOpenAtOnce = Math.max(this.mostOpenAtOnce, all);
    response.on('close', () => this.open.set(entityId, (this.open.get(entityId) ?? 0) - 1));
    const request: Request = {
      id,
      entityId,
      version: Number(body.version),
      body,
      answer(status, headers = {}) {
        response.writeHead(status, headers).end();
      },
    };
    this.requests.push(request);
    this.onRequest(request);
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/parcels`;
  }

  versionsOf(entityId: string): number[] {
    return this.requests.filter((request) => request.entityId === entityId).map(({ version }) => version);
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** A clock whose random numbers are always one half. */
export class SteadyClock extends SettableClock {
  override random(): number {
    return 0.5;
  }
}

/** A store in a file, a target over HTTP, and loops between them, until the test ends. */
export class DeliveryPlace {
  readonly clock: SteadyClock;
  readonly target: TargetServer;
  readonly store: Store;
  readonly logged: string[] = [];
  readonly #file: string;
  readonly #closers: (() => Promise<void>)[] = [];

  static async make(): Promise<DeliveryPlace> {
    const folder = await mkdtemp(join(tmpdir(), 'tributary-deliver-'));
    const target = await TargetServer.start();
    const file = join(folder, 'parcels.sqlite');
    const clock = new SteadyClock();
    const opened = openSqliteStore({ file, clock, time: timeBy(clock), targets: [TARGET] });
    const place = new DeliveryPlace(file, target, clock, await migrateParcels(opened, clock));
    onTestFinished(async () => {
      for (let close = place.#closers.pop(); close !== undefined; close = place.#closers.pop()) await close();
      await target.close();
      await place.store.close();
      await rm(folder, { recursive: true, force: true });
    });
    return place;
  }

  private constructor(file: string, target: TargetServer, clock: SteadyClock, store: Store) {
    this.#file = file;
    this.target = target;
    this.clock = clock;
    this.store = store;
  }

  /** A loop that is not started yet. */
  deliver(options: Partial<DeliverOptions> = {}): Deliver {
    const target = openHttpTarget({
      name: TARGET,
      url: this.target.url,
      secrets: [],
      clock: this.clock,
      logger: () => undefined,
    });
    const deliver = new Deliver({
      words: entityWords(orders),
      view: PARCELS,
      target,
      store: this.store,
      clock: this.clock,
      logger: (level, message) => this.logged.push(`${level}: ${message}`),
      concurrency: 8,
      ratePerSecond: null,
      breaker: { ...DEFAULT_BREAKER, faults: 1_000, minimumCalls: 1_000 },
      leaseMs: 30_000,
      holdMs: 10_000,
      backoff: { baseMs: 1_000, capMs: 8_000 },
      maxAttempts: 4,
      pollMs: 5,
      stopGraceMs: 10_000,
      ...options,
    });
    this.#closers.push(async () => {
      await deliver.stop();
      await target.close();
    });
    return deliver;
  }

  start(options: Partial<DeliverOptions> = {}): Deliver {
    const deliver = this.deliver(options);
    deliver.start();
    return deliver;
  }

  read(entityId: string) {
    return this.store.readDelivery(TARGET, entityId);
  }

  /** The ledger's attempts at this entity: version, attempt and verdict of each. */
  attempts(entityId: string): unknown[][] {
    const database = new DatabaseSync(this.#file, { readOnly: true });
    try {
      return database
        .prepare(
          'SELECT version, attempt, verdict, entity_id FROM delivery_attempts ORDER BY version, attempt',
        )
        .all()
        .filter((row) => Buffer.from(row.entity_id as Uint8Array).toString() === entityId)
        .map((row) => [Number(row.version), Number(row.attempt), row.verdict]);
    } finally {
      database.close();
    }
  }
}
