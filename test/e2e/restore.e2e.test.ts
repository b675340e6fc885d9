import { expect, it, vi } from 'vitest';
import { freePort } from '../services/index.ts';
import { orderAt, Program, runProgram, testFolder, WAITING } from './programs.ts';

it('order-sync on a new log and database replaces the states at order-mgt that contradict its log', async () => {
  const mgtPort = await freePort();
  const common = { LOG_LEVEL: 'warn', ORDER_MGT_PORT: String(mgtPort) };
  const mgtFolder = await testFolder();
  await new Program('order-mgt', { ...common, TRIBUTARY_DATA_DIR: mgtFolder }).ready(mgtPort);
  /** Starts an order-sync with a log and a database of its own. */
  async function startSync() {
    const folder = await testFolder();
    const port = await freePort();
    const sync = await new Program('order-sync', {
      LOG_LEVEL: 'warn',
      TRIBUTARY_DATA_DIR: folder,
      ORDER_SYNC_PORT: String(port),
      ORDER_SYNC_TARGET_URL: `http://127.0.0.1:${mgtPort}/api/orders`,
      ORDER_SYNC_RECONCILE_EVERY_MS: '1s',
    }).ready(port);
    const publish = (...given: string[]) =>
      runProgram('event-producer', { LOG_LEVEL: 'warn', TRIBUTARY_DATA_DIR: folder }, given);
    const sweep = async () => {
      const answer = await fetch(`http://127.0.0.1:${port}/api/v1/pipeline`);
      const { sweeps } = (await answer.json()) as { sweeps: Record<string, { last: unknown }> };
      return sweeps['order-mgt']?.last;
    };
    return { sync, publish, sweep };
  }

  const before = await startSync();
  await before.publish('o', 'x', 'pa', 'x', 'o', 'same', 'pa', 'same', 'o', 'gone', 'pa', 'gone');
  for (const id of ['x', 'same', 'gone']) {
    await vi.waitFor(
      async () => expect(await orderAt(mgtPort, id)).toMatchObject({ ready_to_send: true, version: 2 }),
      WAITING,
    );
  }
  expect(await before.sync.stop()).toBe(143);

  const after = await startSync();
  await after.publish('o', 'x', 'pad', 'x', 'o', 'same', 'pa', 'same');
  await vi.waitFor(
    async () =>
      expect(await orderAt(mgtPort, 'x')).toMatchObject({
        payment_status: 'AUTHORIZATION_REVIEW_DECLINED',
        ready_to_send: false,
        version: 2,
      }),
    WAITING,
  );
  await vi.waitFor(
    async () =>
      expect(await after.sweep()).toMatchObject({
        outcome: 'complete',
        compared: 2,
        unrecorded: 0,
        unexpected: 1,
      }),
    WAITING,
  );
  expect(await orderAt(mgtPort, 'same')).toMatchObject({ ready_to_send: true, version: 2 });
  expect(await orderAt(mgtPort, 'gone')).toMatchObject({ ready_to_send: true, version: 2 });
  // After the repair the ledger has the order, so a later state is delivered as usual.
  await after.publish('paa', 'x');
  await vi.waitFor(async () => expect(await orderAt(mgtPort, 'x')).toMatchObject({ version: 3 }), WAITING);
  expect(await after.sync.stop()).toBe(143);
});
