import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { type HttpTargetOptions, openHttpTarget } from '../../../src/adapters/http-delivery/index.ts';
import { parseSigningKeys, verify } from '../../../src/core/webhook-signature.ts';
import { newDelivery, type SingleTarget, singly } from '../../contract/delivery-target.ts';
import { answers, type ReceivedRequest, type Script, startScriptedServer } from './scripted-server.ts';
import { selfSignedCertificate } from './self-signed.ts';

const never = new AbortController().signal;
const newSecret = () => `whsec_${randomBytes(32).toString('base64')}`;
const cleanups: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function open(options: Partial<HttpTargetOptions> & { url: string }): SingleTarget {
  const target = openHttpTarget({
    name: 'test',
    secrets: [],
    clock: { now: Date.now, monotonicMs: () => performance.now() },
    logger: () => {},
    ...options,
  });
  cleanups.push(() => target.close());
  return singly(target);
}

async function start(script: Script, tls?: ReturnType<typeof selfSignedCertificate>) {
  const server = await startScriptedServer(script, tls);
  cleanups.push(() => server.close());
  return server;
}

function isSigned(request: ReceivedRequest | undefined, secret: string, nowMs: number): boolean {
  const { headers, body } = request as ReceivedRequest;
  const given = {
    id: headers['webhook-id'] as string,
    timestamp: headers['webhook-timestamp'] as string,
    signature: headers['webhook-signature'] as string,
  };
  return verify(parseSigningKeys(secret, 'test'), given, body, nowMs).ok;
}

it("an error that the caller's callback throws is not taken for an error of the request", async () => {
  const server = await start(answers(200));
  const target = openHttpTarget({
    name: 'test',
    url: server.url,
    secrets: [],
    clock: { now: Date.now, monotonicMs: () => performance.now() },
    logger: () => {},
  });
  cleanups.push(() => target.close());
  const others = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  const thrown = once(process, 'uncaughtException');
  target.deliver([newDelivery()], never, () => {
    throw new Error('of the caller');
  });
  const [error] = await thrown;
  for (const other of others) process.on('uncaughtException', other);
  expect(error).toMatchObject({ message: 'of the caller' });
});

describe('the request of an HTTP target', () => {
  it('the request has the state as JSON, the id in both headers, the time of this attempt, and the name of the program', async () => {
    const server = await start(answers(200));
    const target = open({
      url: `${server.url}?tenant=7`,
      clock: { now: () => 1_760_000_000_999, monotonicMs: () => 0 },
    });
    await target.deliver(newDelivery(), never);
    const [request] = server.received;
    expect(request?.path).toBe('/api/orders?tenant=7');
    expect(request?.headers).toMatchObject({
      'content-type': 'application/json',
      'webhook-id': 'msg_contract-1',
      'webhook-timestamp': '1760000000',
      'idempotency-key': '"msg_contract-1"',
      traceparent: expect.stringMatching(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/),
      'user-agent': expect.stringMatching(/^tributary\/\d+\.\d+\.\d+/),
    });
    expect(request?.headers).not.toHaveProperty('webhook-signature');
  });

  it('every secret signs the request, so that a receiver which knows one of them can check it', async () => {
    const server = await start(answers(200));
    const [first, second] = [newSecret(), newSecret()];
    await open({ url: server.url, secrets: [first, second] }).deliver(newDelivery(), never);
    expect(server.received[0]?.headers['webhook-signature']).toMatch(/^v1,\S+ v1,\S+$/);
    expect(isSigned(server.received[0], first, Date.now())).toBe(true);
    expect(isSigned(server.received[0], second, Date.now())).toBe(true);
    expect(isSigned(server.received[0], newSecret(), Date.now())).toBe(false);
  });

  it('every attempt has the same headers except the time, the trace and the signature', async () => {
    const server = await start(answers(503));
    let nowMs = 1_760_000_000_000;
    const secret = newSecret();
    const target = open({
      url: server.url,
      secrets: [secret],
      clock: { now: () => nowMs, monotonicMs: () => 0 },
    });
    await target.deliver(newDelivery(), never);
    nowMs += 600_000;
    await target.deliver(newDelivery({ attempt: 2 }), never);

    const [first, second] = server.received.map(({ headers }) => headers);
    expect(second?.['webhook-timestamp']).toBe('1760000600');
    expect(isSigned(server.received[1], secret, nowMs)).toBe(true);
    const rest = ({
      'webhook-timestamp': _,
      'webhook-signature': __,
      traceparent: ___,
      ...others
    }: NonNullable<typeof first>) => others;
    expect(rest(second ?? {})).toEqual(rest(first ?? {}));
    expect(second?.traceparent).not.toBe(first?.traceparent);
  });

  it('the user and password of the URL go into the authorization header, and no message shows them', async () => {
    const server = await start(answers(500));
    const target = open({ url: server.url.replace('//', '//us%40er:pa%3Ass@') });
    const outcome = await target.deliver(newDelivery(), never);
    const header = Buffer.from('us@er:pa:ss').toString('base64');
    expect(server.received[0]?.headers.authorization).toBe(`Basic ${header}`);
    expect(JSON.stringify(outcome)).not.toMatch(/us@er|us%40er|pa:ss|pa%3Ass/);
  });
});

describe('the connections of an HTTP target', () => {
  it('connections are used again, also after answers that refuse a state', async () => {
    const server = await start((response, _request, number) => {
      response.writeHead(number % 2 === 0 ? 200 : 500).end('x'.repeat(number * 1_000));
    });
    const target = open({ url: server.url });
    for (let index = 0; index < 20; index++) await target.deliver(newDelivery(), never);
    // A new connection is made if those that are open have just been used.
    expect(server.connections.length).toBeLessThanOrEqual(4);
  });

  it('no more connections are open than configured', async () => {
    const server = await start(answers(200));
    const target = open({ url: server.url, connections: 3 });
    await Promise.all(Array.from({ length: 50 }, () => target.deliver(newDelivery(), never)));
    expect(server.received).toHaveLength(50);
    expect(server.connections.length).toBeLessThanOrEqual(3);
  });

  it('deliveries that hung do not block the connections for later ones', async () => {
    const server = await start((response, _request, number) => {
      if (number > 2) response.writeHead(200).end();
    });
    const target = open({ url: server.url, connections: 2, deadlineMs: 300 });
    const hung = await Promise.all([
      target.deliver(newDelivery(), never),
      target.deliver(newDelivery(), never),
    ]);
    expect(hung.map(({ verdict }) => verdict)).toEqual(['retry', 'retry']);
    expect((await open({ url: server.url }).deliver(newDelivery(), never)).verdict).toBe('delivered');
    expect((await target.deliver(newDelivery(), never)).verdict).toBe('delivered');
  });

  it('a delivery that was stopped while it waited for a connection is not sent', async () => {
    const release = Promise.withResolvers<void>();
    const server = await start((response, _request, number) => {
      if (number > 1) response.writeHead(200).end();
      else void release.promise.then(() => response.writeHead(200).end());
    });
    const target = open({ url: server.url, connections: 1 });
    const stopping = new AbortController();
    const first = target.deliver(newDelivery({ deliveryId: 'msg_first' }), never);
    const second = target.deliver(newDelivery({ deliveryId: 'msg_second' }), stopping.signal);
    await server.arrival();
    stopping.abort();
    expect((await second).verdict).toBe('retry');
    release.resolve();
    expect((await first).verdict).toBe('delivered');
    expect((await target.deliver(newDelivery({ deliveryId: 'msg_third' }), never)).verdict).toBe('delivered');
    const arrived = server.received.map(({ headers }) => headers['webhook-id']);
    expect(arrived).toEqual(['msg_first', 'msg_third']);
  });
});

describe('the answer', () => {
  it('the answer is read up to 64 KiB, then the connection is destroyed and the status counts', async () => {
    const closed = Promise.withResolvers<void>();
    const server = await start((response) => {
      response.on('close', () => closed.resolve());
      response.writeHead(200, { 'content-length': String(2 * 1_024 ** 3) });
      const pour = () => {
        while (!response.destroyed && response.write('y'.repeat(65_536)));
      };
      response.on('drain', pour);
      pour();
    });
    const outcome = await open({ url: server.url }).deliver(newDelivery(), never);
    expect(outcome).toMatchObject({ verdict: 'delivered', status: 200, answer: 'y'.repeat(1_024) });
    await closed.promise;
    // The socket buffers of the kernel bound what was sent before the cut, far below the 2 GiB.
    expect(server.connections[0]?.bytesWritten).toBeLessThan(64 * 1_024 ** 2);
  });

  it('an answer that breaks off after a 2xx leaves the outcome unknown', async () => {
    const server = await start((response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('half', () => response.destroy());
    });
    const outcome = await open({ url: server.url }).deliver(newDelivery(), never);
    expect(outcome).toMatchObject({ verdict: 'retry', status: 200, answer: 'half' });
  });

  it('an answer that drips after a 2xx ends at the deadline, and what had come of it is kept', async () => {
    const server = await start((response) => {
      response.writeHead(200);
      response.write('drop');
    });
    const outcome = await open({ url: server.url, deadlineMs: 300 }).deliver(newDelivery(), never);
    expect(outcome).toMatchObject({ verdict: 'retry', status: 200, answer: 'drop' });
    expect(outcome.error).toContain('no complete answer within 300 ms');
  });

  it('the status of a refusal counts even if its text never ends', async () => {
    const server = await start((response) => {
      response.writeHead(503, { 'retry-after': '3' });
      response.write('…');
    });
    const outcome = await open({ url: server.url, deadlineMs: 300 }).deliver(newDelivery(), never);
    expect(outcome).toMatchObject({ verdict: 'throttle', status: 503, retryAfterMs: 3_000 });
  });

  it('interim answers before the answer are passed over', async () => {
    const server = await start((response) => {
      response.writeEarlyHints({ link: '</style.css>; rel=preload' });
      response.writeProcessing();
      response.writeHead(201).end('stored');
    });
    const outcome = await open({ url: server.url }).deliver(newDelivery(), never);
    expect(outcome).toMatchObject({ verdict: 'delivered', status: 201, answer: 'stored' });
  });

  it('a redirect is named in the error, and not followed to this host nor to another', async () => {
    const other = await start(answers(200));
    const server = await start(answers(302, { location: other.url }));
    const outcome = await open({ url: server.url }).deliver(newDelivery(), never);
    expect(outcome).toMatchObject({ verdict: 'retry', status: 302 });
    expect(outcome.error).toBe(
      `${new URL(server.url).origin} answered 302 Found to ${other.url}; redirects are not followed.`,
    );
    expect(outcome.advice).toBe('Set the target URL to where the target is.');
    expect(other.received).toEqual([]);
  });

  it('the error names the place of a redirect without its secrets, and cut to 200 characters', async () => {
    for (const [location, told] of [
      ['https://us:pa@host/path?token=5#x', 'https://host/path'],
      ['//us:pa@host/path', '//host/path'],
      ['/path?token=5', '/path'],
      [`/${'x'.repeat(5_000)}`, `/${'x'.repeat(199)}`],
    ] as const) {
      const server = await start(answers(301, { location }));
      const outcome = await open({ url: server.url }).deliver(newDelivery(), never);
      expect(outcome.error).toContain(`301 Moved Permanently to ${told}; redirects`);
    }
  });

  it('the error for a refusal holds the code of its problem, and nothing else of its text', async () => {
    const problem = JSON.stringify({ detail: 'order-1 is not one', code: 'body_invalid' });
    const server = await start(answers(422, { 'content-type': 'application/problem+json' }, problem));
    const outcome = await open({ url: server.url }).deliver(newDelivery(), never);
    expect(outcome.error).toBe(
      `${new URL(server.url).origin} answered 422 Unprocessable Entity (body_invalid).`,
    );
  });

  it.each([
    [360, "; this machine's clock is 360 s ahead of the target's."],
    [-360, "; this machine's clock is 360 s behind the target's."],
    [5, '401 Unauthorized (timestamp_outside_tolerance).'],
  ])('the error for a 401 tells how far the clocks are apart, if they are: %i s', async (seconds, told) => {
    const body = JSON.stringify({ code: 'timestamp_outside_tolerance' });
    const nowMs = Date.UTC(2026, 10, 22, 18, 0, 0);
    const date = new Date(nowMs - seconds * 1_000).toUTCString();
    const server = await start(answers(401, { date }, body));
    const clock = { now: () => nowMs, monotonicMs: () => performance.now() };
    const outcome = await open({ url: server.url, clock }).deliver(newDelivery(), never);
    expect(outcome).toMatchObject({ verdict: 'retry', status: 401 });
    expect(outcome.error?.endsWith(told), outcome.error ?? '').toBe(true);
    expect(outcome.advice).toContain('the signing secret');
  });

  it.each([
    [401, 'CRM_SECRET'],
    [403, 'CRM_SECRET'],
    [404, 'CRM_URL'],
    [405, 'CRM_URL'],
    [407, 'CRM_PROXY'],
    [308, 'CRM_URL'],
    [413, 'batch'],
  ])('the advice for a %i names the setting to look at', async (status, named) => {
    const server = await start(answers(status));
    const settingNames = { url: 'CRM_URL', secret: 'CRM_SECRET', proxy: 'CRM_PROXY' };
    const outcome = await open({ url: server.url, settingNames }).deliver(newDelivery(), never);
    expect(outcome.advice).toContain(named);
  });

  it('the error for an answer that is not HTTP says so', async () => {
    const server = await start((_response, request) => void request.socket.end('SSH-2.0-OpenSSH_9.6\r\n'));
    const outcome = await open({ url: server.url }).deliver(newDelivery(), never);
    expect(outcome).toMatchObject({ verdict: 'retry', status: null });
    expect(outcome.error).toContain('it did not answer in HTTP');
  });

  it('the latency is measured by the clock that never jumps', async () => {
    const server = await start(answers(200));
    let monotonicMs = 1_000;
    const clock = { now: Date.now, monotonicMs: () => (monotonicMs += 250) };
    const outcome = await open({ url: server.url, clock }).deliver(newDelivery(), never);
    expect(outcome.latencyMs).toBe(250);
  });
});

describe('the URL of a target', () => {
  it.each(['http://us%er:word@localhost:1/', 'http://user:wo%ffrd@localhost:1/'])(
    'a URL is refused if its credentials have an escape that is no UTF-8: %s',
    (url) => {
      expect(() => open({ url })).toThrow(expect.objectContaining({ code: 'setting_invalid' }));
    },
  );
});

describe('a delivery that no request can carry', () => {
  it('a delivery id that fits no header parks the state, and a state that is no JSON is a defect', async () => {
    const server = await start(answers(200));
    const target = open({ url: server.url });
    const withLineEnd = await target.deliver(newDelivery({ deliveryId: 'a\r\nx-evil: 1' }), never);
    const withCycle = newDelivery();
    Object.assign(withCycle.body, { self: withCycle.body });
    const cyclic = await target.deliver(withCycle, never);
    expect([withLineEnd.verdict, cyclic.verdict]).toEqual(['park', 'retry']);
    expect(cyclic.defect).toBeInstanceOf(TypeError);
    expect(server.received).toEqual([]);
    expect((await target.deliver(newDelivery(), never)).verdict).toBe('delivered');
  });
});

describe('TLS', () => {
  const certificate = selfSignedCertificate();

  it('a certificate of an unknown authority is refused before anything is sent', async () => {
    const server = await start(answers(200), certificate);
    const outcome = await open({ url: server.url }).deliver(newDelivery(), never);
    expect(outcome).toMatchObject({ verdict: 'retry', status: null });
    expect(outcome.error).toContain('certificate is self-signed');
    expect(server.received).toEqual([]);
  });

  it('a certificate is accepted if the CA file names its authority', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tributary-ca-'));
    cleanups.push(() => rmSync(folder, { recursive: true }));
    const caFile = join(folder, 'ca.pem');
    writeFileSync(caFile, certificate.cert);
    const server = await start(answers(200), certificate);
    const outcome = await open({ url: server.url, caFile }).deliver(newDelivery(), never);
    expect(outcome).toMatchObject({ verdict: 'delivered', error: null });
  });

  it('the error says that the target does not speak TLS', async () => {
    const server = await start(answers(200));
    const outcome = await open({ url: server.url.replace('http:', 'https:') }).deliver(newDelivery(), never);
    expect(outcome).toMatchObject({ verdict: 'retry', status: null });
    expect(outcome.error).toContain('does not speak TLS');
  });
});

describe('settings that cannot work', () => {
  it('settings that cannot work are refused when the target is opened', () => {
    expect(() => open({ url: 'ftp://host/x' })).toThrow(/not an HTTP address/);
    expect(() => open({ url: 'nowhere' })).toThrow(/not an HTTP address/);
    expect(() => open({ url: 'http://localhost', secrets: ['whsec_c2hvcnQ='] })).toThrow(/24 to 64/);
    expect(() => open({ url: 'https://localhost', caFile: '/does/not/exist.pem' })).toThrow(/cannot be read/);
  });
});
