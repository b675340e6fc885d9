import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../../../src/adapters/system-clock.ts';
import { startOrderMgt } from '../../../../src/apps/order-mgt/order-mgt.ts';
import { startOrderSync } from '../../../../src/apps/order-sync/order-sync.ts';
import { makeApiKey } from '../../../../src/apps/shared/http/api-keys.ts';
import { HttpProblem, problemBody, reworded } from '../../../../src/apps/shared/http/problem.ts';
import { loadSettings } from '../../../../src/apps/shared/settings/load.ts';

/*
 * The answers of both servers to callers that they do not serve, over real sockets, since half of the requests never reach a
 * route.
 */

type Program = 'order-sync' | 'order-mgt';
const PROGRAMS: readonly Program[] = ['order-sync', 'order-mgt'];
const logger = () => {};

async function start(program: Program, dataDirectory: string, env: Record<string, string> = {}) {
  const input = {
    env: { TRIBUTARY_DATA_DIR: dataDirectory, ORDER_SYNC_PORT: '0', ORDER_MGT_PORT: '0', ...env },
  };
  if (program === 'order-mgt') return startOrderMgt({ ...loadSettings('order-mgt', input).values, logger });
  const settings = { ...loadSettings('order-sync', input).values, deliver: false };
  return startOrderSync(settings, { clock: systemClock, logger, onFailure: () => {} });
}

interface RawAnswer {
  readonly status: number;
  readonly type: string;
  readonly allow: string | undefined;
  readonly text: string;
}

/** Sends the bytes unchanged, and reads until the answer is complete. */
function send(url: string, text: string): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    let got = '';
    const finish = () => {
      socket.destroy();
      const [head = '', body = ''] = got.split('\r\n\r\n');
      const header = (name: string) => new RegExp(`^${name}: (.*)$`, 'im').exec(head)?.[1]?.trim();
      resolve({
        status: Number(/^HTTP\/1\.1 (\d+)/.exec(head)?.[1]),
        type: header('content-type') ?? '',
        allow: header('allow'),
        text: body,
      });
    };
    socket.on('data', (bytes) => {
      got += bytes;
      const length = /content-length: (\d+)/i.exec(got)?.[1];
      const body = got.split('\r\n\r\n')[1];
      if (length !== undefined && body !== undefined && body.length >= Number(length)) finish();
    });
    socket.on('close', finish);
    socket.on('error', (error) => (got === '' ? reject(error) : finish()));
    socket.write(text);
  });
}

const head = (line: string, ...headers: readonly string[]) =>
  [line, 'Host: localhost', ...headers, '', ''].join('\r\n');

const BROKEN: readonly [what: string, status: number, code: string, text: string][] = [
  ['no HTTP', 400, 'request_invalid', 'hello\r\n\r\n'],
  ['an unknown method', 400, 'request_invalid', head('BREW /livez HTTP/1.1')],
  ['no Host', 400, 'host_missing', 'GET /livez HTTP/1.1\r\n\r\n'],
  [
    'two lengths',
    400,
    'request_invalid',
    head('POST /x HTTP/1.1', 'Content-Length: 5', 'Transfer-Encoding: chunked'),
  ],
  ['a length that is no number', 400, 'request_invalid', head('POST /x HTTP/1.1', 'Content-Length: abc')],
  [
    'headers that are too large',
    431,
    'headers_too_large',
    head('GET /livez HTTP/1.1', `X-A: ${'a'.repeat(100_000)}`),
  ],
  ['an unknown Expect', 417, 'expectation_unknown', head('GET /livez HTTP/1.1', 'Expect: miracles')],
  ['an unknown path', 404, 'route_unknown', head('GET /nothing HTTP/1.1')],
  ['a path that is no UTF-8', 400, 'path_invalid', head('GET /%zz HTTP/1.1')],
  ['a method that the path has not', 405, 'method_unknown', head('DELETE /livez HTTP/1.1')],
  ['a method of WebDAV', 405, 'method_unknown', head('PROPFIND /livez HTTP/1.1')],
];

describe.each(PROGRAMS)('%s without keys on loopback', (program) => {
  let folder: string;
  let server: Awaited<ReturnType<typeof start>>;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tributary-refusals-'));
    server = await start(program, folder);
  });
  afterAll(async () => {
    await server?.close();
    await rm(folder, { recursive: true, force: true });
  });

  it.each(BROKEN)('answers %s with a problem document: %i', async (_, status, code, text) => {
    const answer = await send(server.url, text);
    expect(answer).toMatchObject({ status, type: expect.stringMatching(/^application\/problem\+json/) });
    expect(JSON.parse(answer.text)).toMatchObject({ status, code, detail: expect.any(String) });
    if (status === 405) expect(answer.allow).toBe('GET, HEAD');
  });

  it('answers a body that is too large with a problem document', async () => {
    const path = program === 'order-mgt' ? '/api/orders' : '/api/v1/dead-letters:redrive';
    const body = 'a'.repeat(3_000_000);
    const answer = await send(
      server.url,
      head(`POST ${path} HTTP/1.1`, 'content-type: application/json', `content-length: ${body.length}`) +
        body,
    );
    expect(answer).toMatchObject({ status: 413, type: expect.stringMatching(/^application\/problem\+json/) });
    expect(JSON.parse(answer.text)).toMatchObject({ code: 'body_too_large' });
  });

  const asHost = (path: string, host: string, ...headers: string[]) =>
    send(
      server.url,
      ['GET ', path, ' HTTP/1.1\r\n', `Host: ${host}\r\n`, ...headers.map((h) => `${h}\r\n`), '\r\n'].join(
        '',
      ),
    );

  it.each([
    'localhost',
    'LocalHost:1',
    '127.0.0.1',
    '127.0.0.1:3000',
    '127.8.9.1',
    '[::1]',
    '[::1]:3000',
    'localhost.',
  ])('answers the Host %s', async (host) => {
    expect((await asHost('/livez', host)).status).toBe(200);
  });

  it.each([
    'evil.example',
    'evil.example:3000',
    '127.0.0.1.evil.example',
    'localhost.evil.example',
    '10.0.0.1',
    '[::2]',
    '0.0.0.0',
  ])('refuses the Host %s on every path, known or not', async (host) => {
    for (const path of ['/livez', '/readyz', '/metrics', '/api/v1/pipeline', '/api/orders', '/nothing']) {
      const answer = await asHost(path, host);
      expect(answer.status, path).toBe(421);
      const problem = JSON.parse(answer.text);
      expect(problem).toMatchObject({ code: 'host_unknown' });
      expect(problem.detail).toContain(
        program === 'order-mgt' ? 'ORDER_MGT_KNOWN_HOSTS' : 'ORDER_SYNC_KNOWN_HOSTS',
      );
    }
  });

  const change = program === 'order-mgt' ? '/api/orders' : '/api/v1/dead-letters:redrive';
  const posted = (...headers: readonly string[]) =>
    send(
      server.url,
      `${head(`POST ${change} HTTP/1.1`, 'content-type: application/json', 'content-length: 2', ...headers)}{}`,
    );

  it.each(['Origin: https://evil.example', 'Origin: null', 'Sec-Fetch-Site: cross-site'])(
    'takes no change from a page of another site: %s',
    async (header) => {
      const answer = await posted(header);
      expect(answer.status).toBe(403);
      expect(JSON.parse(answer.text)).toMatchObject({ code: 'origin_refused' });
    },
  );

  it('takes a change from its own page and from a program', async () => {
    for (const headers of [[], ['Origin: http://localhost:3000', 'Sec-Fetch-Site: same-origin']])
      expect((await posted(...headers)).status).toBeLessThan(403);
  });
});

describe.each(PROGRAMS)('%s with known hosts set', (program) => {
  it('answers under these names too, and under no other', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tributary-refusals-'));
    const server = await start(program, folder, {
      ORDER_SYNC_KNOWN_HOSTS: 'sync.example, target.example:3001',
      ORDER_MGT_KNOWN_HOSTS: 'sync.example, target.example:3001',
    });
    try {
      const statusFor = async (host: string) =>
        (await send(server.url, `GET /livez HTTP/1.1\r\nHost: ${host}\r\n\r\n`)).status;
      expect(await statusFor('sync.example')).toBe(200);
      expect(await statusFor('TARGET.example:8080')).toBe(200);
      expect(await statusFor('localhost:1')).toBe(200);
      expect(await statusFor('other.example')).toBe(421);
    } finally {
      await server.close();
      await rm(folder, { recursive: true, force: true });
    }
  });
});

/** Only order-sync can be in this state: order-mgt does not start without its database. */
describe('/readyz of order-sync while its database is unreachable', () => {
  const reader = makeApiKey('reader', ['read']);
  // Nobody listens on port 9.
  const broken = (folder: string) => ({
    DATABASE_URL: 'mysql://nobody:secret@127.0.0.1:9/nowhere',
    TRIBUTARY_DATA_DIR: folder,
  });

  it('names the part to callers without a key, and the reason to callers with one', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tributary-refusals-'));
    const server = await start('order-sync', folder, {
      ...broken(folder),
      ORDER_SYNC_API_KEYS: reader.entry,
    });
    try {
      const detailFor = async (headers: Record<string, string>) => {
        const answer = await fetch(`${server.url}/readyz`, { headers });
        expect(answer.status).toBe(503);
        return ((await answer.json()) as { detail: string }).detail;
      };
      await expect.poll(() => detailFor({}), { timeout: 20_000 }).toBe('database: not reachable');
      expect(await detailFor({ authorization: 'Bearer trb_wrong' })).toBe('database: not reachable');
      expect(await detailFor({ authorization: `Bearer ${reader.key}` })).toMatch(/127\.0\.0\.1|ECONNREFUSED/);
    } finally {
      await server.close();
      await rm(folder, { recursive: true, force: true });
    }
  });
});

describe('a problem in other words', () => {
  it('keeps everything but its detail', () => {
    const errors = [{ pointer: '/a', detail: 'is missing' }];
    const members = { orderId: 'a', reached: 3 };
    const more = { errors, retryAfterSeconds: 7, members };
    const problem = new HttpProblem(504, 'not_reached', 'The order waits.', more);
    const said = reworded(problem, (detail) => detail.replace('order', 'parcel'));
    expect(said.retryAfterSeconds).toBe(7);
    expect(problemBody(said, null, null)).toMatchObject({
      status: 504,
      code: 'not_reached',
      detail: 'The parcel waits.',
      errors,
      ...members,
    });
  });
});
