import { fastify, type InjectOptions } from 'fastify';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  type ApiAccess,
  guardRoutes,
  keyNameOf,
  requireApiKeys,
  scopesBut,
} from '../../../../src/apps/shared/http/api-access.ts';
import { makeApiKey } from '../../../../src/apps/shared/http/api-keys.ts';
import { sendProblem, toProblem } from '../../../../src/apps/shared/http/problem.ts';

const reader = makeApiKey('reader', ['read']);
const operator = makeApiKey('operator', ['operate']);
const stranger = makeApiKey('stranger', ['read', 'operate']);
const keys = requireApiKeys(`${reader.entry} ${operator.entry}`, 'order-sync', 'THE_SETTING');
const bearer = (key: string) => ({ authorization: `Bearer ${key}` });

/** A server with a few routes, and a list of the routes that ran. */
function server(access: ApiAccess) {
  const app = fastify();
  const ran: string[] = [];
  app.setErrorHandler((error: Error, request, reply) => sendProblem(request, reply, toProblem(error)));
  guardRoutes(app, access, scopesBut(new Set(['GET /livez', 'POST /signed'])));
  for (const [method, url] of [
    ['GET', '/livez'],
    ['GET', '/things/:id'],
    ['POST', '/things/:id'],
    ['DELETE', '/things/:id'],
    ['POST', '/signed'],
    ['GET', '/signed'],
  ] as const) {
    app.route({
      method,
      url,
      handler: async (request) => {
        ran.push(`${request.method} ${request.url}`);
        return { by: keyNameOf(request) };
      },
    });
  }
  onTestFinished(() => app.close());
  return {
    ran,
    async ask(method: InjectOptions['method'], url: string, headers: Record<string, string> = {}) {
      const answer = await app.inject({ method, url, headers } as InjectOptions);
      const body = answer.body === '' ? null : JSON.parse(answer.body);
      const { 'www-authenticate': challenge, 'content-type': type } = answer.headers;
      return { status: answer.statusCode, body, challenge, type };
    },
  };
}

describe('a guarded route', () => {
  it('answers the holder of a key with its scope, and knows the name of the key', async () => {
    const { ask, ran } = server(keys);
    expect(await ask('GET', '/things/1', bearer(reader.key))).toMatchObject({
      status: 200,
      body: { by: 'reader' },
      challenge: undefined,
    });
    expect(await ask('HEAD', '/things/1', bearer(reader.key))).toMatchObject({ status: 200 });
    for (const method of ['POST', 'DELETE'] as const) {
      expect(await ask(method, '/things/1', bearer(operator.key))).toMatchObject({
        status: 200,
        body: { by: 'operator' },
      });
    }
    expect(ran).toHaveLength(4);
  });

  it.each([
    ['nothing', undefined],
    ['an empty header', ''],
    ['the key without its scheme', reader.key],
    ['another scheme', `Basic ${Buffer.from(`reader:${reader.key}`).toString('base64')}`],
    ['a scheme that only begins like it', `Bearerish ${reader.key}`],
    ['the scheme alone', 'Bearer '],
    ['two keys', `Bearer ${stranger.key} ${reader.key}`],
  ])('answers 401 to %s instead of a key, and says what is needed', async (_what, authorization) => {
    const { ask, ran } = server(keys);
    const headers = authorization === undefined ? {} : { authorization };
    for (const method of ['GET', 'POST'] as const) {
      expect(await ask(method, '/things/1', headers)).toMatchObject({
        status: 401,
        body: { code: 'api_key_missing', status: 401, instance: '/things/1' },
        challenge: 'Bearer',
        type: expect.stringMatching(/^application\/problem\+json/),
      });
    }
    expect(await ask('HEAD', '/things/1', headers)).toMatchObject({ status: 401 });
    expect(ran).toEqual([]);
  });

  it.each([
    ['a key that is not known', stranger.key],
    ['a known key but for its last letter', reader.key.replace(/.$/, (end) => (end === 'A' ? 'B' : 'A'))],
    ['the entry of a key', reader.entry],
    ['the hash of a key', reader.entry.split(':')[2] ?? ''],
  ])('answers 401 to %s as a key', async (_what, given) => {
    const { ask, ran } = server(keys);
    const answer = await ask('GET', '/things/1', bearer(given));
    expect(answer).toMatchObject({
      status: 401,
      body: { code: 'api_key_unknown' },
      challenge: 'Bearer error="invalid_token"',
    });
    expect(JSON.stringify(answer.body)).not.toContain(given);
    expect(ran).toEqual([]);
  });

  it('answers 403 to a known key without its scope, since neither scope includes the other', async () => {
    const { ask, ran } = server(keys);
    expect(await ask('POST', '/things/1', bearer(reader.key))).toMatchObject({
      status: 403,
      body: { code: 'scope_missing', detail: expect.stringContaining('operate') },
      challenge: 'Bearer error="insufficient_scope", scope="operate"',
    });
    expect(await ask('DELETE', '/things/1', bearer(reader.key))).toMatchObject({ status: 403 });
    expect(await ask('GET', '/things/1', bearer(operator.key))).toMatchObject({ status: 403 });
    expect(await ask('HEAD', '/things/1', bearer(operator.key))).toMatchObject({ status: 403 });
    expect(ran).toEqual([]);
  });

  it('takes the scheme Bearer in any case', async () => {
    const { ask } = server(keys);
    const headers = { authorization: `bEARER  ${reader.key}` };
    expect(await ask('GET', '/things/1', headers)).toMatchObject({ status: 200 });
  });
});

describe('the routes that are not guarded', () => {
  it('leaves the named routes open, by method and path, and no others', async () => {
    const { ask } = server(keys);
    expect(await ask('GET', '/livez')).toMatchObject({ status: 200, body: { by: null } });
    expect(await ask('HEAD', '/livez')).toMatchObject({ status: 200 });
    expect(await ask('POST', '/signed')).toMatchObject({ status: 200 });
    expect(await ask('GET', '/signed')).toMatchObject({ status: 401 });
  });

  it('leaves all routes open on an open API, whatever key is sent', async () => {
    const { ask } = server('open');
    for (const headers of [{}, bearer(stranger.key), bearer('nonsense')]) {
      expect(await ask('GET', '/things/1', headers)).toMatchObject({ status: 200, body: { by: null } });
      expect(await ask('POST', '/things/1', headers)).toMatchObject({ status: 200 });
    }
  });

  it('closes all other routes if there are no keys', async () => {
    const { ask, ran } = server([]);
    expect(await ask('GET', '/things/1')).toMatchObject({
      status: 401,
      body: { code: 'api_key_missing', detail: expect.stringContaining('has no keys yet') },
    });
    expect(await ask('GET', '/things/1', bearer(reader.key))).toMatchObject({ status: 401 });
    expect(ran).toEqual([]);
    expect(await ask('POST', '/signed')).toMatchObject({ status: 200 });
  });
});

it('requireApiKeys names the setting with malformed keys, and what would be right', () => {
  expect(() => requireApiKeys('reader', 'order-sync', 'THE_SETTING')).toThrow(
    expect.objectContaining({
      code: 'setting_invalid',
      message: expect.stringMatching(/^THE_SETTING: entry no. 1 is not NAME:SCOPES:SHA256; make a key .*\.$/),
    }),
  );
});
