import { connect } from 'node:net';
import type { FastifyInstance, InjectOptions } from 'fastify';
import { describe, expect, it, onTestFinished } from 'vitest';
import { isCalledLocally } from '../../../../src/apps/shared/http/host-guard.ts';
import { closeServer, listen } from '../../../../src/apps/shared/http/listen.ts';
import { HttpProblem } from '../../../../src/apps/shared/http/problem.ts';
import { createServer, type HttpServerOptions } from '../../../../src/apps/shared/http/server.ts';

const LISTEN = {
  host: '127.0.0.1',
  port: 0,
  program: 'order-sync',
  hostSetting: 'ORDER_SYNC_HOST',
  portSetting: 'ORDER_SYNC_PORT',
  portFlag: 'port',
};

function serverOf(more: Partial<HttpServerOptions> = {}) {
  const logged: string[] = [];
  const problems: string[] = [];
  const app = createServer({
    bodyBytesMax: 1_000,
    access: 'open',
    scopeOf: () => null,
    guard: { isOpen: true, host: '127.0.0.1', hosts: ['sync.test:8080'], setting: 'ORDER_SYNC_KNOWN_HOSTS' },
    logger: (level, message) => void logged.push(`${level}: ${message}`),
    onProblem: (code) => void problems.push(code),
    ...more,
  });
  app.get('/api/v1/things/:id', async ({ params }) => params);
  app.post('/api/v1/things', async ({ body }) => ({ body }));
  app.delete('/api/v1/things', async () => ({}));
  app.post('/api/v1/things/:id(^[^:]+)::cancel', async () => ({}));
  onTestFinished(() => app.close());
  return { app, logged, problems };
}

async function ask(app: FastifyInstance, url: string, more: InjectOptions = {}) {
  const answer = await app.inject({ url, ...more });
  return {
    status: answer.statusCode,
    headers: answer.headers,
    code: answer.json().code as string | undefined,
  };
}

/** Sends the text on a socket of its own, and resolves with all that is answered. */
async function send(app: FastifyInstance, text: string): Promise<string> {
  const url = await listen(app, LISTEN);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    let answer = '';
    socket.on('data', (bytes) => {
      answer += bytes;
    });
    socket.on('close', () => resolve(answer));
    socket.on('error', reject);
    socket.write(text);
  });
}

describe('a request that is no request of HTTP/1.1', () => {
  it.each([
    ['no HTTP', 'hello\r\n\r\n', 400, 'request_invalid'],
    [
      'large headers',
      `GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(100_000)}\r\n\r\n`,
      431,
      'headers_too_large',
    ],
    ['no Host', 'GET /api/v1/things/a HTTP/1.1\r\nConnection: close\r\n\r\n', 400, 'host_missing'],
    [
      'an unknown Expect',
      'GET /api/v1/things/a HTTP/1.1\r\nHost: localhost\r\nExpect: all\r\n\r\n',
      417,
      'expectation_unknown',
    ],
  ])('gets the whole answer for %s, and then the end of the connection', async (_, text, status, code) => {
    const answer = await send(serverOf().app, text);
    const [head = '', body = ''] = answer.split('\r\n\r\n');
    expect(head).toContain(`HTTP/1.1 ${status} `);
    expect(head.toLowerCase()).toContain('connection: close');
    expect(JSON.parse(body)).toMatchObject({ status, code });
  });

  it('gets an answer without a Host by HTTP/1.0, which needs none', async () => {
    const answer = await send(serverOf().app, 'GET /api/v1/things/a HTTP/1.0\r\n\r\n');
    expect(answer).toContain('HTTP/1.1 200 OK');
    expect(answer).toContain('{"id":"a"}');
  });
});

describe('the guard of host names', () => {
  const GET = '/api/v1/things/a';

  it.each([
    ['localhost', 200],
    ['LOCALHOST:3000', 200],
    ['127.0.0.1:3000', 200],
    ['[::1]:3000', 200],
    ['sync.test', 200],
    ['sync.test:9999', 200],
    ['sync.test.', 200],
    ['evil.test', 421],
    ['sync.test.evil.test', 421],
  ])('answers the host "%s" with %i', async (host, status) => {
    expect((await ask(serverOf().app, GET, { headers: { host } })).status).toBe(status);
  });

  it('holds for a server with keys too, if names are set, and for no other one', async () => {
    const guard = { isOpen: false, host: '127.0.0.1', setting: 'ORDER_SYNC_KNOWN_HOSTS' };
    const headers = { host: 'evil.test' };
    const named = serverOf({ guard: { ...guard, hosts: ['sync.test'] } }).app;
    const unnamed = serverOf({ guard: { ...guard, hosts: [] } }).app;
    expect((await ask(named, GET, { headers })).status).toBe(421);
    expect((await ask(unnamed, GET, { headers })).status).toBe(200);
  });

  it.each<[Record<string, string>, number]>([
    [{}, 200],
    [{ origin: 'http://localhost:3000' }, 200],
    [{ origin: 'https://sync.test' }, 200],
    [{ origin: 'https://evil.test' }, 403],
    [{ origin: 'null' }, 403],
    [{ 'sec-fetch-site': 'cross-site' }, 403],
    [{ 'sec-fetch-site': 'same-origin' }, 200],
  ])('answers a change with %j with %i, and a look with 200', async (headers, status) => {
    const { app } = serverOf();
    expect((await ask(app, '/api/v1/things', { method: 'DELETE', headers })).status).toBe(status);
    expect((await ask(app, GET, { headers })).status).toBe(200);
  });
});

describe('isCalledLocally', () => {
  const isLocal = (remoteAddress: string | undefined, host?: string) =>
    isCalledLocally({ headers: { host }, socket: { remoteAddress } } as never);

  it('takes callers on this machine that use a name of this machine', () => {
    for (const address of ['127.0.0.1', '::1', '::ffff:127.0.0.1'])
      expect([isLocal(address), isLocal(address, 'localhost:3000'), isLocal(address, 'sync.test')]).toEqual([
        true,
        true,
        false,
      ]);
    for (const address of ['10.0.0.1', '::ffff:10.0.0.1', undefined])
      expect(isLocal(address, 'localhost')).toBe(false);
  });
});

describe('a path that no route answers', () => {
  const unknownPage: HttpServerOptions['unknownPage'] = async (_, reply) =>
    reply.code(404).send({ code: 'page' });
  const codeFor = async (url: string, more: InjectOptions = {}) =>
    (await ask(serverOf({ unknownPage }).app, url, more)).code;
  const html = { headers: { accept: 'text/html,application/xhtml+xml;q=0.9' } };

  it('gets a page if a browser asks for one outside of the API, and else a problem', async () => {
    expect(await codeFor('/nothing', html)).toBe('page');
    expect(await codeFor('/nothing')).toBe('route_unknown');
    expect(await codeFor('/nothing', { headers: { accept: '*/*' } })).toBe('route_unknown');
    expect(await codeFor('/nothing', { headers: { accept: 'text/html;q=0' } })).toBe('route_unknown');
    expect(await codeFor('/nothing', { headers: { accept: 'text/html; level=1; q=0.5' } })).toBe('page');
    expect(await codeFor('/nothing', { ...html, method: 'POST' })).toBe('route_unknown');
    expect(await codeFor('/api/nothing', html)).toBe('route_unknown');
    expect(await codeFor('/api', html)).toBe('route_unknown');
    expect(await codeFor('/apis', html)).toBe('page');
  });

  it.each([
    ['/api/v1/things?x=1', 'GET', 'DELETE, POST'],
    ['/api/v1/things/a?x=1', 'POST', 'GET, HEAD'],
    ['/api/v1/things/a:cancel', 'GET', 'POST'],
  ] as const)('gets the methods of %s for a %s', async (url, method, allow) => {
    const isRead = url.includes(':cancel');
    const answer = await ask(serverOf().app, url, { method: isRead ? 'PUT' : method });
    expect(answer.status).toBe(405);
    expect(String(answer.headers.allow)).toContain(allow);
  });
});

describe('a route', () => {
  it('takes an id of 255 bytes, each of them percent-encoded', async () => {
    const id = '%C3%A9'.repeat(127);
    expect((await serverOf().app.inject(`/api/v1/things/${id}`)).json()).toEqual({
      id: '\u00e9'.repeat(127),
    });
  });

  it.each(['text/plain', 'application/x-www-form-urlencoded'])(
    'takes no body of the type %s',
    async (type) => {
      const headers = { 'content-type': type };
      const answer = await ask(serverOf().app, '/api/v1/things', { method: 'POST', headers, payload: '{}' });
      expect(answer.status).toBe(415);
    },
  );

  it('a failure is logged, except if a reader has waited in vain, and each problem is counted', async () => {
    const { app, logged, problems } = serverOf();
    for (const status of [400, 500, 503, 504])
      app.get(`/fail/${status}`, async () => {
        throw new HttpProblem(status, `code_${status}`, 'It says no.');
      });
    app.get('/defect', async () => {
      throw new TypeError('x is no function');
    });
    for (const status of [400, 500, 503, 504])
      expect((await ask(app, `/fail/${status}`)).status).toBe(status);
    expect((await ask(app, '/defect')).status).toBe(500);
    expect(logged).toEqual([
      'error: A request failed: It says no.',
      'error: A request failed: It says no.',
      expect.stringContaining('error: A defect of Tributary in the answer to GET /defect: TypeError'),
    ]);
    expect(problems.slice(0, 4)).toEqual(['code_400', 'code_500', 'code_503', 'code_504']);
  });
});

describe('listen', () => {
  it('gives the address, with brackets around one of IPv6', async () => {
    expect(await listen(serverOf().app, LISTEN)).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    const server = { address: () => ({ address: '::1', family: 'IPv6', port: 3_000 }) };
    expect(await listen({ listen: async () => '', server } as never, LISTEN)).toBe('http://[::1]:3000');
  });

  it('names the setting and a free port where the port is in use', async () => {
    const port = Number(new URL(await listen(serverOf().app, LISTEN)).port);
    const failure = await listen(serverOf().app, { ...LISTEN, port }).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'address_in_use' });
    const { message } = failure as Error;
    expect(message).toContain('another port by ORDER_SYNC_PORT or --port (');
    const offered = Number(/\((\d+) is free\)/.exec(message)?.[1]);
    expect(offered).toBeGreaterThan(port);
    expect(offered).not.toBe(3_001);
    // Another program may take the next port meanwhile, and then a later one is offered.
    const next = await listen(serverOf().app, { ...LISTEN, port: port + 1 }).catch(() => null);
    if (next !== null) expect(offered).toBe(port + 1);
  });

  it('names the setting of an address that this machine does not have', async () => {
    await expect(listen(serverOf().app, { ...LISTEN, host: '192.0.2.1' })).rejects.toMatchObject({
      code: 'setting_invalid',
      message: expect.stringContaining('correct ORDER_SYNC_HOST or ORDER_SYNC_PORT'),
    });
  });

  it('a stop closes connections that are idle, although their clients keep them', async () => {
    const { app } = serverOf();
    const url = await listen(app, LISTEN);
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    const closed = new Promise<void>((resolve) => socket.on('close', () => resolve()));
    const answered = new Promise<void>((resolve) => socket.once('data', () => resolve()));
    socket.write('GET /api/v1/things/a HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await answered;
    await Promise.all([closeServer(app), closed]);
  });
});
