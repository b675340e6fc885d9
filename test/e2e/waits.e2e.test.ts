import { createConnection, type RowDataPacket } from 'mysql2/promise';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { openEmbeddedLog } from '../../src/adapters/embedded-log/index.ts';
import { systemClock } from '../../src/adapters/system-clock.ts';
import { createDatabase, services } from '../services/context.ts';
import { freePort } from '../services/index.ts';
import { addressOf, TcpProxy, through } from '../services/tcp-proxy.ts';
import { Program, testFolder, WAITING } from './programs.ts';

const TOPICS = [
  { topic: 'order_events', partitions: 2 },
  { topic: 'payment_events', partitions: 2 },
];

/** Makes an embedded log and a database behind a proxy, and starts order-syncs on them that do not deliver. */
async function setUp(serverUrl: string) {
  const folder = await testFolder();
  const log = openEmbeddedLog({ dataDir: folder, clock: systemClock });
  onTestFinished(() => log.close());
  await log.createTopics(TOPICS);
  const producer = log.producer();
  const database = await createDatabase(serverUrl);
  onTestFinished(() => database.drop());
  const proxy = await TcpProxy.start(addressOf(serverUrl));
  onTestFinished(() => proxy.close());
  let orders = 0;
  return {
    proxy,
    /** Publishes the creation of `count` new orders. */
    async publish(count: number) {
      const records = Array.from({ length: count }, () => {
        const orderId = `order ${++orders}`;
        const body = {
          eventType: 'ORDER',
          orderId,
          orderStatus: 'CREATED',
          timestamp: '2025-04-05T02:26:00Z',
        };
        return {
          topic: 'order_events',
          key: Buffer.from(orderId),
          value: Buffer.from(JSON.stringify(body)),
          headers: [],
        };
      });
      await producer.append(records);
    },
    /** Counts the journaled events over a connection that does not use the proxy. */
    async journaled(): Promise<number> {
      const connection = await createConnection({ uri: database.url });
      try {
        const [[row]] = await connection.query<RowDataPacket[]>(
          'SELECT COUNT(*) AS found FROM event_journal',
        );
        return Number(row?.found);
      } finally {
        await connection.end();
      }
    },
    async orderSync(url = through(proxy, database.url)) {
      const port = await freePort();
      const program = new Program('order-sync', {
        TRIBUTARY_DATA_DIR: folder,
        DATABASE_URL: url,
        ORDER_SYNC_PORT: String(port),
        ORDER_SYNC_DELIVER: 'false',
        LOG_LEVEL: 'info',
      });
      await program.ready(port);
      /** Asks /readyz why the program is not ready; null if it is ready. */
      const reason = async () => {
        const answer = await fetch(`http://127.0.0.1:${port}/readyz`);
        const body = (await answer.json()) as { detail?: string };
        return answer.ok ? null : (body.detail ?? '');
      };
      return { program, reason };
    },
    get published() {
      return orders;
    },
  };
}

describe.skipIf(services().lacks('mariadb'))('order-sync on MariaDB', () => {
  it('reports on /readyz and in the log that packets are dropped, and goes on by itself within 60 s', async () => {
    const place = await setUp(services().mariadb.url);
    const { program, reason } = await place.orderSync();
    await place.publish(10);
    await vi.waitFor(async () => expect(await place.journaled()).toBe(10), WAITING);

    place.proxy.swallow();
    await place.publish(10);
    const startedMs = performance.now();
    await vi.waitFor(async () => expect(await reason()).toMatch(/has not answered|does not answer/), WAITING);
    expect(performance.now() - startedMs).toBeLessThan(30_000);
    await vi.waitFor(() => expect(program.stderr).toMatch(/does not answer/), WAITING);

    place.proxy.heal();
    const healedMs = performance.now();
    await vi.waitFor(async () => expect(await place.journaled()).toBe(20), WAITING);
    await vi.waitFor(async () => expect(await reason()).toBeNull(), WAITING);
    expect(performance.now() - healedMs).toBeLessThan(60_000);
  });
});

describe.skipIf(services().lacks('mysql'))('two order-syncs on MySQL', () => {
  it('journal new events within 60 s after one of them is frozen in the middle of a transaction', async () => {
    const place = await setUp(services().mysql.url);
    const first = await place.orderSync();
    await place.publish(10);
    await vi.waitFor(async () => expect(await place.journaled()).toBe(10), WAITING);

    const isFrozen = new Promise<void>((resolve) => {
      place.proxy.onSent = (bytes) => {
        if (!bytes.includes('INSERT INTO journal_segments') && !bytes.includes('COMMIT')) return;
        place.proxy.onSent = () => {};
        first.program.freeze();
        resolve();
      };
    });
    await place.publish(10);
    await isFrozen;
    const startedMs = performance.now();
    const second = await place.orderSync();
    await vi.waitFor(async () => expect(await place.journaled()).toBe(20), WAITING);
    expect(performance.now() - startedMs).toBeLessThan(60_000);
    await vi.waitFor(async () => expect(await second.reason()).toBeNull(), WAITING);

    first.program.letGoOn();
    await place.publish(10);
    await vi.waitFor(async () => expect(await place.journaled()).toBe(30), WAITING);
    await vi.waitFor(async () => expect(await first.reason()).toBeNull(), WAITING);
  });
});
