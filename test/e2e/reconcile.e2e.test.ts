import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, it, vi } from 'vitest';
import { freePort } from '../services/index.ts';
import { orderAt, Program, runProgram, testFolder, WAITING } from './programs.ts';

const ORDERS = ['a', 'b', 'c', 'd', 'e'];

it('order-sync reconcile finds orders that order-mgt lost or that somebody changed there, and restores them', async () => {
  const [syncPort, mgtPort] = [await freePort(), await freePort()];
  const folder = await testFolder();
  const settings = {
    TRIBUTARY_DATA_DIR: folder,
    LOG_LEVEL: 'warn',
    ORDER_SYNC_TARGET_URL: `http://127.0.0.1:${mgtPort}/api/orders`,
  };
  const own = { TRIBUTARY_DATA_DIR: folder, LOG_LEVEL: 'warn' };
  const mgt = await new Program('order-mgt', { ...own, ORDER_MGT_PORT: String(mgtPort) }).ready(mgtPort);
  const sync = await new Program('order-sync', { ...settings, ORDER_SYNC_PORT: String(syncPort) }).ready(
    syncPort,
  );
  const reconcile = async (...flags: string[]) => {
    const program = new Program('order-sync', settings, ['reconcile', '--json', ...flags]);
    const { code } = await program.exited;
    return { code, report: program.stdout === '' ? null : JSON.parse(program.stdout), error: program.stderr };
  };
  const behindItsBack = (sql: string) => {
    const database = new DatabaseSync(join(folder, 'order-mgt.sqlite'), { timeout: 5_000 });
    database.exec(sql);
    database.close();
  };

  await runProgram(
    'event-producer',
    own,
    ORDERS.flatMap((id) => ['o', id, 'pa', id]),
  );
  for (const id of ORDERS) {
    await vi.waitFor(async () => expect(await orderAt(mgtPort, id)).toMatchObject({ version: 2 }), WAITING);
  }
  const before = await Promise.all(ORDERS.map((id) => orderAt(mgtPort, id)));
  await vi.waitFor(
    async () => expect(await reconcile()).toMatchObject({ code: 0, report: { compared: 5, inFlight: 0 } }),
    WAITING,
  );

  behindItsBack(`
    DELETE FROM orders WHERE order_id IN ('a', 'd');
    UPDATE orders SET version = 1 WHERE order_id = 'b';
    UPDATE orders SET payment_status = 'AUTHORIZATION_REVIEW_DECLINED' WHERE order_id = 'c';
    INSERT INTO orders VALUES ('stranger', 'CREATED', NULL, NULL, 0, 7)`);
  const verdicts = [
    ['a', 'missing'],
    ['b', 'older'],
    ['c', 'different'],
    ['d', 'missing'],
    ['stranger', 'unexpected'],
  ];
  const shortOf = (report: { differences: { entityId: string; verdict: string; healed: boolean }[] }) =>
    report.differences.map(({ entityId, verdict, healed }) => [entityId, verdict, healed]);

  const dry = await reconcile('--dry-run');
  expect(dry.code).toBe(5);
  expect(shortOf(dry.report)).toEqual(verdicts.map((row) => [...row, false]));
  expect(await orderAt(mgtPort, 'a')).toBeNull();

  const wet = await reconcile();
  expect(wet.code, wet.error).toBe(5);
  expect(shortOf(wet.report)).toEqual(verdicts.map((row) => [...row, row[0] !== 'stranger']));
  expect(await Promise.all(ORDERS.map((id) => orderAt(mgtPort, id)))).toEqual(before);

  // The daemon is stopped. `order-sync reconcile` then sends the deliveries itself.
  expect(await sync.stop()).toBe(143);
  behindItsBack("DELETE FROM orders WHERE order_id IN ('stranger', 'e')");
  expect(await reconcile()).toMatchObject({ code: 0, report: { healed: 1, remaining: 0, complete: true } });
  expect(await Promise.all(ORDERS.map((id) => orderAt(mgtPort, id)))).toEqual(before);

  expect(await mgt.stop()).toBe(143);
  const { code, error } = await reconcile();
  expect(code).toBe(4);
  expect(error).toContain('nothing listens there');
});
