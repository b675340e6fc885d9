import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { type CheckTargetOptions, checkTarget } from '../../src/check-target/index.ts';
import { parseBodyTemplate } from '../../src/core/body-template.ts';
import { parseVerdictRules } from '../../src/core/verdict-rules.ts';
import { parseSigningKeys } from '../../src/core/webhook-signature.ts';
import { answers, startScriptedServer, unusedUrl } from '../adapters/http-delivery/scripted-server.ts';
import { OPTION_NAMES } from './option-names.ts';
import { type Delivery, Receiver, SECRET, startReceiver } from './receiver.ts';

let runs = 0;

async function check(url: string | URL, options: Partial<CheckTargetOptions> = {}) {
  const report = await checkTarget({
    url: new URL(url),
    keys: parseSigningKeys(SECRET, 'the secret'),
    runId: `wishes${++runs}`,
    deadlineMs: 5_000,
    mustShow: false,
    optionNames: OPTION_NAMES,
    stop: new AbortController().signal,
    ...options,
  });
  const failed = report.checks
    .filter(({ verdict }) => verdict === 'fail')
    .map(({ code, seen }) => ({ code, seen }));
  return { ...report, failed };
}

async function startAnswering(...given: Parameters<typeof answers>): Promise<string> {
  const server = await startScriptedServer(answers(...given));
  onTestFinished(() => server.close());
  return server.url;
}

it.each([
  [401, { 'www-authenticate': 'Bearer realm="x"' }, '', /it wants Bearer: set THE_API_KEY, or THE_OAUTH/],
  [
    401,
    { 'www-authenticate': 'Basic realm="x"' },
    '',
    /it wants Basic: write user and password into THE_URL/,
  ],
  [401, { 'www-authenticate': 'Token realm="x"' }, '', /it wants token: set THE_HEADERS/],
  [
    401,
    { 'www-authenticate': 'AWS4-HMAC-SHA256' },
    '',
    /wants aws4-hmac-sha256, .* no setting can: put a proxy/,
  ],
  [
    401,
    { 'www-authenticate': 'Digest realm="x", nonce="y"' },
    '',
    /wants digest, .* no setting can: put a proxy/,
  ],
  [401, { 'www-authenticate': 'Negotiate' }, '', /wants negotiate, .* no setting can: put a proxy/],
  [401, {}, '{"message":"Missing API key"}', /set THE_API_KEY, and THE_KEY_HEADER if/],
  [403, {}, 'subscription key missing', /set THE_API_KEY, and THE_KEY_HEADER if/],
] as const)(
  'names the setting for a target that answers %i with %j and "%s"',
  async (status, headers, body, seen) => {
    const { failed, ok } = await check(await startAnswering(status, headers, body));
    expect(failed).toEqual([{ code: 'authorization_wanted', seen: expect.stringMatching(seen) }]);
    expect(ok).toBe(false);
  },
);

it('names the methods that a target takes instead of POST', async () => {
  const { failed } = await check(await startAnswering(405, { allow: 'PUT, GET' }));
  expect(failed).toEqual([
    { code: 'state_refused', seen: '405: it takes PUT, GET there, and states come by POST' },
  ]);
});

it.each([
  [400, 'state_refused', /if it wants another body, set THE_BODY/],
  [415, 'state_refused', /if it wants another body, set THE_BODY/],
  [404, 'state_refused', /look at the path of THE_URL/],
  [400, 'state_refused', /has to begin with https$/, 'The plain HTTP request was sent to HTTPS port'],
  [400, 'state_refused', /has to begin with https$/, 'Client sent an HTTP request to an HTTPS server.'],
  [403, 'state_refused', /except the path from that check/, '{"detail":"CSRF Failed: CSRF token missing"}'],
  [403, 'state_refused', /a page, perhaps of a gateway/, '<html>Attention Required!</html>'],
  [401, 'authorization_wanted', /key into the query of THE_URL$/, 'query parameter api_key is missing'],
  [407, 'proxy_in_the_way', /look at THE_PROXY, or except the host by NO_PROXY/],
] as const)('names the setting for a target that answers %i', async (...row) => {
  const [status, code, seen, body = ''] = row as readonly [number, string, RegExp, string?];
  const { failed } = await check(await startAnswering(status, {}, body));
  expect(failed).toEqual([{ code, seen: expect.stringMatching(seen) }]);
});

it.each([
  ['{"status":"error","message":"token expired"}', 'success_says_failure'],
  ['{"status":401}', 'success_says_failure'],
  ['{"ok":false}', 'success_says_failure'],
  ['<soap:Envelope><soap:Body><soap:Fault/></soap:Body></soap:Envelope>', 'success_says_failure'],
  ['<!DOCTYPE html><title>Log in</title>', 'success_is_page'],
  ['{"status":"ok","error":null,"success":true}', null],
  ['OK', null],
  ['', null],
])('judges a 200 by its body: %s', async (body, code) => {
  const { checks } = await check(await startAnswering(200, {}, body));
  expect(checks.find(({ check: name }) => name === 'accepted')?.code).toBe(code);
});

it('shows where a redirect leads, without the key in it, and names the setting', async () => {
  const url = await startAnswering(307, { location: '/api/orders/?code=hush' });
  const { failed } = await check(url);
  expect(failed).toEqual([
    {
      code: 'redirects',
      seen: `307 to ${new URL(url).origin}/api/orders/: set THE_URL to where the target is`,
    },
  ]);
});

it('names the setting for a target that answers 409 to a repetition, and passes it with the rule', async () => {
  const receiver = () =>
    new (class extends Receiver {
      override async onDuplicate() {
        return { status: 409 };
      }
    })();
  const { failed } = await check(await startReceiver(receiver()));
  expect(failed[0]).toEqual({
    code: 'duplicate_refused',
    seen: expect.stringContaining('set THE_VERDICTS=409=delivered'),
  });
  const passed = await check(await startReceiver(receiver()), {
    verdicts: parseVerdictRules('409=delivered'),
  });
  expect(passed.failed.filter(({ code }) => code === 'duplicate_refused')).toEqual([]);
});

it('sends the body that the target wants', async () => {
  const bodies: string[] = [];
  const server = await startScriptedServer((response, request, number) => {
    bodies.push(`${request.headers['content-type']} ${server.received[number - 1]?.body}`);
    response.writeHead(request.method === 'GET' ? 404 : 200).end();
  });
  onTestFinished(() => server.close());
  const template = parseBodyTemplate('{"order.id": "{order_id}"}', ['order_id']);
  await check(server.url, {
    body: { template, cloudEvents: { mode: 'structured', type: 't', source: '/s' } },
  });
  expect(bodies[0]).toMatch(
    /^application\/cloudevents\+json .*"data":\{"order":\{"id":"check-target-wishes\d+-first"\}\}/,
  );
});

it('names the settings for a proxy that is not there, and for one that refuses', async () => {
  const gone = new URL(new URL(await unusedUrl()).origin);
  const { failed } = await check('http://target.test/api/orders', { reach: { proxy: gone } });
  expect(failed).toEqual([
    {
      code: 'proxy_in_the_way',
      seen: expect.stringMatching(/the proxy .* cannot be reached .*: look at THE_PROXY/),
    },
  ]);
  const refusing = createServer((_request, response) => response.writeHead(403).end('blocked by policy'));
  await new Promise<void>((resolve) => refusing.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    refusing.closeAllConnections();
    refusing.close();
  });
  const proxy = new URL(`http://127.0.0.1:${(refusing.address() as AddressInfo).port}`);
  const blocked = await check('http://target.test/api/orders', { reach: { proxy } });
  expect(blocked.failed).toEqual([
    { code: 'proxy_in_the_way', seen: expect.stringMatching(/403 blocked by policy, perhaps by a proxy/) },
  ]);
});

it('tells a proxy that was sent no login from one that does not take it', async () => {
  const url = await startAnswering(407);
  const proxy = new URL(new URL(url).origin);
  const seenOf = async () =>
    (await check('http://target.test/api/orders', { reach: { proxy } })).failed[0]?.seen;
  expect(await seenOf()).toContain('so it wants a user and a password in its URL: look at THE_PROXY');
  proxy.username = 'user';
  proxy.password = 'hush';
  const seen = await seenOf();
  expect(seen).toContain('so it does not take the user and the password in its URL');
  expect(seen).not.toContain('hush');
});

it('names the proxy that gives no answer to CONNECT', async () => {
  const mute = createServer().on('connect', () => {});
  await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void mute.close());
  const proxy = new URL(`http://127.0.0.1:${(mute.address() as AddressInfo).port}`);
  const { failed } = await check('https://target.test/api/orders', { reach: { proxy }, deadlineMs: 200 });
  expect(failed).toEqual([
    {
      code: 'proxy_in_the_way',
      seen: expect.stringContaining('no connection within 200 ms: look at THE_PROXY'),
    },
  ]);
});

it('names the proxy for a host that cannot be looked up', async () => {
  const { failed, isReached } = await check('http://target.invalid/api/orders');
  expect(failed).toEqual([
    { code: 'target_unreachable', seen: expect.stringContaining('through a proxy alone, set THE_PROXY') },
  ]);
  expect(isReached).toBe(false);
});

it.each([
  [409, (version: number) => version < 3, /set THE_VERDICTS=409=delivered$/],
  [412, (version: number) => version < 3, /has a newer state, set THE_VERDICTS=412=delivered$/],
  [404, (version: number) => version === 3, /need not be version 1$/],
] as const)('says what to do about a target that answers %i to a version', async (status, refuses, seen) => {
  const receiver = new (class extends Receiver {
    override async receive(delivery: Delivery) {
      const { order_id: id, version } = Object(delivery.state);
      return String(id).includes('-older') && refuses(version) ? { status } : super.receive(delivery);
    }
  })();
  const { failed } = await check(await startReceiver(receiver));
  expect(failed).toEqual([{ code: expect.any(String), seen: expect.stringMatching(seen) }]);
});

it('says so if the target refuses the key after it took states', async () => {
  const receiver = new (class extends Receiver {
    #taken = 0;
    override announcement = null;
    override isTrusted() {
      return true;
    }
    override async onPost(...[request, response, body]: Parameters<Receiver['onPost']>) {
      if (++this.#taken <= 3) return super.onPost(request, response, body);
      response.writeHead(401).end('token expired');
    }
  })();
  const { failed } = await check(await startReceiver(receiver), { keys: [], reach: { apiKey: 'k' } });
  expect(new Set(failed.map(({ code }) => code))).toEqual(new Set(['authorization_wanted']));
  expect(failed[0]?.seen).toMatch(
    /^401 token expired, after it took states: the key or the token may have expired$/,
  );
});
