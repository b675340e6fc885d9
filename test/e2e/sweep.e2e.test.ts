import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, it, vi } from 'vitest';
import { freePort } from '../services/index.ts';
import { orderAt, Program, runProgram, testFolder, WAITING } from './programs.ts';

const ORDERS = ['a', 'b', 'c', 'd'];

it('brings back by itself what order-mgt lost or what was altered there, and nothing else', async () => {
  const [syncPort, mgtPort] = [await freePort(), await freePort()];
  const folder = await testFolder();
  const own = { TRIBUTARY_DATA_DIR: folder, LOG_LEVEL: 'warn' };
  const startMgt = () => new Program('order-mgt', { ...own, ORDER_MGT_PORT: String(mgtPort) }).ready(mgtPort);
  const mgt = await startMgt();
  const sync = await new Program('order-sync', {
    ...own,
    ORDER_SYNC_PORT: String(syncPort),
    ORDER_SYNC_TARGET_URL: `http://127.0.0.1:${mgtPort}/api/orders`,
    ORDER_SYNC_RECONCILE_EVERY_MS: '1s',
  }).ready(syncPort);
  const api = async (path: string) =>
    (await fetch(`http://127.0.0.1:${syncPort}/api/v1/${path}`)).json() as Promise<Record<string, unknown>>;
  const sweep = async () =>
    ((await api('pipeline')).sweeps as Record<string, { last: unknown }>)['order-mgt']?.last;
  const attempts = async (id: string) => {
    const { attemptLog } = await api(`deliveries/order-mgt/${id}`);
    return (attemptLog as { deliveryId: string }[]).map(({ deliveryId }) => deliveryId);
  };
  const behindItsBack = (sql: string) => {
    const database = new DatabaseSync(join(folder, 'order-mgt.sqlite'), { timeout: 5_000 });
    database.exec(sql);
    database.close();
  };
  const states = () => Promise.all(ORDERS.map((id) => orderAt(mgtPort, id)));

  await runProgram(
    'event-producer',
    own,
    ORDERS.flatMap((id) => ['o', id, 'pa', id]),
  );
  for (const id of ORDERS) {
    await vi.waitFor(async () => expect(await orderAt(mgtPort, id)).toMatchObject({ version: 2 }), WAITING);
  }
  const before = await states();
  await vi.waitFor(
    async () => expect(await sweep()).toMatchObject({ outcome: 'complete', compared: 4, inFlight: 0 }),
    WAITING,
  );

  const firstIds = await Promise.all(ORDERS.map(attempts));
  behindItsBack(`
    DELETE FROM orders WHERE order_id = 'a';
    UPDATE orders SET payment_status = 'AUTHORIZATION_REVIEW_DECLINED' WHERE order_id = 'b';
    UPDATE orders SET version = 1 WHERE order_id = 'c'`);
  await vi.waitFor(async () => expect(await states()).toEqual(before), WAITING);
  await vi.waitFor(() => expect(sync.stderr).toContain('they are delivered again'), WAITING);
  await vi.waitFor(
    async () => expect(await sweep()).toMatchObject({ outcome: 'complete', compared: 4, madeDue: 0 }),
    WAITING,
  );
  // By the id of the delivery that had been made, and not one more of what was right.
  for (const [index, id] of ORDERS.entries()) {
    const [again, ...rest] = await attempts(id);
    if (id === 'd') expect([again, ...rest]).toEqual(firstIds[index]);
    else expect(rest).toEqual(firstIds[index]);
    expect(again).toBe(firstIds[index]?.[0]);
  }

  // While it is down it is left alone, and it is compared again when it is back.
  expect(await mgt.stop()).toBe(143);
  behindItsBack("DELETE FROM orders WHERE order_id = 'd'");
  await vi.waitFor(
    async () =>
      expect(await sweep()).toMatchObject({
        outcome: 'gave_up',
        error: expect.stringContaining('nothing listens there'),
      }),
    WAITING,
  );
  await startMgt();
  await vi.waitFor(async () => expect(await states()).toEqual(before), WAITING);
  expect(await sync.stop()).toBe(143);
});
