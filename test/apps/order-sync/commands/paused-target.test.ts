import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../../../../src/adapters/system-clock.ts';
import { reconcileCommand } from '../../../../src/apps/order-sync/commands/reconcile.ts';
import { verifyCommand } from '../../../../src/apps/order-sync/commands/verify.ts';
import { runCli } from '../../../../src/apps/shared/cli/cli.ts';
import { SqliteHarness } from '../../../adapters/sqlite/harness.ts';
import { FIRST, OrderWorld } from '../../../pipeline/verify/order-world.ts';
import { TestOrderMgt } from '../../order-mgt/fixture.ts';
import { fakeHost } from '../../shared/cli/fake-host.ts';

const harness = new SqliteHarness();
afterEach(() => harness.cleanup());

const PART = { kind: 'target', target: FIRST } as const;
const DECISION = { decidedBy: 'ops', reason: 'its database is restored', decidedAtMs: 0 };
const VERIFY = ['verify', '--all', '--target', FIRST];
/** Longer than the time between two looks for a pause. */
const NOTICED_MS = 1_300;

/** A store with an order that is due, and delivered ones that the target has lost. */
async function place() {
  const world = await OrderWorld.make(harness);
  await world.happens('lost', 'o', 'pa');
  await world.deliver(FIRST);
  await world.happens('backlog', 'o', 'pa');
  const target = await targetOf(world);
  return {
    world,
    target,
    start(argv: readonly string[]) {
      const host = fakeHost(argv, {
        LOG_LEVEL: 'error',
        TRIBUTARY_DATA_DIR: dirname(harness.file),
        DATABASE_URL: `sqlite:${harness.file}`,
        ORDER_SYNC_TARGET_URL: `${target.url}/api/orders`,
      });
      const commands = [verifyCommand(systemClock), reconcileCommand(systemClock)];
      const ended = runCli({ program: 'order-sync', summary: 'Syncs.', examples: [], commands }, host);
      return { host, ended };
    },
  };
}

/** An order-mgt that counts what is sent to it. With `pausesAtFirstQuestion` it is paused before it answers which states it holds. */
async function targetOf(world: OrderWorld) {
  const orderMgt = await new TestOrderMgt().start();
  const place = { url: '', sent: 0, pausesAtFirstQuestion: false };
  let paused: Promise<void> | undefined;
  const pause = async () => {
    await world.store.hold(PART, DECISION);
    await sleep(NOTICED_MS);
  };
  const server = createServer(async (incoming, answer) => {
    const { method, url, headers } = incoming;
    if (method === 'POST') place.sent++;
    else if (place.pausesAtFirstQuestion) {
      paused ??= pause();
      await paused;
    }
    const passed = request(`${orderMgt.url}${url}`, { method, headers, agent: false }, (theirs) => {
      answer.writeHead(theirs.statusCode ?? 500, theirs.headers);
      theirs.pipe(answer);
    });
    incoming.pipe(passed);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  place.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return place;
}

const statusOf = async ({ store }: OrderWorld, id: string) => (await store.readDelivery(FIRST, id))?.status;

describe('a command that repairs at a paused target', () => {
  it('refuses to begin, and sends neither what the target lacks nor the backlog', async () => {
    const { world, target, start } = await place();
    await world.store.hold(PART, DECISION);
    const { host, ended } = start([...VERIFY, '--repair']);
    expect(await ended).toBe(2);
    expect(host.stderr.text).toMatch(
      /Nothing may be sent to order-mgt\. Paused: target order-mgt, .*unpause, or look only, without --repair\./,
    );
    expect([target.sent, await statusOf(world, 'lost'), await statusOf(world, 'backlog')]).toEqual([
      0,
      'delivered',
      'pending',
    ]);
  });

  it('looks without --repair', async () => {
    const { world, target, start } = await place();
    await world.store.hold(PART, DECISION);
    const { host, ended } = start([...VERIFY, '--json']);
    expect(await ended).toBe(5);
    expect(JSON.parse(host.stdout.text)).toMatchObject({ target: { found: { missing: 3 }, madeDue: 0 } });
    expect(target.sent).toBe(0);
  });

  it.each([[[...VERIFY, '--repair']], [['reconcile']]])(
    '%j follows a pause that begins meanwhile, and sends what is due when the pause ends',
    async (argv) => {
      const { world, target, start } = await place();
      target.pausesAtFirstQuestion = true;
      const { ended } = start(argv);
      await expect.poll(() => statusOf(world, 'lost'), { timeout: 10_000 }).toBe('pending');
      // A delivery that does not rest sends at once.
      await sleep(500);
      expect([target.sent, await statusOf(world, 'backlog')]).toEqual([0, 'pending']);

      await world.store.release(PART, DECISION);
      expect(await ended).toBe(0);
      expect(target.sent).toBeGreaterThan(0);
      expect(await statusOf(world, 'lost')).toBe('delivered');
    },
  );
});
