import { hash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { createReceiver } from '../../examples/receiver/receiver.ts';
import { isSigned } from '../../examples/receiver/signature.ts';
import { openEmbeddedLog } from '../../src/adapters/embedded-log/index.ts';
import { openHttpTarget } from '../../src/adapters/http-delivery/index.ts';
import { verdictOf } from '../../src/adapters/http-delivery/verdict.ts';
import { openSqliteStore } from '../../src/adapters/sqlite/index.ts';
import { systemClock } from '../../src/adapters/system-clock.ts';
import { checkTarget } from '../../src/check-target/run.ts';
import { parseSigningKeys } from '../../src/core/webhook-signature.ts';
import { orders } from '../../src/orders/index.ts';
import { deliveryIdOf } from '../../src/pipeline/delivery-id.ts';
import { Sync } from '../../src/pipeline/sync.ts';
import type { NewRecord } from '../../src/ports/event-log.ts';
import { startScriptedServer } from '../adapters/http-delivery/scripted-server.ts';
import { OPTION_NAMES } from '../check-target/option-names.ts';
import { singly } from '../contract/delivery-target.ts';
import { blocksOf } from '../tidy/doc-blocks.ts';

const SECRET = `whsec_${Buffer.alloc(32, 5).toString('base64')}`;
const ROW = {
  order_id: 'order123',
  order_status: 'CREATED',
  payment_status: 'PAYMENT_AUTHORIZED',
  review_status: null,
  ready_to_send: true,
};

interface Place {
  readonly url: string;
  readonly folder: string;
  query(sql: string): Record<string, unknown>[];
}

async function startReceiver(): Promise<Place> {
  const folder = await mkdtemp(join(tmpdir(), 'tributary-receiver-'));
  const file = join(folder, 'receiver.sqlite');
  const server: Server = createReceiver(file, SECRET);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await rm(folder, { recursive: true, force: true });
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/orders`,
    folder,
    query(sql) {
      const database = new DatabaseSync(file);
      try {
        return database.prepare(sql).all() as Record<string, unknown>[];
      } finally {
        database.close();
      }
    },
  };
}

function openTarget(url: string, secrets: readonly string[], nowMs?: number) {
  const target = openHttpTarget({
    name: 'receiver',
    url,
    secrets,
    clock: nowMs === undefined ? systemClock : { ...systemClock, now: () => nowMs },
    logger: () => {},
  });
  onTestFinished(() => target.close());
  return target;
}

function send(target: ReturnType<typeof openTarget>, version: number, row: typeof ROW = ROW) {
  const deliveryId = deliveryIdOf(row.order_id, version);
  const body = { ...row, version };
  return singly(target).deliver(
    { deliveryId, entityId: row.order_id, version, body, attempt: 1 },
    new AbortController().signal,
  );
}

describe('the example receiver', () => {
  it('passes check-target', async () => {
    const { url } = await startReceiver();
    const { checks, ok } = await checkTarget({
      url: new URL(url),
      keys: parseSigningKeys(SECRET, 'the secret'),
      runId: 'example',
      deadlineMs: 5_000,
      optionNames: OPTION_NAMES,
      mustShow: true,
      stop: new AbortController().signal,
    });
    expect(ok).toBe(true);
    const optional = /^(batch_|list$|digest$)/;
    expect(checks.filter((line) => line.verdict !== 'pass' && !optional.test(line.check))).toEqual([]);
  });

  it('accepts a new, a repeated and a late delivery from the real adapter, and refuses a changed one', async () => {
    const { url, query } = await startReceiver();
    const target = openTarget(url, [SECRET]);
    expect(await send(target, 2)).toMatchObject({ verdict: 'delivered', status: 200 });
    expect(await send(target, 2)).toMatchObject({ verdict: 'delivered', status: 200 });
    expect(await send(target, 1)).toMatchObject({ verdict: 'delivered', status: 200 });
    const changed = { ...ROW, ready_to_send: false };
    expect(await send(target, 2, changed)).toMatchObject({ verdict: 'park', status: 422 });
    expect(query('SELECT order_id, version, row FROM orders')).toEqual([
      { order_id: 'order123', version: 2, row: JSON.stringify({ ...ROW, version: 2 }) },
    ]);
    expect(query('SELECT COUNT(*) AS ids FROM received')).toEqual([{ ids: 2 }]);
  });

  it('refuses requests that another secret signed, and does not start without a secret', async () => {
    const { url, query } = await startReceiver();
    const other = `whsec_${Buffer.alloc(32, 6).toString('base64')}`;
    expect(await send(openTarget(url, [other]), 2)).toMatchObject({ verdict: 'retry', status: 401 });
    expect(await send(openTarget(url, []), 2)).toMatchObject({ verdict: 'retry', status: 401 });
    expect(query('SELECT * FROM received')).toEqual([]);
    expect(() => createReceiver(':memory:', '')).toThrow('secret');
  });

  it('restores a lost or damaged row from a duplicate, and never an older version', async () => {
    const { url, query } = await startReceiver();
    const target = openTarget(url, [SECRET]);
    await send(target, 2);
    query('DELETE FROM orders');
    await send(target, 2);
    const right = { version: 2, row: JSON.stringify({ ...ROW, version: 2 }) };
    expect(query('SELECT version, row FROM orders')).toEqual([right]);
    query(`UPDATE orders SET row = 'damaged'`);
    await send(target, 2);
    expect(query('SELECT version, row FROM orders')).toEqual([right]);
    await send(target, 3);
    await send(target, 2);
    expect(query('SELECT version FROM orders')).toEqual([{ version: 3 }]);
  });

  it('stores neither id nor effect if one of them fails, and accepts the next attempt', async () => {
    const { url, query } = await startReceiver();
    const target = openTarget(url, [SECRET]);
    query(`CREATE TRIGGER full_disk BEFORE INSERT ON orders BEGIN SELECT RAISE(ABORT, 'disk full'); END`);
    expect(await send(target, 2)).toMatchObject({ verdict: 'retry', status: 500 });
    expect(query('SELECT * FROM received')).toEqual([]);
    query('DROP TRIGGER full_disk');
    expect(await send(target, 2)).toMatchObject({ verdict: 'delivered' });
    expect(query('SELECT version FROM orders')).toEqual([{ version: 2 }]);
  });

  it('holds the right states after the whole pipeline has delivered to it', async () => {
    const { url, folder, query } = await startReceiver();
    const clock = systemClock;
    const log = openEmbeddedLog({ dataDir: folder, clock });
    const store = openSqliteStore({ file: join(folder, 'sync.sqlite'), clock, targets: ['receiver'] });
    const sync = new Sync({
      domain: orders,
      log,
      store,
      targets: [{ target: openTarget(url, [SECRET]), qualifies: null }],
      clock,
      logger: () => undefined,
      group: 'order-sync',
      delivery: { pollMs: 20 },
    });
    await log.createTopics(['order_events', 'payment_events'].map((topic) => ({ topic, partitions: 2 })));
    const producer = log.producer();
    try {
      await sync.start();
      for (const id of ['A1', 'a1', 'A1 ', '\u{1f69a}']) {
        await producer.append([paid(id, 'PAYMENT_AUTHORIZED', 1), created(id), created(id)]);
      }
      const holds = (versionOfA1: number) =>
        vi.waitFor(
          () => {
            const held = query('SELECT order_id, version FROM orders ORDER BY order_id');
            expect(held).toEqual([
              { order_id: 'A1', version: 2 },
              { order_id: 'A1 ', version: 2 },
              { order_id: 'a1', version: versionOfA1 },
              { order_id: '\u{1f69a}', version: 2 },
            ]);
          },
          { timeout: 20_000, interval: 50 },
        );
      // An order that was never ready is not delivered, so it must be there before it is declined.
      await holds(2);
      await producer.append([paid('a1', 'AUTHORIZATION_REVIEW_DECLINED', 2)]);
      await holds(3);
      const [declined] = query(`SELECT row FROM orders WHERE order_id = 'a1'`);
      expect(JSON.parse(String(declined?.row))).toMatchObject({
        ready_to_send: false,
        review_status: 'DECLINED',
      });
    } finally {
      await sync.stop();
      await producer.close();
      await log.close();
      await store.close();
    }
  });
});

function created(orderId: string): NewRecord {
  const body = { eventType: 'ORDER', orderId, orderStatus: 'CREATED', timestamp: '2025-04-05T02:26:00Z' };
  return record('order_events', orderId, body);
}

function paid(orderId: string, paymentStatus: string, hour: number): NewRecord {
  const timestamp = new Date(Date.UTC(2025, 3, 5, hour)).toISOString();
  return record('payment_events', orderId, { eventType: 'PAYMENT', orderId, paymentStatus, timestamp });
}

function record(topic: string, key: string, body: object): NewRecord {
  return { topic, key: Buffer.from(key), value: Buffer.from(JSON.stringify(body)), headers: [] };
}

describe('docs/being-a-target.md', async () => {
  const page = await readFile(new URL('../../docs/being-a-target.md', import.meta.url), 'utf8');
  const requests = blocksOf(page)
    .filter(({ language, content }) => language === 'http' && content.startsWith('POST'))
    .map(({ content }) => {
      const [head = '', body = ''] = content.trimEnd().split('\n\n');
      const [line = '', ...fields] = head.split('\n');
      const headers = Object.fromEntries(fields.map((text) => text.split(/: (.*)/s, 2) as [string, string]));
      return { line, headers, body };
    });
  const [single, batch] = requests as [(typeof requests)[0], (typeof requests)[0]];
  const secret = /`(whsec_[^`]+)`: try your code/.exec(page)?.[1] ?? '';
  const atMs = Number(single.headers['webhook-timestamp']) * 1_000;

  afterEach(() => {
    vi.useRealTimers();
  });

  it('shows the request that the real adapter sends', async () => {
    const server = await startScriptedServer((response) => response.writeHead(204).end());
    onTestFinished(() => server.close());
    const { version, ...row } = JSON.parse(single.body);
    await send(openTarget(server.url, [secret], atMs), version, row);
    const [sent] = server.received;
    expect(`POST ${sent?.path} HTTP/1.1`).toBe(single.line);
    expect(sent?.headers).toMatchObject(single.headers);
    expect(sent?.body).toBe(single.body);
  });

  it('shows a signature that its code accepts for 300 s, for this body, id and secret only', () => {
    const body = Buffer.from(single.body);
    vi.useFakeTimers({ now: atMs + 299_000, toFake: ['Date'] });
    expect(isSigned(secret, single.headers, body)).toBe(true);
    expect(isSigned(SECRET, single.headers, body)).toBe(false);
    expect(isSigned(secret, single.headers, Buffer.from(`${single.body} `))).toBe(false);
    expect(isSigned(secret, { ...single.headers, 'webhook-id': 'msg_other' }, body)).toBe(false);
    for (const name of ['webhook-id', 'webhook-timestamp', 'webhook-signature']) {
      expect(isSigned(secret, { ...single.headers, [name]: undefined }, body), name).toBe(false);
    }
    const two = `v1,${Buffer.alloc(32).toString('base64')} ${single.headers['webhook-signature']}`;
    expect(isSigned(secret, { ...single.headers, 'webhook-signature': two }, body)).toBe(true);
    vi.setSystemTime(atMs + 301_000);
    expect(isSigned(secret, single.headers, body)).toBe(false);
    vi.setSystemTime(atMs - 301_000);
    expect(isSigned(secret, single.headers, body)).toBe(false);
  });

  it('shows a batch whose id comes from its delivery ids, and delivery ids from order and version', () => {
    const { deliveries } = JSON.parse(batch.body) as {
      deliveries: { id: string; state: { order_id: string; version: number } }[];
    };
    const ids = deliveries.map(({ id }) => id);
    expect(batch.headers['webhook-id']).toBe(`batch_${hash('sha256', ids.join('\n'), 'hex').slice(0, 32)}`);
    for (const { id, state } of deliveries) expect(id).toBe(deliveryIdOf(state.order_id, state.version));
    const answer = blocksOf(page).find(({ language }) => language === 'json')?.content ?? '';
    expect(JSON.parse(answer).results.map(({ id }: { id: string }) => id)).toEqual(ids);
  });

  it('shows the right digest of the two orders below it', () => {
    const digest = /digest of these two orders is `([0-9a-f]{64})`/.exec(page)?.[1];
    const lines = blocksOf(page).find(({ content }) => content.startsWith('["order123"'))?.content ?? '';
    expect(hash('sha256', lines, 'hex')).toBe(digest);
  });

  it("lists the adapter's verdict for every status from 200 to 599", () => {
    const rows = [...page.matchAll(/^\| ([^|]+) \| (delivered|retry|throttle|disable|park) \|/gm)];
    const verdictOnPage = (status: number) => {
      const found =
        rows.find(([, words = '']) => words.includes(String(status))) ??
        rows.find(([, words = '']) => words.endsWith(`${Math.floor(status / 100)}xx`));
      return found?.[2];
    };
    for (let status = 200; status < 600; status++)
      expect(verdictOnPage(status), String(status)).toBe(verdictOf(status, 1));
  });
});
