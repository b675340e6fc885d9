import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buildConnector, type Dispatcher } from 'undici';
import { afterEach, expect, it } from 'vitest';
import {
  type Connection,
  Connections,
  type ConnectionUser,
} from '../../../src/adapters/http-delivery/connections.ts';

const REQUEST: Dispatcher.DispatchOptions = { method: 'POST', path: '/', body: '{}' };
const cleanups: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A request that notes how it ended. */
class Noted implements ConnectionUser {
  connection: Connection | null = null;
  isHandedOver = false;
  readonly isCareful = false;
  isSettled = false;
  status = 0;
  readonly ends: string[] = [];
  /** Resolves when the request has ended. */
  readonly over = Promise.withResolvers<void>();
  readonly #connections: Connections;
  readonly #isNamed: boolean;
  readonly #then: () => void;

  /** `then` is called while the end of the answer is handled. */
  constructor(connections: Connections, then: () => void = () => {}, isNamed = true) {
    this.#connections = connections;
    this.#isNamed = isNamed;
    this.#then = then;
  }

  send(): this {
    this.#connections.dispatch(REQUEST, this);
    return this;
  }

  onRequestStart(): void {}

  onResponseStart(_controller: Dispatcher.DispatchController, status: number): void {
    this.status = status;
  }

  onResponseData(): void {}

  onResponseEnd(): void {
    this.#connections.ended(this, this.#isNamed, () => {
      this.#end(`answered ${this.status}`);
      this.#then();
    });
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (this.#connections.failed(this, error) === null) return;
    this.#end(`failed: ${(error as { code?: string }).code ?? error.message}`);
  }

  #end(how: string): void {
    this.ends.push(how);
    this.over.resolve();
  }
}

async function serve(listener: RequestListener) {
  const server = createServer(listener);
  let connections = 0;
  server.on('connection', () => void connections++);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { origin, made: () => connections };
}

const REAL_CLOCK = { monotonicMs: () => performance.now() };

function open(origin: string, max: number, clock = REAL_CLOCK): Connections {
  const connections = new Connections({
    origin,
    max,
    clock,
    shownCertificate: () => null,
    connector: buildConnector({ allowH2: false, timeout: 5_000 }),
  });
  cleanups.push(() => connections.destroy());
  return connections;
}

function answer(request: IncomingMessage, response: ServerResponse): void {
  request.resume().on('end', () => response.end('{}'));
}

/** Sends `count` requests, `atOnce` at a time: each one starts while the end of an earlier one is handled. */
async function sendMany(
  connections: Connections,
  count: number,
  atOnce: number,
  isNamed = true,
): Promise<Noted[]> {
  const sent: Noted[] = [];
  const next = (): void => {
    if (sent.length < count) sent.push(new Noted(connections, next, isNamed).send());
  };
  for (let begun = 0; begun < atOnce; begun++) next();
  for (let index = 0; index < sent.length; index++) {
    await (sent[index] as Noted).over.promise;
    // A request that fails does not start the next one.
    if (sent.length === index + 1) next();
  }
  expect(sent).toHaveLength(count);
  return sent;
}

it('the connection that has just carried a request carries the next one', async () => {
  const server = await serve(answer);
  const sent = await sendMany(open(server.origin, 64), 200, 4);
  expect(sent.flatMap(({ ends }) => ends)).toEqual(Array(200).fill('answered 200'));
  expect(server.made()).toBe(4);
});

it('a new connection is made only if no rested one is free, and all are used again', async () => {
  const server = await serve(answer);
  const connections = open(server.origin, 64);
  for (const [atOnce, made] of [
    [1, 1],
    [5, 5],
    [3, 5],
    [8, 8],
  ] as const) {
    await sendMany(connections, 40, atOnce);
    expect(server.made()).toBe(made);
    // The last connections rest until the event loop has turned.
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
  }
});

it('no more requests are under way than the limit, and the others start in their sequence', async () => {
  let underWay = 0;
  let most = 0;
  const server = await serve((request, response) => {
    most = Math.max(most, ++underWay);
    setTimeout(() => {
      underWay--;
      answer(request, response);
    }, 5);
  });
  const connections = open(server.origin, 3);
  const ended: number[] = [];
  const sent = Array.from({ length: 20 }, (_, number) =>
    new Noted(connections, () => void ended.push(number)).send(),
  );
  await Promise.all(sent.map(({ over }) => over.promise));
  expect(most).toBe(3);
  expect(server.made()).toBe(3);
  // Three requests are under way at a time, so each ends at most two places from its own.
  for (const [place, number] of ended.entries()) expect(Math.abs(place - number)).toBeLessThanOrEqual(2);
});

it('a request that is settled while it waits for a connection is not sent', async () => {
  const seen: IncomingMessage[] = [];
  const server = await serve((request, response) => {
    seen.push(request);
    answer(request, response);
  });
  const connections = open(server.origin, 1);
  const [first, given, last] = [
    new Noted(connections).send(),
    new Noted(connections).send(),
    new Noted(connections).send(),
  ];
  given.isSettled = true;
  await Promise.all([first.over.promise, last.over.promise]);
  expect(given.ends).toEqual([]);
  expect(seen).toHaveLength(2);
});

it('each request to a target that is not there fails, and later requests reach the target once it is there', async () => {
  const gone = createServer();
  gone.listen(0, '127.0.0.1');
  await once(gone, 'listening');
  const { port } = gone.address() as AddressInfo;
  gone.close();
  await once(gone, 'close');
  const connections = open(`http://127.0.0.1:${port}`, 2);
  const refused = Array.from({ length: 5 }, () => new Noted(connections).send());
  await Promise.all(refused.map(({ over }) => over.promise));
  expect(refused.flatMap(({ ends }) => ends)).toEqual(Array(5).fill('failed: ECONNREFUSED'));

  const server = createServer(answer);
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const answered = Array.from({ length: 5 }, () => new Noted(connections).send());
  await Promise.all(answered.map(({ over }) => over.promise));
  expect(answered.flatMap(({ ends }) => ends)).toEqual(Array(5).fill('answered 200'));
});

it('each request is told exactly once how it ended, whatever the target does with its connections', async () => {
  const WAYS = ['answers', 'closes_after', 'says_close', 'breaks_off', 'closes_before', 'answers_early'];
  let number = 0;
  const received: string[] = [];
  const server = await serve((request, response) => {
    const way = WAYS[(number++ * 7 + (number >> 3)) % WAYS.length] as string;
    received.push(way);
    if (way === 'answers_early') {
      response.end('{}');
      return;
    }
    request.resume().on('end', () => {
      if (way === 'closes_before') request.socket.destroy();
      else if (way === 'breaks_off') response.writeHead(200, { 'content-length': 10 }).write('{');
      else if (way === 'says_close') response.writeHead(200, { connection: 'close' }).end('{}');
      else response.end('{}', () => way === 'closes_after' && request.socket.destroy());
      if (way === 'breaks_off') setTimeout(() => request.socket.destroy(), 2);
    });
  });
  const COUNT = 600;
  const sent = await sendMany(open(server.origin, 6), COUNT, 12);
  const ends = sent.map((one) => one.ends);
  for (const each of ends) expect(each).toHaveLength(1);
  // A request is sent once more at most.
  expect(received.length).toBeLessThanOrEqual(2 * COUNT);
  expect(ends.filter(([end]) => end === 'answered 200').length).toBeGreaterThan(COUNT / 3);
  expect(ends.filter(([end]) => end?.startsWith('failed')).length).toBeGreaterThan(COUNT / 10);
});

it('a connection rests for longer after an answer without a delivery id, and others carry the next requests', async () => {
  const server = await serve(answer);
  const sent = await sendMany(open(server.origin, 64), 200, 4, false);
  expect(sent.flatMap(({ ends }) => ends)).toEqual(Array(200).fill('answered 200'));
  expect(server.made()).toBeGreaterThan(4);
});

it('all connections rest for longer during the minute after a request failed', async () => {
  let isBroken = false;
  const server = await serve((request, response) => {
    if (isBroken) request.socket.destroy();
    else answer(request, response);
  });
  let nowMs = 0;
  const connections = open(server.origin, 64, { monotonicMs: () => nowMs });
  const madeBy = async () => {
    const before = server.made();
    await sendMany(connections, 40, 4);
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
    return server.made() - before;
  };
  expect(await madeBy()).toBe(4);
  isBroken = true;
  const [failed] = await sendMany(connections, 1, 1);
  expect(failed?.ends[0]).toMatch(/^failed: /);
  isBroken = false;
  nowMs = 59_999;
  expect(await madeBy()).toBeGreaterThan(1);
  nowMs = 60_000;
  expect(await madeBy()).toBe(0);
});

it('a connection that carried an answer to something else is closed, and the request that has waited longest gets its place', async () => {
  const server = await serve(answer);
  const connections = open(server.origin, 1);
  const ended: string[] = [];
  const [first, second, third, late] = ['first', 'second', 'third', 'late'].map(
    (name) => new Noted(connections, () => void ended.push(name)),
  ) as [Noted, Noted, Noted, Noted];
  first.onResponseEnd = () => {
    connections.discard(first);
    late.send();
  };
  for (const each of [first, second, third]) each.send();
  await Promise.all([second, third, late].map(({ over }) => over.promise));
  expect(ended).toEqual(['second', 'third', 'late']);
  expect(server.made()).toBe(2);
});

for (const [answers, isNamed] of [
  ['named', true],
  ['nameless', false],
] as const) {
  it(`few requests fail at a target that closes its connection without notice after each of its ${answers} answers`, async () => {
    const server = await serve((request, response) => {
      request.resume().on('end', () => response.end('{}', () => request.socket.destroy()));
    });
    const sent = await sendMany(open(server.origin, 4), 400, 4, isNamed);
    const failed = sent.filter(({ ends }) => ends[0] !== 'answered 200');
    // The kernel may deliver an answer and the end of its connection apart.
    expect(failed.length).toBeLessThan(20);
  });
}

it('a second answer to one request is hardly ever taken for the answer to the next request', async () => {
  const STRAY = 'HTTP/1.1 299 Stray\r\ncontent-length: 0\r\n\r\n';
  const server = await serve((request, response) => {
    const { socket } = request;
    request.resume().on('end', () => {
      response.end('{}');
      setImmediate(() => void socket.write(STRAY));
    });
  });
  const sent = await sendMany(open(server.origin, 4), 400, 4, false);
  const strays = sent.filter(({ ends }) => ends[0] === 'answered 299');
  expect(strays.length).toBeLessThan(20);
});
