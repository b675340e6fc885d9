import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openEmbeddedLog } from '../../../../src/adapters/embedded-log/index.ts';
import { systemClock } from '../../../../src/adapters/system-clock.ts';
import { statusCommand } from '../../../../src/apps/order-sync/commands/status.ts';
import { runCli } from '../../../../src/apps/shared/cli/cli.ts';
import { fakeHost } from '../../shared/cli/fake-host.ts';
import { testServer } from '../http/test-server.ts';
import { ledgerOf } from '../ledger.ts';

const TOPICS = ['order_events', 'payment_events'];

/** A data directory with a store of these orders, and a log with these topics. */
async function folderWith(ids: readonly string[], topics: readonly string[] = TOPICS): Promise<string> {
  const { folder } = await ledgerOf(ids);
  const log = openEmbeddedLog({ dataDir: folder, clock: systemClock });
  await log.createTopics(topics.map((topic) => ({ topic, partitions: 1 })));
  const producer = log.producer();
  if (topics.length > 0)
    await producer.append([
      { topic: 'order_events', key: Buffer.from('a'), value: Buffer.from('{}'), headers: [] },
    ]);
  await producer.close();
  await log.close();
  return folder;
}

function hostOf(folder: string, argv: readonly string[], settings: Record<string, string> = {}) {
  // Nothing listens on port 1.
  return fakeHost(['status', ...argv], { TRIBUTARY_DATA_DIR: folder, ORDER_SYNC_PORT: '1', ...settings });
}

function run(host: ReturnType<typeof hostOf>): Promise<number> {
  const commands = [statusCommand(systemClock)];
  return runCli(
    { program: 'order-sync', summary: 'Syncs.', examples: [['order-sync', 'Sync']], commands },
    host,
  );
}

async function status(folder: string, argv: readonly string[], settings?: Record<string, string>) {
  const host = hostOf(folder, argv, settings);
  const code = await run(host);
  return { code, out: host.stdout.text, error: host.stderr.text };
}

/** A server that answers every request with this status and body. */
async function answering(code: number, body: unknown) {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.url} ${request.headers.authorization ?? 'without a key'}`);
    response.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return { asked, port: String((server.address() as AddressInfo).port) };
}

describe('order-sync status', () => {
  it('shows what waits and what needs a person, from store and log alone, and ends with 5', async () => {
    const { code, out } = await status(await folderWith(['a', 'b', 'z']), []);
    expect(code).toBe(5);
    for (const part of [
      'NEEDS A PERSON',
      'No order-sync answers: nothing listens there.',
      'order_events/0',
      'not begun',
      "age by the log's clock",
      '2 deliveries to order-mgt are dead',
      'order-sync dead-letters --target order-mgt',
    ])
      expect(out).toContain(part);
  });

  it('ends with 0 where all is well, and prints the same document as the HTTP API', async () => {
    const folder = await folderWith(['z']);
    const { code, out } = await status(folder, ['--json']);
    const report = JSON.parse(out);
    expect({ code, verdict: report.verdict, instance: report.instance }).toEqual({
      code: 0,
      verdict: 'ok',
      instance: null,
    });
    expect(report.partitions).toMatchObject([
      { name: 'order_events/0', nextOffset: null, lagMessages: 1, lagClock: 'log_append' },
      { name: 'payment_events/0', lagMessages: 0, lagSeconds: 0 },
    ]);
    const { ask } = await testServer(['z']);
    expect(Object.keys((await ask('/api/v1/status')).body)).toEqual(Object.keys(report));
  });

  it('shows a store that lacks the record of its view, as one of an older program does', async () => {
    const folder = await folderWith(['a']);
    const database = new DatabaseSync(join(folder, 'order-sync.sqlite'));
    database.exec('DROP TABLE view_states');
    database.close();
    const { code, out } = await status(folder, ['--json']);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ verdict: 'ok' });
  });

  it('says that a topic is missing', async () => {
    const { code, out } = await status(await folderWith(['z'], ['order_events']), []);
    expect(code).toBe(5);
    expect(out).toContain('The log has no topic payment_events');
  });

  it('says that rows wait for a rebuild where no order-sync answers, because the store has that on record', async () => {
    const { folder, store } = await ledgerOf(['z']);
    expect((await status(folder, [])).out).not.toContain('rebuild');
    await store.awaitFold(2);
    const { code, out } = await status(folder, []);
    expect(code).toBe(5);
    expect(out).toContain('Rows and deliveries wait for a rebuild');
    expect(out).toContain('order-sync rebuild --reason "..."');
  });

  it('ends with 4 and shows the log where the store cannot be read', async () => {
    const folder = await folderWith(['z']);
    const { code, out } = await status(folder, [], {
      DATABASE_URL: `sqlite:${join(folder, 'other.sqlite')}`,
    });
    expect(code).toBe(4);
    expect(out).toContain('NOT REACHABLE');
    expect(out).toMatch(/Store +NOT REACHABLE: .*other\.sqlite/);
    expect(out).toMatch(/Log +answers/);
  });

  it('asks the running order-sync with the key of the settings, and shows its rates', async () => {
    const folder = await folderWith(['z']);
    const quantiles = { samples: 9, p50Seconds: 0.012, p95Seconds: 0.5, p99Seconds: 2 };
    const instance = {
      storeId: null,
      health: { ok: true, reason: null },
      owned: ['order_events/0'],
      waiting: [],
      perSecond: { last10Seconds: 1_234, lastMinute: 5.5 },
      latency: { journaled: quantiles, delivered: quantiles },
      targets: {},
      verification: { compared: 7, repaired: 0, unfoldable: 0, passes: 1 },
      defects: { count: 0, latest: [] },
    };
    const { asked, port } = await answering(200, { instance });
    const key = 'trb_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA';
    const { out } = await status(folder, [], { ORDER_SYNC_PORT: port, ORDER_SYNC_STATUS_KEY: key });
    expect(asked).toEqual([`/api/v1/status Bearer ${key}`]);
    expect(out).toContain('1234 events/s (last minute 5.5/s)');
    expect(out).toContain('p50 12 ms, p95 500 ms, p99 2.0 s (last 5 min)');
    expect(out).toContain('read here');
    const other = await answering(200, { instance: { ...instance, storeId: 'another' } });
    const { out: apart } = await status(folder, [], { ORDER_SYNC_PORT: other.port });
    expect(apart).toContain('works on another store');
    expect(apart).not.toContain('events/s');
  });

  it.each([
    [401, 'set ORDER_SYNC_STATUS_KEY'],
    [404, 'no order-sync of this version (404)'],
    [200, 'no order-sync of this version (200)'],
  ])('says what it lacks if the answer is %d', async (code, words) => {
    const { port } = await answering(code, {});
    const { out } = await status(await folderWith(['z']), [], { ORDER_SYNC_PORT: port });
    expect(out).toContain(words);
  });

  it('prints a line for each look with --watch, until it is stopped, and draws anew on a terminal', async () => {
    const folder = await folderWith(['z']);
    const watch = async (isTTY: boolean) => {
      const host = hostOf(folder, ['--watch']);
      host.stdout.isTTY = isTTY;
      const ended = run(host);
      await expect.poll(() => host.stdout.text.length, { timeout: 5_000 }).toBeGreaterThan(0);
      host.signals.emit('SIGINT');
      expect(await ended).toBe(130);
      return host.stdout.text;
    };
    expect(await watch(false)).toMatch(/^\d{4}-\S+ {2}OK {2}.* behind, 1 records {2}order-mgt 0 due\n$/);
    expect((await watch(true)).startsWith('\u001b[H\u001b[2Jorder-sync  ')).toBe(true);
  });
});
