import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startOrderMgt } from '../../../src/apps/order-mgt/order-mgt.ts';
import { BARE_ENVIRONMENT } from '../../helpers/bare-environment.ts';
import { newState, send, TestOrderMgt } from './fixture.ts';

const MAIN = fileURLToPath(new URL('../../../src/apps/order-mgt/main.ts', import.meta.url));

describe('the start of order-mgt', () => {
  it('fails on a port in use, and names the port and the setting', async () => {
    const first = await new TestOrderMgt().start();
    const port = Number(new URL(first.url).port);
    const second = startOrderMgt({
      databaseUrl: `sqlite:${new TestOrderMgt().file}`,
      host: '127.0.0.1',
      port,
      secret: undefined,
      logger: () => {},
    });
    await expect(second).rejects.toMatchObject({
      code: 'address_in_use',
      message: expect.stringMatching(new RegExp(`Port ${port} .*ORDER_MGT_PORT`)),
    });
  });

  it('leaves no database open if it fails', async () => {
    const { file } = await new TestOrderMgt().start().then(async (first) => {
      const port = Number(new URL(first.url).port);
      const { file } = new TestOrderMgt();
      const options = { databaseUrl: `sqlite:${file}`, host: '127.0.0.1', port, secret: undefined };
      await expect(startOrderMgt({ ...options, logger: () => {} })).rejects.toThrow();
      return { file };
    });
    // The last connection that closes removes the write-ahead log.
    expect([existsSync(file), existsSync(`${file}-wal`)]).toEqual([true, false]);
  });

  it('fails outside loopback without a secret, and with a malformed secret', async () => {
    const { file } = new TestOrderMgt();
    const start = (host: string, secret: string | undefined) =>
      startOrderMgt({ databaseUrl: `sqlite:${file}`, host, port: 0, secret, logger: () => {} });
    for (const host of ['0.0.0.0', '::', '192.0.2.1', 'example.org', '']) {
      const refusal = { code: 'setting_invalid', message: expect.stringContaining('ORDER_MGT_SECRET') };
      await expect(start(host, undefined), host).rejects.toMatchObject(refusal);
      await expect(start(host, '  '), host).rejects.toMatchObject(refusal);
    }
    await expect(start('127.0.0.1', 'secret')).rejects.toMatchObject({ code: 'setting_invalid' });
  });

  it('fails on a file of a newer program, and on one that cannot be opened', async () => {
    const { file } = new TestOrderMgt();
    const database = new DatabaseSync(file);
    database.exec('PRAGMA user_version = 999');
    database.close();
    const start = (databaseUrl: string) =>
      startOrderMgt({ databaseUrl, host: '127.0.0.1', port: 0, secret: undefined, logger: () => {} });
    await expect(start(`sqlite:${file}`)).rejects.toMatchObject({ code: 'schema_too_new' });
    await expect(start('sqlite:/dev/null/x.sqlite')).rejects.toMatchObject({
      code: 'data_directory_unusable',
    });
    await expect(start('postgres://x')).rejects.toMatchObject({ code: 'setting_invalid' });
  });
});

describe('the stop of order-mgt', () => {
  it('answers the waiting readers, finishes the requests in hand, and may be asked for twice', async () => {
    const target = await new TestOrderMgt().start();
    const waiting = target.order('nobody', '?wait=60');
    await target.get('/livez');
    await target.get('/livez');
    const posts = Array.from({ length: 20 }, (_, index) =>
      target.post(newState({ order_id: `order-${index}` })),
    );
    await Promise.race(posts);
    await Promise.all([target.orderMgt?.close(), target.orderMgt?.close()]);

    expect(await waiting).toMatchObject({ status: 404, body: { code: 'order_unknown' } });
    const outcomes = await Promise.allSettled(posts);
    const acknowledged = outcomes.flatMap((outcome) =>
      outcome.status === 'fulfilled' && outcome.value.status === 200 ? [outcome.value.body.order_id] : [],
    );
    expect(acknowledged.length).toBeGreaterThan(0);
    const stored = new Set(target.query('SELECT order_id FROM orders').map((row) => row.order_id));
    expect(acknowledged.filter((orderId) => !stored.has(orderId))).toEqual([]);
  });

  it('loses nothing, so that the next start has every state and every id', async () => {
    const target = await new TestOrderMgt().start();
    await target.post(newState(), { 'webhook-id': 'msg_1' });
    await target.orderMgt?.close();
    await target.start();
    expect((await target.order('order123')).body).toEqual(newState());
    expect((await target.post(newState(), { 'webhook-id': 'msg_1' })).body.duplicate).toBe(true);
  });
});

describe('the program order-mgt', () => {
  interface Running {
    readonly child: ChildProcess;
    readonly url: string;
  }

  /** Starts the real program in its own process, and resolves when it listens. */
  async function run(file: string): Promise<Running> {
    const child = spawn(process.execPath, [MAIN], {
      env: { ...BARE_ENVIRONMENT, ORDER_MGT_DATABASE_URL: `sqlite:${file}`, ORDER_MGT_PORT: '0' },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    for await (const line of createInterface({ input: child.stderr as NodeJS.ReadableStream })) {
      const url = /listens on (http:[^\s"]+)/.exec(line)?.[1];
      if (url !== undefined) return { child, url };
    }
    throw new Error('order-mgt ended before it listened.');
  }

  async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
    const exited = once(child, 'exit');
    child.kill(signal);
    const [code] = await exited;
    return code as number | null;
  }

  it('keeps everything that it acknowledged before kill -9 under load, with one effect for each id', async () => {
    const { file, query } = testFile();
    const acknowledged = new Map<string, number>();
    for (let round = 1; round <= 3; round++) {
      const { child, url } = await run(file);
      let isKilled = false;
      const client = async (client: number) => {
        for (let version = round * 1_000; !isKilled; version++) {
          const orderId = `order-${client}`;
          const body = JSON.stringify(newState({ order_id: orderId, version }));
          const headers = { 'content-type': 'application/json', 'webhook-id': `msg_${orderId}_${version}` };
          const answer = await send(url, 'POST', '/api/orders', headers, body).catch(() => null);
          if (answer?.status === 200) acknowledged.set(orderId, version);
          if (answer?.status === 200 && version === round * 1_000 + 20 && client === 0) child.kill('SIGKILL');
          if (answer === null) isKilled = true;
        }
      };
      await Promise.all(Array.from({ length: 8 }, (_, index) => client(index)));
    }

    const { child, url } = await run(file);
    for (const [orderId, version] of acknowledged) {
      const { body } = await send(url, 'GET', `/api/orders/${orderId}`);
      // One more version may have been stored, whose answer was lost.
      expect(body.version - version, orderId).toBeGreaterThanOrEqual(0);
    }
    expect(await end(child, 'SIGTERM')).toBe(143);
    const mismatched = query(
      `SELECT o.order_id FROM orders o WHERE o.version <>
         (SELECT MAX(d.version) FROM deliveries_received d WHERE d.order_id = o.order_id AND d.effect = 'applied')`,
    );
    expect(mismatched).toEqual([]);
    expect(query('PRAGMA integrity_check')).toEqual([{ integrity_check: 'ok' }]);
    expect(acknowledged.size).toBe(8);
  });

  it('ends with 3 and names the remedy if it listens outside loopback without a secret', async () => {
    const child = spawn(process.execPath, [MAIN, '--host', '0.0.0.0', '--port', '0'], {
      env: { ...BARE_ENVIRONMENT, ORDER_MGT_DATABASE_URL: `sqlite:${new TestOrderMgt().file}` },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let said = '';
    child.stderr?.on('data', (chunk) => {
      said += chunk;
    });
    const [code] = await once(child, 'close');
    expect(code).toBe(3);
    expect(said).toContain('set ORDER_MGT_SECRET');
  });

  function testFile(): { file: string; query: TestOrderMgt['query'] } {
    const target = new TestOrderMgt();
    return { file: target.file, query: (sql) => target.query(sql) };
  }
});
