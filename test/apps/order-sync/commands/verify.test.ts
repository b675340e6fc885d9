import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../../../../src/adapters/system-clock.ts';
import { verifyCommand } from '../../../../src/apps/order-sync/commands/verify.ts';
import { runCli } from '../../../../src/apps/shared/cli/cli.ts';
import { SqliteHarness } from '../../../adapters/sqlite/harness.ts';
import { FIRST, OrderWorld } from '../../../pipeline/verify/order-world.ts';
import { TestOrderMgt } from '../../order-mgt/fixture.ts';
import { fakeHost } from '../../shared/cli/fake-host.ts';

const harness = new SqliteHarness();
afterEach(() => harness.cleanup());

/** A store with three adopted orders and these: one delivered, one that is not ready. */
async function filled(): Promise<OrderWorld> {
  const world = await OrderWorld.make(harness);
  await world.happens('delivered', 'o', 'pa');
  await world.happens('unready', 'o');
  await world.deliver(FIRST);
  return world;
}

async function verify(argv: readonly string[], env: Record<string, string> = {}) {
  const host = fakeHost(['verify', ...argv], {
    LOG_LEVEL: 'error',
    ...(env.DATABASE_URL === undefined ? { DATABASE_URL: `sqlite:${harness.file}` } : {}),
    ...env,
  });
  const commands = [verifyCommand(systemClock)];
  const code = await runCli({ program: 'order-sync', summary: 'Syncs.', examples: [], commands }, host);
  return { code, out: host.stdout.text, error: host.stderr.text };
}

describe('order-sync verify', () => {
  it('ends with 0 where nothing differs, and says how much it read', async () => {
    await filled();
    const { code, out } = await verify(['--all', '--json']);
    expect(JSON.parse(out)).toMatchObject({
      read: 5,
      differences: 0,
      remaining: 0,
      found: {},
      target: null,
      shown: [],
    });
    expect(code).toBe(0);
    expect((await verify(['--all', '--rate', '0'])).out).toMatch(
      /^5 orders read \(\d+\/s\); 0 differences, 0 repaired, 0 remain\n$/,
    );
  });

  it('shows what differs and ends with 5, and with --repair puts it right and ends with 0', async () => {
    const world = await filled();
    await harness.rawQuery("UPDATE orders SET payment_status = 'PAID\n' WHERE order_id = 'delivered'");
    await harness.rawQuery("DELETE FROM orders WHERE order_id = 'unready'");
    await harness.rawQuery("INSERT INTO orders VALUES ('stranger', NULL, NULL, NULL, 0, 3)");
    await harness.rawQuery(
      `UPDATE deliveries SET delivered_version = 7 WHERE target = '${FIRST}' AND entity_id = 'adopted due'`,
    );
    const found = await verify(['--all', '--json']);
    expect(found.code).toBe(5);
    expect(JSON.parse(found.out)).toMatchObject({
      differences: 4,
      repaired: 0,
      remaining: 4,
      found: { row_altered: 1, row_missing: 1, row_extra: 1, ledger_wrong: 1 },
      shown: [
        {
          orderId: 'adopted due',
          kind: 'ledger_wrong',
          target: FIRST,
          faults: ['delivered_beyond', 'delivered_other'],
          stored: { status: 'delivered', dueVersion: 2, deliveredVersion: 7 },
          expected: { status: 'delivered', dueVersion: 2, deliveredVersion: 2 },
        },
        {
          orderId: 'delivered',
          columns: { payment_status: { stored: 'PAID\n', expected: 'PAYMENT_AUTHORIZED' } },
        },
        { orderId: 'stranger', kind: 'row_extra', expected: null },
        { orderId: 'unready', kind: 'row_missing', stored: null, expected: { version: 1 } },
      ],
    });
    expect((await verify(['--all'])).out).toContain(
      'row_altered  "delivered"  remains  payment_status: "PAID\\n", expected "PAYMENT_AUTHORIZED"\n',
    );
    const repaired = await verify(['--all', '--repair', '--json']);
    expect(repaired.code, repaired.error).toBe(0);
    expect(JSON.parse(repaired.out)).toMatchObject({ differences: 4, repaired: 4, remaining: 0 });
    expect(await world.differences()).toEqual([]);
  });

  it.each([
    [100, /^row_extra .*(?:\n.*){99}\n\d+ orders read/],
    [101, /\n\.\.\. and 1 more\n\d+ orders read/],
    [150, /\n\.\.\. and 50 more\n\d+ orders read/],
  ])('shows 100 of %i differences, and counts the others', async (count, end) => {
    await filled();
    await harness.rawQuery(
      `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${count})
      INSERT INTO orders SELECT 'stranger ' || i, NULL, NULL, NULL, 0, 3 FROM n`,
    );
    const { code, out } = await verify(['--all', '--rate', '0']);
    expect(code).toBe(5);
    expect(out).toMatch(end);
    expect(out.match(/^row_extra /gm)).toHaveLength(100);
    expect(out).toContain(`${count} differences, 0 repaired, ${count} remain`);
  });

  it.each([[[]], [['--all', '--sample', '1']], [['--sample', '0']], [['--all', '--rate', '-1']]])(
    'refuses the options %j',
    async (flags) => {
      await filled();
      expect((await verify(flags)).code).toBe(2);
    },
  );

  it('compares of a target only the part of which it has a sample of the store', async () => {
    await filled();
    const { url } = await new TestOrderMgt().start();
    const env = { ORDER_SYNC_TARGET_URL: `${url}/api/orders` };
    const compared = async (...flags: string[]) =>
      JSON.parse((await verify([...flags, '--target', FIRST, '--json'], env)).out).target.compared as number;
    expect(await compared('--sample', '1')).toBeLessThan(await compared('--all'));
  });

  it('compares what the target holds, and delivers again what it lacks', async () => {
    await filled();
    const { url } = await new TestOrderMgt().start();
    const env = { ORDER_SYNC_TARGET_URL: `${url}/api/orders` };
    const found = await verify(['--all', '--target', FIRST, '--json'], env);
    expect(found.code).toBe(5);
    const missing = ['adopted due', 'adopted sent', 'delivered'];
    expect(JSON.parse(found.out)).toMatchObject({
      differences: 3,
      target: { name: FIRST, compared: 3, found: { missing: 3 }, madeDue: 0 },
      shown: missing.map((orderId) => ({ orderId, kind: 'target_missing', repaired: false })),
    });
    const repaired = await verify(['--all', '--target', FIRST, '--repair', '--json'], env);
    expect(repaired.code, repaired.error).toBe(0);
    expect(JSON.parse(repaired.out)).toMatchObject({
      repaired: 3,
      remaining: 0,
      target: { madeDue: 3, repaired: 3 },
    });
    const sampled = await verify(['--sample', '4', '--target', FIRST, '--json'], env);
    expect(sampled.code, sampled.out).toBe(0);
    expect(JSON.parse(sampled.out)).toMatchObject({ read: 4, differences: 0 });
  });

  it('tells what it found in the store, although the target does not say what it holds', async () => {
    const world = await filled();
    await harness.rawQuery("DELETE FROM orders WHERE order_id = 'unready'");
    const target = createServer((_request, response) => response.end('{}')).listen(0, '127.0.0.1');
    onTestFinished(() => void target.close());
    await once(target, 'listening');
    const { port } = target.address() as AddressInfo;
    const env = { ORDER_SYNC_TARGET_URL: `http://127.0.0.1:${port}/api/orders` };
    const argv = ['--all', '--target', FIRST, '--repair', '--reason', 'a row is gone', '--json'];
    const { code, out, error } = await verify(argv, env);
    expect(code).toBe(1);
    expect(JSON.parse(out)).toMatchObject({ found: { row_missing: 1 }, repaired: 1, target: null });
    expect(error).toContain('its digest has no');
    expect(error).toContain('docs/being-a-target.md has the answers');
    expect(await world.store.listAudit({ after: null, limit: 1 })).toMatchObject([
      { action: 'rows_repaired', reason: 'a row is gone', details: { repaired: 1, target: null } },
    ]);
  });

  it.each([
    [[], 'Give --all or --sample, and not both.'],
    [['--all', '--sample', '3'], 'Give --all or --sample, and not both.'],
    [['--sample', '0'], 'Give --sample a whole number from 1 to 100000.'],
    [['--all', '--rate', 'fast'], 'Give --rate a whole number from 0 to 1000000.'],
  ])('refuses %j', async (argv, sentence) => {
    const { code, error } = await verify(argv, { DATABASE_URL: 'sqlite:/nowhere/at.all' });
    expect(code).toBe(2);
    expect(error).toContain(sentence);
  });
});
