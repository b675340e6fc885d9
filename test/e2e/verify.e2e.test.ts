import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, it } from 'vitest';
import { freePort } from '../services/index.ts';
import { Program, runProgram, testFolder } from './programs.ts';

const ORDERS = 400;

it('order-sync verify sees no difference while events come in, and finds and repairs everything altered by hand', async () => {
  const [syncPort, mgtPort] = [await freePort(), await freePort()];
  const folder = await testFolder();
  const own = { TRIBUTARY_DATA_DIR: folder, LOG_LEVEL: 'warn' };
  const settings = {
    ...own,
    ORDER_SYNC_TARGET_URL: `http://127.0.0.1:${mgtPort}/api/orders`,
    ORDER_SYNC_RECONCILE_EVERY_MS: '0',
  };
  const mgt = await new Program('order-mgt', { ...own, ORDER_MGT_PORT: String(mgtPort) }).ready(mgtPort);
  const sync = await new Program('order-sync', { ...settings, ORDER_SYNC_PORT: String(syncPort) }).ready(
    syncPort,
  );
  const verify = async (...flags: string[]) => {
    const argv = ['verify', '--all', '--rate', '0', '--target', 'order-mgt', '--json', ...flags];
    const program = new Program('order-sync', settings, argv);
    const { code } = await program.exited;
    return { code, report: program.stdout === '' ? null : JSON.parse(program.stdout), error: program.stderr };
  };
  const behindItsBack = (file: string, sql: string) => {
    const database = new DatabaseSync(join(folder, file), { timeout: 5_000 });
    database.exec(sql);
    database.close();
  };

  let isLoaded = false;
  const load = ['load', '--orders', String(ORDERS), '--rate', '400', '--seed', 'verify', '--plain'];
  const loading = runProgram('event-producer', own, load).then(() => {
    isLoaded = true;
  });
  let read = 0;
  while (!isLoaded || read < ORDERS) {
    const { code, report, error } = await verify();
    expect(report, error).toMatchObject({ differences: 0, found: {}, shown: [] });
    expect(code).toBe(0);
    read = report.read;
  }
  await loading;

  // The verification inside order-sync would repair rows before the command comes.
  expect(await sync.stop()).toBe(143);
  const database = new DatabaseSync(join(folder, 'order-sync.sqlite'), { readOnly: true });
  const ids = database
    .prepare(
      "SELECT entity_id AS id FROM deliveries JOIN orders ON order_id = entity_id WHERE status = 'delivered' AND due_version = version LIMIT 9",
    )
    .all()
    .map((row) => String(row.id));
  database.close();
  expect(ids).toHaveLength(9);
  const where = (key: string, index: number) => `WHERE ${key} = '${ids[index]}'`;
  behindItsBack(
    'order-sync.sqlite',
    `UPDATE orders SET payment_status = 'x' ${where('order_id', 0)};
    UPDATE orders SET version = version + 2 ${where('order_id', 1)};
    DELETE FROM orders ${where('order_id', 2)};
    INSERT INTO orders VALUES ('stranger', NULL, NULL, NULL, 0, 1);
    DELETE FROM deliveries ${where('entity_id', 3)};
    UPDATE deliveries SET due_version = due_version + 1 ${where('entity_id', 4)};
    UPDATE deliveries SET status = 'pending' ${where('entity_id', 5)}`,
  );
  behindItsBack(
    'order-mgt.sqlite',
    `DELETE FROM orders ${where('order_id', 6)};
    UPDATE orders SET version = version - 1 ${where('order_id', 7)};
    UPDATE orders SET order_status = NULL ${where('order_id', 8)}`,
  );
  const repaired = await verify('--repair', '--by', 'Ada', '--reason', 'A test.');
  expect(repaired.report, repaired.error).toMatchObject({
    differences: 10,
    repaired: 10,
    remaining: 0,
    found: {
      row_altered: 1,
      version_ahead: 1,
      row_missing: 1,
      row_extra: 1,
      ledger_missing: 1,
      ledger_wrong: 2,
    },
    target: { found: { missing: 1, older: 1, different: 1 } },
  });
  expect(repaired.code).toBe(0);
  expect(await mgt.stop()).toBe(143);
});
