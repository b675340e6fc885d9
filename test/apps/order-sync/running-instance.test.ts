import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { askInstance } from '../../../src/apps/order-sync/running-instance.ts';

const INSTANCE = { storeId: 'store-1' };

/** A server on this address that answers in this way. Resolves with its port and the keys that it was sent. */
async function serverOf(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
  host = '127.0.0.1',
) {
  const keys: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    keys.push(request.headers.authorization);
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { keys, port: (server.address() as AddressInfo).port };
}

const answering = (status: number, body: unknown, host?: string) =>
  serverOf((_, response) => response.writeHead(status).end(JSON.stringify(body)), host);

const ask = (port: number, more: { host?: string; statusKey?: string } = {}) =>
  askInstance({ host: '127.0.0.1', statusKey: undefined, ...more, port });

async function reasonOf(port: number, statusKey?: string): Promise<string> {
  const answer = await ask(port, statusKey === undefined ? {} : { statusKey });
  if (answer.kind === 'answered') throw new Error('It answered.');
  return answer.reason;
}

describe('askInstance', () => {
  it('gives what the instance tells of itself, and sends the key of the settings', async () => {
    const { port, keys } = await answering(200, { instance: INSTANCE });
    expect(await ask(port, { statusKey: 'k1' })).toEqual({
      kind: 'answered',
      url: `http://127.0.0.1:${port}`,
      instance: INSTANCE,
    });
    await ask(port);
    expect(keys).toEqual(['Bearer k1', undefined]);
  });

  it.each([
    ['0.0.0.0', 'http://127.0.0.1'],
    ['', 'http://127.0.0.1'],
    ['::', 'http://[::1]'],
    ['::1', 'http://[::1]'],
    ['[::1]', 'http://[::1]'],
    ['sync.test', 'http://sync.test'],
  ])('asks a server that listens on "%s" at %s', async (host, url) => {
    expect((await ask(1, { host })).url).toBe(`${url}:1`);
  });

  it.each([
    [401, undefined, 'It wants an API key: set ORDER_SYNC_STATUS_KEY to one with the scope read.'],
    [403, undefined, 'It wants an API key: set ORDER_SYNC_STATUS_KEY to one with the scope read.'],
    [401, 'hunter2', 'ORDER_SYNC_STATUS_KEY'],
    [403, 'hunter2', 'ORDER_SYNC_STATUS_KEY'],
  ])('names the setting of the key where %i is answered to the key %s', async (status, key, words) => {
    const { port } = await answering(status, {});
    const reason = await reasonOf(port, key);
    expect(reason).toContain(words);
    expect(reason).not.toContain('hunter2');
  });

  it.each([
    [200, {}],
    [200, { instance: null }],
    [404, { code: 'route_unknown' }],
  ])('takes %i with %j for the answer of another program', async (status, body) => {
    const { port } = await answering(status, body);
    expect(await reasonOf(port)).toBe(`What answers there is no order-sync of this version (${status}).`);
  });

  it('says that nothing listens, that the answer makes no sense, and that the port is not known', async () => {
    expect(await reasonOf(1)).toBe('No order-sync answers: nothing listens there.');
    const { port } = await serverOf((_, response) => response.writeHead(200).end('<html>'));
    expect(await reasonOf(port)).toBe('No order-sync answers: its answer makes no sense.');
    expect(await reasonOf(0)).toBe('ORDER_SYNC_PORT is 0, so its port is not known.');
  });

  it('gives up on an answer that is cut off or far too long', async () => {
    const cut = await serverOf((_, response) => {
      response.writeHead(200, { 'content-length': '100' }).write('{');
      response.socket?.destroy();
    });
    expect(await reasonOf(cut.port)).toBe('No order-sync answers: ECONNRESET.');
    const long = await serverOf((_, response) => {
      response.writeHead(200);
      response.end(Buffer.alloc(9 * 1024 * 1024, ' '));
    });
    expect(await reasonOf(long.port)).toMatch(/^No order-sync answers: /);
  });
});
