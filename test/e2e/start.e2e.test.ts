import { describe, expect, it, vi } from 'vitest';
import { makeApiKey } from '../../src/apps/shared/http/api-keys.ts';
import { freePort } from '../services/index.ts';
import { orderAt, Program, runProgram, type Settings, testFolder, WAITING } from './programs.ts';

interface System {
  readonly settings: { readonly TRIBUTARY_DATA_DIR: string; readonly LOG_LEVEL: string };
  readonly syncPort: number;
  readonly mgtPort: number;
  start(): Promise<Program>;
}

/** Prepares `npm start` with a folder and ports of its own. */
async function makeSystem(demo: 'true' | 'false', more: Settings = {}): Promise<System> {
  const [syncPort, mgtPort] = [await freePort(), await freePort()];
  const settings = { TRIBUTARY_DATA_DIR: await testFolder(), LOG_LEVEL: 'warn' };
  const start = () =>
    new Program('start', {
      ...settings,
      ORDER_SYNC_PORT: String(syncPort),
      ORDER_MGT_PORT: String(mgtPort),
      TRIBUTARY_DEMO: demo,
      ...more,
    }).ready(syncPort);
  return { settings, syncPort, mgtPort, start };
}

describe('the whole system in one process', () => {
  it('brings every order of its demonstration to the right state', async () => {
    const system = await makeSystem('true');
    const program = await system.start();
    const { TRIBUTARY_DATA_DIR: folder } = system.settings;
    const hint = `npm run event-producer -- --data-dir ${folder} o order123`;
    await vi.waitFor(() => expect(program.stdout).toContain(hint), WAITING);
    const console = `http://127.0.0.1:${system.syncPort}/`;
    await vi.waitFor(
      () => expect(program.stdout.endsWith(`\nThe console: ${console}\n`)).toBe(true),
      WAITING,
    );
    expect((await fetch(console)).headers.get('content-type')).toContain('text/html');
    expect(program.stdout).not.toMatch(/see the log above/);
    for (const [orderId, payment_status] of [
      ['demo-1', 'PAYMENT_AUTHORIZED'],
      ['demo-2', 'PAYMENT_AUTHORIZED'],
      ['demo-4', 'AUTHORIZATION_REVIEW_ACCEPTED'],
      ['demo-5', 'PAYMENT_AUTHORIZED'],
    ] as const) {
      expect(await orderAt(system.mgtPort, orderId)).toMatchObject({ payment_status, ready_to_send: true });
    }
    expect(await orderAt(system.mgtPort, 'demo-6')).toBeNull();
    // Every line on stderr is a log line in JSON.
    expect(program.stderr.split('\n').filter((line) => line !== '' && !line.startsWith('{'))).toEqual([]);
    expect(await program.stop()).toBe(143);
  });

  it('runs its demonstration although both servers ask for API keys, and lets nobody in without one', async () => {
    const { key, entry } = makeApiKey('me', ['read']);
    const system = await makeSystem('true', { ORDER_SYNC_API_KEYS: entry, ORDER_MGT_API_KEYS: entry });
    const program = await system.start();
    const hint = `curl -H "authorization: Bearer $KEY" http://127.0.0.1:${system.syncPort}/api/v1/pipeline`;
    await vi.waitFor(() => expect(program.stdout).toContain(hint), WAITING);
    expect(program.stdout).toMatch(/^ {2}demo-5 .* PAYMENT_AUTHORIZED, version 2$/m);
    const order = `http://127.0.0.1:${system.mgtPort}/api/orders/demo-1`;
    const pipeline = `http://127.0.0.1:${system.syncPort}/api/v1/pipeline`;
    for (const url of [order, pipeline]) {
      expect((await fetch(url)).status, url).toBe(401);
      expect((await fetch(url, { headers: { authorization: `Bearer ${key}` } })).status, url).toBe(200);
    }
    expect(program.stdout + program.stderr).not.toMatch(/trb_\w/);
    expect(await program.stop()).toBe(143);
  });

  it('refuses a second start on the same data directory with the reason, and the first goes on', async () => {
    const system = await makeSystem('false');
    const first = await system.start();
    const second = new Program('start', {
      ...system.settings,
      ORDER_SYNC_PORT: '0',
      ORDER_MGT_PORT: '0',
      TRIBUTARY_DEMO: 'false',
    });
    const { code } = await second.exited;
    expect(code).not.toBe(0);
    expect(code).not.toBeNull();
    expect(second.stderr).toContain(`already runs on ${system.settings.TRIBUTARY_DATA_DIR}`);
    await runProgram('event-producer', system.settings, ['o', 'order123', 'pa', 'order123']);
    await vi.waitFor(
      async () => expect(await orderAt(system.mgtPort, 'order123')).toMatchObject({ ready_to_send: true }),
      WAITING,
    );
    expect(await first.stop()).toBe(143);
  });

  it('shares its data directory with a separate order-sync and event-producer', async () => {
    const system = await makeSystem('false');
    const first = await system.start();
    const syncPort = await freePort();
    // A second order-sync shares the partitions with the one inside the first process.
    const second = await new Program('order-sync', {
      ...system.settings,
      ORDER_SYNC_PORT: String(syncPort),
      ORDER_SYNC_TARGET_URL: `http://127.0.0.1:${system.mgtPort}/api/orders`,
    }).ready(syncPort);
    const printed = await runProgram('event-producer', system.settings, [
      ...['o', 'a', 'par', 'a', 'paa', 'a'],
      ...['pa', 'b', 'o', 'b'],
      ...['o', 'c', 'par', 'c', 'pad', 'c'],
    ]);
    expect(printed.trim().split('\n')).toHaveLength(8);
    const expected = { a: 'AUTHORIZATION_REVIEW_ACCEPTED', b: 'PAYMENT_AUTHORIZED' };
    for (const [orderId, payment_status] of Object.entries(expected)) {
      await vi.waitFor(
        async () =>
          expect(await orderAt(system.mgtPort, orderId)).toMatchObject({
            payment_status,
            ready_to_send: true,
          }),
        WAITING,
      );
    }
    expect(await orderAt(system.mgtPort, 'c')).toBeNull();
    expect(await second.stop()).toBe(143);
    expect(await first.stop()).toBe(143);
  });

  it('lets "order-sync partitions" show its checkpoints and the log while it runs', async () => {
    const system = await makeSystem('false');
    const program = await system.start();
    await runProgram('event-producer', system.settings, ['o', 'a', 'pa', 'a']);
    await vi.waitFor(async () => expect(await orderAt(system.mgtPort, 'a')).not.toBeNull(), WAITING);
    const printed = await runProgram('order-sync', system.settings, ['partitions']);
    expect(printed).toMatch(/^order_events\/\d {2}next 1 {2}log 0\.\.1$/m);
    expect(printed).toMatch(/^payment_events\/\d {2}next 1 {2}log 0\.\.1$/m);
    expect(await program.stop()).toBe(143);
  });

  it.each(['stopped', 'killed'] as const)('loses no event when it is %s and started again', async (how) => {
    const system = await makeSystem('false');
    const first = await system.start();
    await runProgram('event-producer', system.settings, ['o', 'before', 'pa', 'before', 'o', 'across']);
    await vi.waitFor(async () => expect(await orderAt(system.mgtPort, 'before')).not.toBeNull(), WAITING);
    await (how === 'stopped' ? first.stop() : first.kill());
    // These events are published while order-sync does not run.
    await runProgram('event-producer', system.settings, ['pa', 'across', 'pa', 'between', 'o', 'between']);
    const again = await system.start();
    for (const orderId of ['before', 'across', 'between']) {
      await vi.waitFor(
        async () =>
          expect(await orderAt(system.mgtPort, orderId)).toMatchObject({
            order_id: orderId,
            ready_to_send: true,
            version: 2,
          }),
        WAITING,
      );
    }
    expect(await again.stop()).toBe(143);
  });
});
