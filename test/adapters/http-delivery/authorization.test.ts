import { describe, expect, it, onTestFinished } from 'vitest';
import { fixedHeaders } from '../../../src/adapters/http-delivery/authorization.ts';
import {
  type HttpHoldingsOptions,
  type HttpTargetOptions,
  openHttpHoldings,
} from '../../../src/adapters/http-delivery/index.ts';
import { systemClock } from '../../../src/adapters/system-clock.ts';
import { parseHeaders } from '../../../src/core/http-headers.ts';
import type { TargetHoldings } from '../../../src/ports/target-holdings.ts';
import { newDelivery, singly } from '../../contract/delivery-target.ts';
import { outcomesOf } from '../../contract/outcomes.ts';
import { never, serverOf, targetAt } from './place.ts';
import { answers, unusedUrl } from './scripted-server.ts';

const open = ({ url, ...options }: Partial<HttpTargetOptions> & { url: string }) => targetAt(url, options);

/** The holdings of a target, whose states have no columns. They end with the test. */
function holdingsOf(options: Partial<HttpHoldingsOptions> & { url: string }): TargetHoldings {
  const holdings = openHttpHoldings({
    name: 'test',
    clock: systemClock,
    logger: () => {},
    view: { keyColumn: 'order_id', columns: [] },
    ...options,
  });
  onTestFinished(() => holdings.close());
  return holdings;
}

const sentBy = ({ received }: Awaited<ReturnType<typeof serverOf>>, name: string) =>
  received.map(({ headers }) => headers[name]);

describe('the fixed headers of a target', () => {
  const url = new URL('http://user:p%40ss@host/orders');
  const plain = new URL('http://host/orders');
  const BASIC = `Basic ${Buffer.from('user:p@ss').toString('base64')}`;
  const of = (options: object, kind: 'writes' | 'reads', at = plain) =>
    fixedHeaders({ url: at, name: 'test', hasToken: false, ...options }, kind);

  it.each(['writes', 'reads'] as const)('a request that %s carries a key as a bearer token', (kind) => {
    expect(of({ apiKey: 'k1' }, kind)).toEqual(['authorization', 'Bearer k1']);
    expect(of({ apiKey: 'k1', apiKeyHeader: 'X-API-Key' }, kind)).toEqual(['X-API-Key', 'k1']);
  });

  it('a key and a user of the URL share: a delivery carries the user, a request that reads the key', () => {
    expect(of({ apiKey: 'k1' }, 'writes', url)).toEqual(['authorization', BASIC]);
    expect(of({ apiKey: 'k1' }, 'reads', url)).toEqual(['authorization', 'Bearer k1']);
    expect(of({ apiKey: 'k1', apiKeyHeader: 'x-key' }, 'writes', url)).toEqual([
      'x-key',
      'k1',
      'authorization',
      BASIC,
    ]);
  });

  it('a header Authorization of its own stands for all others', () => {
    const headers = parseHeaders('Authorization: Splunk abc\nX-Tenant: 7\n');
    expect(of({ headers, apiKey: 'k1' }, 'writes', url)).toEqual([
      'Authorization',
      'Splunk abc',
      'X-Tenant',
      '7',
    ]);
    expect(() => of({ headers, hasToken: true }, 'writes')).toThrow(/Authorization of its own and OAuth/);
  });

  it.each([
    ['X-Key', /line 1 has no colon/],
    ['X Key: a', /line 1: "X Key" is no name of a header/],
    ['X-Key: a\nWebhook-Id: b', /line 2: Webhook-Id is written by order-sync itself/],
    ['Host: b', /Host is written by order-sync itself/],
    ['X-Key:', /line 1: the value of X-Key has to be visible ASCII/],
    ['X-Key: schl\u00fcssel', /the value of X-Key has to be visible ASCII/],
    ['X-Key: a\nx-key: b', /line 2: x-key comes twice/],
  ])('refuses the header lines %j, without a value in the message', (lines, message) => {
    expect(() => parseHeaders(lines)).toThrow(message);
    expect(() => parseHeaders(lines)).not.toThrow(/schl/);
  });
});

describe('a target behind a gateway', () => {
  it('gets its key and further headers with single states, with delivery batches and with requests that read', async () => {
    const server = await serverOf((response, request) => {
      const key = request.headers['x-api-key'];
      if (key !== 'k1') response.writeHead(401).end();
      else
        response
          .writeHead(200, { 'webhook-batch': '9;path="batch"' })
          .end('{"data":[],"page":{"hasMore":false}}');
    });
    const options = { apiKey: 'k1', apiKeyHeader: 'X-API-Key', headers: [['X-Tenant', '7'] as const] };
    const target = open({ url: server.url, ...options });
    await outcomesOf(target, [newDelivery()], never);
    await outcomesOf(
      target,
      [newDelivery({ deliveryId: 'msg_2' }), newDelivery({ deliveryId: 'msg_3', entityId: 'order-3' })],
      never,
    );
    const holdings = holdingsOf({ ...options, url: server.url });
    await holdings.page({ after: null, limit: 5 }, never);
    expect(server.received.map(({ path }) => path)).toEqual([
      '/api/orders',
      '/api/orders/batch',
      '/api/orders?limit=5',
    ]);
    expect(sentBy(server, 'x-api-key')).toEqual(['k1', 'k1', 'k1']);
    expect(sentBy(server, 'x-tenant')).toEqual(['7', '7', '7']);
  });
});

/** A token endpoint that answers as the test says, and a target that takes the tokens which the test accepts. */
async function openWithTokens(
  endpoint: (number: number) => { status: number; body: object },
  accepts: (authorization: string | undefined) => boolean,
  options: Partial<HttpTargetOptions> = {},
  sendsSecretIn: 'header' | 'body' = 'header',
) {
  const tokens = await serverOf((response, _request, number) => {
    const { status, body } = endpoint(number);
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });
  const server = await serverOf((response, request) => {
    const isAccepted = accepts(request.headers.authorization);
    const body = request.method === 'GET' ? '{"data":[],"page":{"hasMore":false}}' : '{}';
    response.writeHead(isAccepted ? 200 : 401).end(isAccepted ? body : '{}');
  });
  const oauth = {
    tokenUrl: `${new URL(tokens.url).origin}/token`,
    clientId: 'sync:1',
    clientSecret: 'hush hush',
    scope: 'orders.write',
    audience: 'orders',
    sendsSecretIn,
  };
  const target = open({ url: server.url, oauth, ...options });
  return {
    tokens,
    server,
    oauth,
    send: (id = 'msg_1') => singly(target).deliver(newDelivery({ deliveryId: id }), never),
  };
}

const bearer = (token: string, more: object = { expires_in: 3_600 }) => ({
  status: 200,
  body: { access_token: token, token_type: 'Bearer', ...more },
});

describe('a target that wants tokens of OAuth', () => {
  it('gets every state with a token that was asked for once, by the client credentials grant', async () => {
    const { tokens, server, send } = await openWithTokens(
      () => bearer('t1'),
      (given) => given === 'Bearer t1',
    );
    const outcomes = await Promise.all(Array.from({ length: 20 }, (_, index) => send(`msg_${index}`)));
    expect(new Set(outcomes.map(({ verdict }) => verdict))).toEqual(new Set(['delivered']));
    expect((await send()).verdict).toBe('delivered');
    expect(server.received).toHaveLength(21);
    expect(tokens.received).toHaveLength(1);
    const [asked] = tokens.received;
    expect(Object.fromEntries(new URLSearchParams(asked?.body))).toEqual({
      grant_type: 'client_credentials',
      scope: 'orders.write',
      audience: 'orders',
    });
    const login = Buffer.from(String(asked?.headers.authorization).slice(6), 'base64').toString();
    expect(login).toBe('sync%3A1:hush+hush');
  });

  it('an endpoint that wants id and secret in the body gets them there', async () => {
    const { tokens, send } = await openWithTokens(
      () => bearer('t1'),
      () => true,
      {},
      'body',
    );
    await send();
    expect(tokens.received[0]?.headers).not.toHaveProperty('authorization');
    const form = Object.fromEntries(new URLSearchParams(tokens.received[0]?.body));
    expect(form).toMatchObject({ client_id: 'sync:1', client_secret: 'hush hush' });
  });

  it('a token is renewed before its end while states go on with the old one, and fetched anew after its end', async () => {
    let nowMs = 0;
    const { tokens, server, send } = await openWithTokens(
      (number) => bearer(`t${number}`, { expires_in: 1_000 }),
      () => true,
      { clock: { now: Date.now, monotonicMs: () => nowMs } },
    );
    await send();
    nowMs = 939_999;
    await send();
    expect(tokens.received).toHaveLength(1);
    nowMs = 940_000;
    await send();
    await expect.poll(() => tokens.received.length).toBe(2);
    const nextToken = async () => {
      await send();
      return sentBy(server, 'authorization').at(-1);
    };
    await expect.poll(nextToken).toBe('Bearer t2');
    nowMs = 940_000 + 1_000_000;
    await send();
    expect(sentBy(server, 'authorization').at(-1)).toBe('Bearer t3');
    expect(sentBy(server, 'authorization').slice(0, 3)).toEqual(['Bearer t1', 'Bearer t1', 'Bearer t1']);
  });

  it('a state that is answered 401 is sent once more with a new token, and that 401 is the outcome', async () => {
    let accepted = 'Bearer t1';
    const { tokens, server, send } = await openWithTokens(
      (number) => bearer(`t${number}`),
      (given) => given === accepted,
    );
    expect((await send()).verdict).toBe('delivered');
    accepted = 'Bearer t2';
    expect(await send()).toMatchObject({ verdict: 'delivered', error: null });
    expect(tokens.received).toHaveLength(2);
    accepted = 'none';
    expect(await send()).toMatchObject({ verdict: 'retry', status: 401 });
    expect(tokens.received).toHaveLength(3);
    expect(server.received).toHaveLength(5);
  });

  it('a request that reads is sent once more with a new token after a 401, and no third time', async () => {
    let accepted = 'Bearer t1';
    const { server, oauth } = await openWithTokens(
      (number) => bearer(`t${number}`),
      (given) => given === accepted,
    );
    const holdings = holdingsOf({ url: server.url, oauth });
    const read = () => holdings.page({ after: null, limit: 5 }, never);
    await read();
    accepted = 'Bearer t2';
    expect(await read()).toEqual({ states: [], hasMore: false });
    expect(sentBy(server, 'authorization')).toEqual(['Bearer t1', 'Bearer t1', 'Bearer t2']);
    accepted = 'none';
    await expect(read()).rejects.toThrow('401');
    expect(sentBy(server, 'authorization').slice(3)).toEqual(['Bearer t2', 'Bearer t3']);
  });

  it.each([
    [
      'refuses the client',
      { status: 401, body: { error: 'invalid_client', error_description: 'hush hush' } },
      /answered 401 \(invalid_client\)/,
    ],
    ['is broken', { status: 500, body: {} }, /answered 500/],
    ['gives no token', { status: 200, body: {} }, /without an access_token/],
    [
      'gives another kind of token',
      { status: 200, body: { access_token: 'x', token_type: 'mac' } },
      /no bearer token/,
    ],
  ])('sends nothing and names the endpoint, when it %s', async (_what, answer, message) => {
    const { server, tokens, send } = await openWithTokens(
      () => answer,
      () => true,
    );
    const outcome = await send();
    expect(outcome).toMatchObject({ verdict: 'retry', status: null, advice: 'Look at the OAuth client.' });
    expect(outcome.error).toMatch(message);
    expect(outcome.error).toContain(`${new URL(tokens.url).origin}/token`);
    expect(outcome.error).not.toContain('hush');
    expect(server.received).toEqual([]);
  });

  it('an endpoint that is not there is named, and not the target', async () => {
    const { origin } = new URL(await unusedUrl());
    const server = await serverOf(answers(200));
    const target = open({
      url: server.url,
      oauth: { tokenUrl: `${origin}/token`, clientId: 'a', clientSecret: 'b' },
    });
    const outcome = await singly(target).deliver(newDelivery(), never);
    expect(outcome.error).toContain(`${origin}/token: nothing listens there; start the token endpoint`);
  });
});
