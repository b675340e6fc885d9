import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { createDatabase, services } from '../services/context.ts';
import { freePort } from '../services/index.ts';
import { Program, runProgram, type Settings, testFolder, WAITING } from './programs.ts';

describe.skipIf(services().lacks('mariadb'))('two pipelines in one MariaDB database', () => {
  describeSideBySide(async () => {
    const database = await createDatabase(services().mariadb.url);
    onTestFinished(() => database.drop());
    return database.url;
  });
});

/** Declares the test of two order-syncs with topics, groups and tables of their own. */
function describeSideBySide(databaseUrl: (folder: string) => Promise<string>): void {
  it('each runs, stops, rebuilds and verifies, and neither sees what the other does', async () => {
    const folder = await testFolder();
    const common = {
      TRIBUTARY_DATA_DIR: folder,
      DATABASE_URL: await databaseUrl(folder),
      LOG_LEVEL: 'warn',
      ORDER_SYNC_RECONCILE_EVERY_MS: '0',
    };
    const pipeline = async (name: string, tables: Settings) => {
      const [port, mgtPort] = [await freePort(), await freePort()];
      const settings: Settings = {
        ...common,
        ...tables,
        ORDER_TOPIC: `${name}_orders`,
        PAYMENT_TOPIC: `${name}_payments`,
        ORDER_SYNC_GROUP: name,
        ORDER_SYNC_PORT: String(port),
        ORDER_SYNC_TARGET_URL: `http://127.0.0.1:${mgtPort}/api/orders`,
      };
      const mgt = {
        TRIBUTARY_DATA_DIR: join(folder, name),
        ORDER_MGT_PORT: String(mgtPort),
        LOG_LEVEL: 'warn',
      };
      await new Program('order-mgt', mgt).ready(mgtPort);
      const start = () => new Program('order-sync', settings).ready(port);
      const command = async (...given: string[]) => {
        const program = new Program('order-sync', settings, given);
        const { code } = await program.exited;
        return {
          code,
          report: program.stdout === '' ? null : JSON.parse(program.stdout),
          error: program.stderr,
        };
      };
      const verified = async (orders: number) => {
        const { code, report, error } = await command('verify', '--all', '--rate', '0', '--json');
        expect(report, error).toMatchObject({ read: orders, differences: 0 });
        expect(code).toBe(0);
      };
      const publish = (...words: string[]) => runProgram('event-producer', settings, words);
      const isDelivered = async (id: string) => {
        const answer = await fetch(`http://127.0.0.1:${port}/api/v1/orders/${id}`);
        const mgtAnswer = await fetch(`http://127.0.0.1:${mgtPort}/api/orders/${id}`);
        expect(await answer.json()).toMatchObject({ row: { order_status: 'CREATED', ready_to_send: true } });
        expect(await mgtAnswer.json()).toMatchObject({ order_id: id, ready_to_send: true });
      };
      return { settings, start, command, verified, publish, isDelivered };
    };
    const eu = await pipeline('eu', {
      ORDER_SYNC_TABLE_PREFIX: 'eu_',
      ORDER_SYNC_TABLE: 'select',
      ORDER_SYNC_COLUMNS: 'order_id=key,order_status=from,ready_to_send=is "ready" `yet`',
    });
    const us = await pipeline('us', {
      ORDER_SYNC_TABLE_PREFIX: 'us_',
      ORDER_SYNC_TABLE: "orders of the us; --'",
    });

    const [first, second] = [await eu.start(), await us.start()];
    await eu.publish('o', 'same', 'pa', 'same', 'o', 'only-eu', 'pa', 'only-eu');
    await us.publish('o', 'same', 'pa', 'same');
    await vi.waitFor(() => Promise.all([eu.isDelivered('same'), eu.isDelivered('only-eu')]), WAITING);
    await vi.waitFor(() => us.isDelivered('same'), WAITING);
    await eu.verified(2);
    await us.verified(1);

    for (const flags of [['--wait'], ['--switch', '--wait']]) {
      const { code, error } = await eu.command(
        'rebuild',
        ...flags,
        '--by',
        'Ada',
        '--reason',
        'A test.',
        '--json',
      );
      expect(code, error).toBe(0);
    }
    await us.publish('o', 'late', 'pa', 'late');
    await vi.waitFor(() => us.isDelivered('late'), WAITING);
    await eu.publish('o', 'late', 'pa', 'late');
    await vi.waitFor(() => eu.isDelivered('late'), WAITING);
    expect(await first.stop()).toBe(143);
    await us.verified(2);
    expect(await second.stop()).toBe(143);
    await eu.verified(3);
    await us.verified(2);

    const again = await eu.start();
    await eu.isDelivered('only-eu');
    expect(await again.stop()).toBe(143);
    const stranger = new Program('order-sync', { ...us.settings, ORDER_SYNC_TABLE: 'orders' });
    expect((await stranger.exited).code).not.toBe(0);
    expect(stranger.stderr).toContain('ORDER_SYNC_TABLE');
  });
}
