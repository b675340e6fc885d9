import { describe, expect, it, onTestFinished } from 'vitest';
import { type OAuthClient, TokenSource } from '../../../src/adapters/http-delivery/oauth.ts';
import { systemClock } from '../../../src/adapters/system-clock.ts';
import { serverOf } from './place.ts';
import { answers } from './scripted-server.ts';

async function askAt(script: ReturnType<typeof answers>, client: Partial<OAuthClient> = {}) {
  const server = await serverOf(script);
  const tokens = new TokenSource(
    { tokenUrl: server.url, clientId: 'shop', clientSecret: 'hush', ...client },
    { name: 'shop', clock: systemClock, logger: () => {}, deadlineMs: 5_000 },
  );
  onTestFinished(() => tokens.close());
  return { tokens, server };
}

const json = (fields: object) => answers(200, {}, JSON.stringify(fields));

describe('a token endpoint', () => {
  it.each([
    ['type in small letters', json({ access_token: 't', token_type: 'bearer', expires_in: 60 })],
    ['type of Apigee', json({ access_token: 't', token_type: 'BearerToken', expires_in: '1799' })],
    ['type JWT', json({ access_token: 't', token_type: 'JWT' })],
    ['status 201', answers(201, {}, '{"access_token":"t"}')],
    ['byte order mark', answers(200, {}, '\ufeff{"access_token":"t"}')],
    ['form in place of JSON', answers(200, {}, 'access_token=t&token_type=bearer&expires_in=60')],
  ])('gives a token with a %s', async (_what, script) => {
    const { tokens } = await askAt(script);
    expect(await tokens.fetch()).toBe('t');
  });

  it.each([
    ['a text', '3600'],
    ['nothing', undefined],
    ['null', null],
    ['0', 0],
    ['a word', 'soon'],
    ['a huge number', 1e18],
  ])('gives a token that stays in use with %s as expires_in', async (_what, expires) => {
    const { tokens } = await askAt(json({ access_token: 't', expires_in: expires }));
    await tokens.fetch();
    expect(tokens.current).toBe('t');
  });

  it.each([
    ['a page', answers(200, {}, '<html>Log in</html>'), /without an access_token: it is a page/],
    [
      'fields of other names',
      json({ accessToken: 'secret', expiresIn: 1 }),
      /: it has accessToken, expiresIn\./,
    ],
    ['an array', answers(200, {}, '[{"access_token":"t"}]'), /: it is no JSON object/],
    ['an error with 200', json({ error: 'invalid_scope' }), /answered 200 \(invalid_scope\)/],
    [
      'a described error',
      answers(400, {}, '{"error":"invalid_scope","error_description":"orders.write is unknown.\\u001b"}'),
      /answered 400 \(invalid_scope: orders.write is unknown\), so nothing/,
    ],
    ['an error of another form', answers(400, {}, '{"error":{"code":7}}'), /answered 400, so nothing/],
    ['a token of another type', json({ access_token: 't', token_type: 'mac' }), /of the type "mac"/],
    ['a redirect', answers(302, { location: 'https://login.test' }), /redirects are not followed/],
    ['404', answers(404), /look at the path of its URL/],
  ])('gives no token with %s, and is quoted', async (_what, script, message) => {
    const { tokens } = await askAt(script);
    await expect(tokens.fetch()).rejects.toThrow(message);
  });

  it('never quotes the secret that it repeats', async () => {
    const body = '{"error":"invalid_client","error_description":"hush is wrong"}';
    const { tokens } = await askAt(answers(401, {}, body));
    const fault = await tokens.fetch().catch((error: Error) => error.message);
    expect(fault).toMatch(/answered 401 \(invalid_client\), .*OAUTH_SECRET_IN=body/);
    expect(fault).not.toContain('hush');
  });

  it('gets no advice to put the secret where it stands already', async () => {
    const { tokens } = await askAt(answers(401, {}, '{"error":"invalid_client"}'), { sendsSecretIn: 'body' });
    await expect(tokens.fetch()).rejects.not.toThrow(/SECRET_IN/);
  });

  it.each([
    ['header', 'my+id%3A%C3%A9:s%2Bc%2F%3D%26%25', 'grant_type=client_credentials'],
    ['body', null, 'grant_type=client_credentials&client_id=my+id%3A%C3%A9&client_secret=s%2Bc%2F%3D%26%25'],
  ] as const)('gets id and secret form-encoded in the %s', async (sendsSecretIn, login, form) => {
    const client = { clientId: 'my id:é', clientSecret: 's+c/=&%', sendsSecretIn };
    const { tokens, server } = await askAt(json({ access_token: 't' }), client);
    await tokens.fetch();
    const [{ headers, body } = { headers: {}, body: '' }] = server.received;
    const basic = 'authorization' in headers ? String(headers.authorization).replace('Basic ', '') : null;
    expect(basic === null ? null : Buffer.from(basic, 'base64').toString()).toBe(login);
    expect(body).toBe(form);
  });
});
