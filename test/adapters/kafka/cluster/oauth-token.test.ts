import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { tokenFromEndpoint } from '../../../../src/adapters/kafka/cluster/oauth-token.ts';

interface Asked {
  readonly authorization: string | undefined;
  readonly contentType: string | undefined;
  readonly form: URLSearchParams;
}

type Answer = (response: ServerResponse) => void;

const json =
  (status: number, body: unknown): Answer =>
  (response) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  };
const token = (name: string, lifeSeconds?: number): Answer =>
  json(200, {
    access_token: name,
    token_type: 'bearer',
    ...(lifeSeconds === undefined ? {} : { expires_in: lifeSeconds }),
  });
const tokenExpiringAt = (seconds: number): string =>
  ['{}', JSON.stringify({ exp: seconds }), 'signature']
    .map((part) => Buffer.from(part).toString('base64url'))
    .join('.');

const opened: Server[] = [];
afterEach(async () => {
  for (const server of opened.splice(0)) {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  }
});

/** A token endpoint that gives these answers one after the other, and repeats the last one. */
async function endpoint(...answers: Answer[]) {
  const asked: Asked[] = [];
  const server = createServer((request: IncomingMessage, response) => {
    let body = '';
    request.setEncoding('utf8');
    request.on('data', (part: string) => {
      body += part;
    });
    request.on('end', () => {
      const { authorization, 'content-type': contentType } = request.headers;
      asked.push({ authorization, contentType, form: new URLSearchParams(body) });
      (answers.length > 1 ? answers.shift() : answers[0])?.(response);
    });
  });
  opened.push(server);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/realms/kafka/token`;
  let nowMs = 1_700_000_000_000;
  const ask = tokenFromEndpoint(
    { url, clientId: 'order-sync', clientSecret: 'p%q +&', scope: 'kafka', audience: 'brokers' },
    { now: () => nowMs },
  );
  return {
    ask,
    asked,
    url,
    pass: (ms: number) => {
      nowMs += ms;
    },
    nowSeconds: () => nowMs / 1_000,
  };
}

describe('a token endpoint', () => {
  it('the endpoint is asked by the client credentials grant, with name and secret form-encoded in HTTP Basic', async () => {
    const { ask, asked } = await endpoint(token('first', 600));
    expect(await ask()).toBe('first');
    const [one] = asked;
    expect(one?.contentType).toBe('application/x-www-form-urlencoded');
    expect(Object.fromEntries(one?.form ?? [])).toEqual({
      grant_type: 'client_credentials',
      scope: 'kafka',
      audience: 'brokers',
    });
    const [scheme, login = ''] = one?.authorization?.split(' ') ?? [];
    expect(scheme).toBe('Basic');
    expect(Buffer.from(login, 'base64').toString()).toBe('order-sync:p%25q+%2B%26');
  });

  it('the endpoint is asked again after 70 % of the lifetime of its token, and not before', async () => {
    const { ask, asked, pass } = await endpoint(token('first', 100), token('second', 100));
    expect(await ask()).toBe('first');
    pass(69_000);
    expect(await ask()).toBe('first');
    pass(2_000);
    expect(await ask()).toBe('second');
    expect(asked).toHaveLength(2);
  });

  it('a token that expires sooner than the endpoint says is renewed in time', async () => {
    const given: Answer[] = [];
    const { ask, pass, nowSeconds } = await endpoint((response) => given.shift()?.(response));
    given.push(token(tokenExpiringAt(nowSeconds() + 10), 3_600), token('second', 3_600));
    await ask();
    pass(8_000);
    expect(await ask()).toBe('second');
  });

  it('the endpoint is asked again after 42 seconds if its token has no expiry', async () => {
    const { ask, asked, pass } = await endpoint(token('first'), token('second'));
    await ask();
    pass(41_000);
    expect(await ask()).toBe('first');
    pass(2_000);
    expect(await ask()).toBe('second');
    expect(asked).toHaveLength(2);
  });

  it('the endpoint is asked once for logins that begin at the same time', async () => {
    const { ask, asked } = await endpoint(token('first', 100));
    expect(await Promise.all([ask(), ask(), ask()])).toEqual(['first', 'first', 'first']);
    expect(asked).toHaveLength(1);
  });

  it('a token stays in use until it expires while the endpoint fails, and not longer', async () => {
    const { ask, pass } = await endpoint(
      token('first', 100),
      json(503, { error: 'temporarily_unavailable' }),
    );
    await ask();
    pass(80_000);
    expect(await ask()).toBe('first');
    pass(21_000);
    await expect(ask()).rejects.toMatchObject({
      code: 'log_unreachable',
      message: expect.stringMatching(/answers 503 without a token, temporarily_unavailable/),
    });
  });

  it('a refusal of the client names the endpoint and the settings to correct, and not the secret', async () => {
    const { ask, url } = await endpoint(json(401, { error: 'invalid_client' }));
    const error = await ask().catch((thrown: unknown) => thrown as Error);
    expect(String(error)).toMatch(
      /refuses the client \(401, invalid_client\).*KAFKA_SASL_OAUTH_CLIENT_SECRET/,
    );
    expect(String(error)).toContain(url);
    expect(String(error)).not.toContain('p%q');
  });

  it.each<[string, Answer]>([
    ['a page of HTML', (response) => response.writeHead(200).end('<html>sign in</html>')],
    ['a token with a blank in it', token('two words', 60)],
    ['a redirect', (response) => response.writeHead(302, { location: 'http://127.0.0.1:9/' }).end()],
    ['no token', json(200, { token_type: 'bearer' })],
  ])('an answer of %s gives an error with the setting of the endpoint', async (_, answer) => {
    const { ask } = await endpoint(answer);
    await expect(ask()).rejects.toMatchObject({
      code: 'log_unreachable',
      message: expect.stringMatching(/without a token.*KAFKA_SASL_OAUTH_TOKEN_URL/),
    });
  });

  it('an answer longer than 65,536 bytes is not read to its end', async () => {
    const { ask } = await endpoint((response) => response.writeHead(200).end('x'.repeat(70_000)));
    await expect(ask()).rejects.toThrow(/longer than 65536 bytes/);
  });

  it('an endpoint that cannot be reached gives an error with the setting of its authority', async () => {
    const ask = tokenFromEndpoint(
      { url: 'http://127.0.0.1:9/token', clientId: 'a', clientSecret: 'b' },
      { now: () => 0 },
    );
    await expect(ask()).rejects.toThrow(/gives no answer: .*KAFKA_SASL_OAUTH_CA_FILE/);
  });
});
