import { describe, expect, it } from 'vitest';
import { acceptingChecks } from '../../../src/check-target/checks/accepting.ts';
import type { Finding } from '../../../src/check-target/faults.ts';
import { OPTION_NAMES } from '../option-names.ts';

interface Answered {
  readonly status: number;
  readonly body?: string;
  readonly headers?: Record<string, string>;
}

interface Way {
  readonly isProxied?: boolean;
  readonly hasKeys?: boolean;
}

/** What a check finds at a target that answers every request in the same way. */
async function found(
  name: string,
  { status, body = '', headers = {} }: Answered,
  { isProxied = false, hasKeys = true }: Way = {},
): Promise<Finding> {
  let json: unknown;
  try {
    json = JSON.parse(body);
  } catch {}
  const answer = {
    status,
    isTaken: status >= 200 && status < 300,
    headers,
    body: Buffer.from(body),
    json,
    latencyMs: 1,
  };
  const probe = {
    statusesOfGarbage: new Set(),
    prefix: 'check-target-',
    keys: hasKeys ? [{}] : [],
    optionNames: OPTION_NAMES,
    client: { isProxied },
    state: (id: string, version: number) => ({ order_id: id, version }),
    newDeliveryId: () => 'msg_1',
    deliver: async () => answer,
    send: async () => answer,
  };
  const check = acceptingChecks.find((each) => each.name === name);
  if (check === undefined) throw new Error(`There is no check ${name}.`);
  return check.run(probe as never);
}

const firstCode = async (body: string) => (await found('accepted', { status: 200, body })).code;

describe('a target that answers 200 to the first state', () => {
  it.each([
    ['{"success": false}', 'success_says_failure'],
    ['{"ok": false}', 'success_says_failure'],
    ['{"status": "error"}', 'success_says_failure'],
    ['{"result": "Rejected"}', 'success_says_failure'],
    ['{"status": 400}', 'success_says_failure'],
    ['{"status": 599}', 'success_says_failure'],
    ['<soap:Envelope><soap:Body><soap:Fault/></soap:Body></soap:Envelope>', 'success_says_failure'],
    ['<!DOCTYPE html><title>Login</title>', 'success_is_page'],
    ['{"success": true, "status": 200}', null],
    ['{"status": 600, "ok": true}', null],
    ['{"status": "failover"}', null],
    ['[]', null],
    ['', null],
  ])('says %s: the fault is %s', async (body, code) => {
    expect(await firstCode(body)).toBe(code);
  });
});

describe('a target that refuses the first state', () => {
  const seen = async (answered: Answered, way: Way = {}) => {
    const { code, seen: words } = await found('accepted', answered, way);
    return `${code}: ${words}`;
  };

  it.each<[number, Way, string]>([
    [407, {}, 'proxy_in_the_way: 407'],
    [503, { isProxied: true }, 'proxy_in_the_way: 503, perhaps by a proxy'],
    [403, { isProxied: true }, 'proxy_in_the_way: 403'],
    [503, {}, 'state_refused: 503'],
    [500, { isProxied: true }, 'state_refused: 500'],
    [404, {}, 'state_refused: 404: look at the path of'],
    [405, {}, 'state_refused: 405: look at the path of'],
    [400, {}, 'state_refused: 400; if it wants another body, set'],
    [422, {}, 'state_refused: 422; if it wants another body, set'],
    [403, {}, 'right_signature_refused: 403'],
    [401, { hasKeys: false }, 'secret_wanted: 401, and'],
  ])('answers %i, reached by %j, and is told as %s', async (status, way, words) => {
    expect((await seen({ status }, way)).slice(0, words.length)).toBe(words);
  });

  it.each([
    ['Bearer realm="x"', ', it wants Bearer: set'],
    ['Basic realm="x"', ', it wants Basic: write user and password into'],
    ['Digest realm="x"', ', it wants digest, which is computed for each request'],
    ['Custom realm="x"', ', it wants custom: set'],
  ])('names the scheme %s beside 401, and is told which setting gives it', async (scheme, words) => {
    const headers = { 'www-authenticate': scheme };
    expect(await seen({ status: 401, headers })).toContain(`authorization_wanted: 401${words}`);
  });

  it.each([
    [400, 'The plain HTTP request was sent to HTTPS port', 'has to begin with https'],
    [403, 'CSRF verification failed', 'except the path from that check'],
    [403, '<html>Forbidden</html>', 'perhaps of a gateway or a firewall'],
    [400, 'No required SSL certificate was sent', 'client_certificate_wanted'],
    [401, 'missing api key in query', 'write the key into the query of'],
    [401, 'Missing API-Key', 'if the key belongs into another header'],
  ])('answers %i with the words "%s", and is told: %s', async (status, body, words) => {
    expect(await seen({ status, body })).toContain(words);
  });

  it('answers 405, and is told which methods it takes there', async () => {
    const refused = (allow: string) => seen({ status: 405, headers: { allow } });
    expect(await refused('GET, HEAD')).toContain('it takes GET, HEAD there, and states come by POST');
    expect(await refused('GET, POST')).toContain('look at the path of');
  });
});

describe('a target that is sent bodies that are no states', () => {
  it.each([
    [400, null],
    [499, null],
    [200, 'garbage_accepted'],
    [500, 'garbage_fails'],
    [503, 'garbage_fails'],
  ])('answers %i to each: the fault is %s', async (status, code) => {
    expect((await found('garbage', { status })).code).toBe(code);
  });
});

describe('a target that is sent a bare key and then a quoted one', () => {
  it.each([
    ['{"duplicate": false}', 'idempotency_key_form_counts'],
    ['{"duplicate": true}', null],
    ['{}', null],
  ])('answers %s to both: the fault is %s', async (body, code) => {
    expect((await found('idempotency_key', { status: 200, body })).code).toBe(code);
  });

  it('refuses the first one, and is warned about', async () => {
    expect(await found('idempotency_key', { status: 400 })).toMatchObject({
      verdict: 'warn',
      code: 'idempotency_key_bare_refused',
    });
  });
});
