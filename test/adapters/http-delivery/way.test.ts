import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { createServer, request as httpRequest, type IncomingMessage } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type HttpTargetOptions, openHttpHoldings } from '../../../src/adapters/http-delivery/index.ts';
import { systemClock } from '../../../src/adapters/system-clock.ts';
import { newDelivery, singly } from '../../contract/delivery-target.ts';
import { type Certificate, makeCertificate } from '../../helpers/certificates.ts';
import { never, serverOf, targetAt } from './place.ts';
import { answers, unusedUrl } from './scripted-server.ts';

function open({ url, ...options }: Partial<HttpTargetOptions> & { url: string }) {
  const target = targetAt(url, options);
  return { target, send: () => singly(target).deliver(newDelivery(), never) };
}

function folder() {
  const path = mkdtempSync(join(tmpdir(), 'tributary-way-'));
  onTestFinished(() => rmSync(path, { recursive: true }));
  return (name: string, content: string): string => {
    writeFileSync(join(path, name), content);
    return join(path, name);
  };
}

const authority = makeCertificate({ commonName: 'shop authority', isAuthority: true });
const serverCertificate = makeCertificate({
  commonName: 'target',
  names: ['127.0.0.1', 'target.test'],
  issuer: authority,
});
const certificateOf = (commonName: string): Certificate => makeCertificate({ commonName, issuer: authority });

/** A target by TLS that wants a certificate of the authority, and notes the names in those that it gets. */
async function startWithClientCertificates(maxVersion: 'TLSv1.2' | 'TLSv1.3' = 'TLSv1.3') {
  const names: string[] = [];
  const server = createTlsServer(
    {
      key: serverCertificate.keyPem,
      cert: serverCertificate.certificatePem,
      ca: authority.certificatePem,
      maxVersion,
      requestCert: true,
      rejectUnauthorized: true,
    },
    (request, response) => {
      names.push(String((request.socket as TLSSocket).getPeerCertificate().subject.CN));
      request.resume().on('end', () => response.writeHead(200, { connection: 'close' }).end('{}'));
    },
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return { names, url: `https://127.0.0.1:${(server.address() as AddressInfo).port}/api/orders` };
}

describe('a target that wants a certificate of ours', () => {
  it('sees the certificate of the files, and a new one once the files have changed', async () => {
    const { names, url } = await startWithClientCertificates();
    const write = folder();
    const [first, second] = [certificateOf('first'), certificateOf('second')];
    const files = {
      caFile: write('ca.pem', authority.certificatePem),
      certFile: write('our.pem', first.certificatePem),
      keyFile: write('our.key', first.keyPem),
    };
    const { send } = open({ url, ...files });
    expect((await send()).verdict).toBe('delivered');
    const said: string[] = [];
    const other = open({ url, ...files, logger: (level, message) => void said.push(`${level}: ${message}`) });
    write('our.pem', second.certificatePem);
    // A time of its own, because a file system may give two quick writes the same one.
    utimesSync(files.certFile, 1, 1);
    expect((await other.send()).verdict).toBe('delivered');
    expect(said.at(-1)).toMatch(
      /^warn: The PEM files of target test cannot be used .* count as they were before/,
    );
    write('our.key', second.keyPem);
    utimesSync(files.keyFile, 1, 1);
    expect((await other.send()).verdict).toBe('delivered');
    expect((await send()).verdict).toBe('delivered');
    expect(names).toEqual(['first', 'first', 'second', 'second']);
  });

  it.each(['TLSv1.2', 'TLSv1.3'] as const)(
    'gets none without the setting, and the advice names it (%s)',
    async (version) => {
      const { url } = await startWithClientCertificates(version);
      const outcome = await open({ url, caFile: folder()('ca.pem', authority.certificatePem) }).send();
      expect(outcome).toMatchObject({
        verdict: 'retry',
        status: null,
        advice: 'Look at the files of our certificate and its key.',
      });
      expect(outcome.error).toContain('it wants a certificate of its clients');
    },
  );

  it('files that are no pair are refused at the start, by the name of the target', () => {
    const write = folder();
    const files = {
      certFile: write('our.pem', certificateOf('one').certificatePem),
      keyFile: write('our.key', certificateOf('other').keyPem),
    };
    expect(() => open({ url: 'https://127.0.0.1:1/', ...files })).toThrow(
      /PEM files of target test cannot be used/,
    );
  });
});

/** A proxy that makes tunnels and sends requests on, to 127.0.0.1 whatever host is named, and notes what it was asked. */
async function startProxy({ login, refuses = false }: { login?: string; refuses?: boolean } = {}) {
  const asked: string[] = [];
  const isWelcome = ({ headers }: IncomingMessage) =>
    login === undefined ||
    headers['proxy-authorization'] === `Basic ${Buffer.from(login).toString('base64')}`;
  const proxy = createServer((request, response) => {
    asked.push(`${request.method} ${request.url} ${request.headers.host}`);
    if (!isWelcome(request)) {
      response.writeHead(407, { 'proxy-authenticate': 'Basic realm="p"' }).end();
      return;
    }
    const { port, pathname, search } = new URL(request.url ?? '');
    const { 'proxy-authorization': _login, ...headers } = request.headers;
    const onward = httpRequest(
      { host: '127.0.0.1', port, method: request.method, path: pathname + search, headers },
      (answer) => {
        response.writeHead(answer.statusCode ?? 0, answer.headers);
        answer.pipe(response);
      },
    );
    request.pipe(onward);
  });
  const sockets = new Set<Socket>();
  proxy.on('connection', (socket) => void sockets.add(socket));
  proxy.on('connect', (request: IncomingMessage, socket: Socket) => {
    asked.push(`CONNECT ${request.url}`);
    socket.on('error', () => {});
    if (refuses || !isWelcome(request)) {
      socket.end(`HTTP/1.1 ${refuses ? '403 Forbidden' : '407 Proxy Authentication Required'}\r\n\r\n`);
      return;
    }
    const onward = connect(Number(request.url?.split(':')[1]), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      socket.pipe(onward).pipe(socket);
    });
    onward.on('error', () => socket.destroy());
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    proxy.close();
  });
  return { asked, url: new URL(`http://127.0.0.1:${(proxy.address() as AddressInfo).port}`) };
}

async function startTarget(tls?: { key: string; cert: string }) {
  const server = await serverOf(
    answers(200, { 'webhook-batch': '9;path="batch"' }, '{"data":[],"page":{"hasMore":false}}'),
    tls,
  );
  // A name that only the proxy can look up.
  const url = server.url.replace('127.0.0.1', 'target.test');
  return { server, url, host: new URL(url).host };
}

describe('a target behind a proxy', () => {
  it('by http: the proxy sends the requests on, those that read too', async () => {
    const proxy = await startProxy();
    const { server, url, host } = await startTarget();
    const { send } = open({ url, proxy: proxy.url });
    expect((await send()).verdict).toBe('delivered');
    const holdings = openHttpHoldings({
      name: 'test',
      url,
      proxy: proxy.url,
      clock: systemClock,
      logger: () => {},
      view: { keyColumn: 'order_id', columns: [] },
    });
    onTestFinished(() => holdings.close());
    await holdings.page({ after: null, limit: 2 }, never);
    expect(proxy.asked).toEqual([
      `POST http://${host}/api/orders ${host}`,
      `GET http://${host}/api/orders?limit=2 ${host}`,
    ]);
    expect(server.received.map(({ headers }) => headers.host)).toEqual([host, host]);
  });

  it('by https: goes through a tunnel, with the certificate of the target verified by its name', async () => {
    const proxy = await startProxy({ login: 'user p@ss:pw' });
    const { server, url, host } = await startTarget({
      key: serverCertificate.keyPem,
      cert: serverCertificate.certificatePem,
    });
    proxy.url.username = 'user p@ss';
    proxy.url.password = 'pw';
    const { send } = open({ url, proxy: proxy.url, caFile: folder()('ca.pem', authority.certificatePem) });
    expect(await send()).toMatchObject({ verdict: 'delivered', error: null });
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect((await send()).verdict).toBe('delivered');
    expect(proxy.asked).toEqual([`CONNECT ${host}`]);
    expect(server.received[0]?.headers).not.toHaveProperty('proxy-authorization');
  });

  it.each(['http', 'https'])('a proxy that wants a login is named, by %s', async (scheme) => {
    const proxy = await startProxy({ login: 'user:right' });
    proxy.url.username = 'user';
    proxy.url.password = 'wr0ng';
    const outcome = await open({ url: `${scheme}://target.test/api/orders`, proxy: proxy.url }).send();
    expect(outcome).toMatchObject({
      verdict: 'retry',
      advice: expect.stringContaining('the URL of the proxy'),
    });
    expect(outcome.error).toContain('407 Proxy Authentication Required');
    expect(outcome.error).toContain(`proxy http://127.0.0.1:${proxy.url.port}`);
    expect(JSON.stringify(outcome)).not.toContain('wr0ng');
  });

  it('a proxy that makes no tunnel is named with its answer', async () => {
    const proxy = await startProxy({ refuses: true });
    const outcome = await open({ url: 'https://target.test/api/orders', proxy: proxy.url }).send();
    expect(outcome).toMatchObject({ verdict: 'retry', status: null, advice: 'Look at the proxy.' });
    expect(outcome.error).toContain('it answered CONNECT with 403 Forbidden');
  });

  it.each(['https://[::1]:8443', 'https://target.test:8443'])(
    'a proxy is asked for a tunnel to %s in the form of a URL',
    async (origin) => {
      const proxy = await startProxy({ refuses: true });
      await open({ url: `${origin}/api/orders`, proxy: proxy.url }).send();
      expect(proxy.asked).toEqual([`CONNECT ${origin.slice('https://'.length)}`]);
    },
  );

  it.each(['http', 'https'])(
    'a proxy that is not there is named, and not the target, by %s',
    async (scheme) => {
      const proxy = new URL(new URL(await unusedUrl()).origin);
      const outcome = await open({ url: `${scheme}://target.test/api/orders`, proxy }).send();
      expect(outcome).toMatchObject({ verdict: 'retry', status: null, advice: 'Look at the proxy.' });
      expect(outcome.error).toContain(`the proxy ${proxy.origin} cannot be reached (ECONNREFUSED)`);
    },
  );
});
