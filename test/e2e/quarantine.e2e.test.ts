import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, it, onTestFinished, vi } from 'vitest';
import { openEmbeddedLog } from '../../src/adapters/embedded-log/index.ts';
import { systemClock } from '../../src/adapters/system-clock.ts';
import { freePort } from '../services/index.ts';
import { orderAt, Program, testFolder, WAITING } from './programs.ts';
import { expectedOrders, publications, recordOf } from './stories.ts';

type Row = Readonly<Record<string, unknown>>;

// It takes some ten seconds, because the job of a killed worker is free only when its lease has ended.
it('redrives refused records under load and kills: each is journaled once, and view and target are right', async () => {
  const folder = await testFolder();
  const log = openEmbeddedLog({ dataDir: folder, clock: systemClock });
  onTestFinished(() => log.close());
  const topics = { orders: 'order_events', payments: 'payment_events' };
  await log.createTopics([
    { topic: topics.orders, partitions: 4 },
    { topic: topics.payments, partitions: 3 },
  ]);
  const [syncPort, mgtPort] = [await freePort(), await freePort()];
  const mgt = new Program('order-mgt', {
    TRIBUTARY_DATA_DIR: folder,
    ORDER_MGT_PORT: String(mgtPort),
    LOG_LEVEL: 'warn',
  });
  await mgt.ready(mgtPort);
  const startSync = (takesMissingKeys: boolean) =>
    new Program('order-sync', {
      TRIBUTARY_DATA_DIR: folder,
      ORDER_SYNC_PORT: String(syncPort),
      ORDER_SYNC_TARGET_URL: `http://127.0.0.1:${mgtPort}/api/orders`,
      ORDER_SYNC_ACCEPT_MISSING_KEYS: String(takesMissingKeys),
      LOG_LEVEL: 'warn',
    });
  const query = (sql: string) => {
    const database = new DatabaseSync(join(folder, 'order-sync.sqlite'), { readOnly: true, timeout: 10_000 });
    try {
      return database.prepare(sql).all() as Row[];
    } finally {
      database.close();
    }
  };
  const count = (from: string) => Number(query(`SELECT COUNT(*) AS found FROM ${from}`)[0]?.found);

  const { facts, arrivals } = publications(1_400);
  const producer = log.producer();
  const keyless = arrivals.filter((_, index) => index % 2 === 0);
  const keyed = arrivals.filter((_, index) => index % 2 === 1);
  await producer.append(keyless.map((fact) => ({ ...recordOf(fact, topics), key: null })));
  const strict = await startSync(false).ready(syncPort);
  await vi.waitFor(() => expect(count('quarantine')).toBe(keyless.length), WAITING);
  await strict.stop();

  let sync = await startSync(true).ready(syncPort);
  const base = `http://127.0.0.1:${syncPort}/api/v1`;
  const created = await fetch(`${base}/quarantine:redrive`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ filter: { reason: 'key_missing' }, reason: 'the setting is corrected' }),
  });
  expect(created.status).toBe(202);
  const { id } = (await created.json()) as { id: string };
  const loading = (async () => {
    for (let from = 0; from < keyed.length; from += 100) {
      await producer.append(keyed.slice(from, from + 100).map((fact) => recordOf(fact, topics)));
      await systemClock.sleep(20);
    }
  })();
  const open = 'quarantine WHERE settled_as IS NULL';
  await vi.waitFor(() => expect(count(open)).toBeLessThan(keyless.length), { ...WAITING, interval: 5 });
  await sync.kill();
  sync = await startSync(true).ready(syncPort);
  await sync.kill();
  sync = await startSync(true).ready(syncPort);
  await loading;
  await producer.close();

  const job = async () => (await (await fetch(`${base}/jobs/${id}`)).json()) as Record<string, unknown>;
  await vi.waitFor(async () => expect(await job()).toMatchObject({ state: 'done' }), WAITING);
  const { progress } = (await job()) as { progress: { redriven: number; duplicates: number } };
  expect(progress).toMatchObject({ matched: keyless.length, passed: keyless.length, refusedAgain: {} });
  expect(progress.redriven + progress.duplicates).toBe(keyless.length);
  expect(count(open)).toBe(0);
  await vi.waitFor(() => expect(count('event_journal')).toBe(facts.length), WAITING);
  await vi.waitFor(() => expect(count("deliveries WHERE status <> 'delivered'")).toBe(0), WAITING);

  const rows = query('SELECT * FROM orders').map((row) => ({
    ...row,
    ready_to_send: row.ready_to_send === 1,
  }));
  const byId = (left: Row, right: Row) => (String(left.order_id) < String(right.order_id) ? -1 : 1);
  const expected = expectedOrders(facts);
  expect(rows.sort(byId)).toEqual([...expected].map((order) => ({ ...order })).sort(byId));
  for (const order of expected.filter(({ ready_to_send }) => ready_to_send))
    expect(await orderAt(mgtPort, order.order_id)).toMatchObject({
      order_id: order.order_id,
      ready_to_send: true,
    });
  expect(await sync.stop()).toBe(143);
  expect(await mgt.stop()).toBe(143);
});
