import { request } from 'node:http';
import { describe, expect, it } from 'vitest';
import { makeApiKey } from '../../../../src/apps/shared/http/api-keys.ts';
import { parseSigningKeys, sign } from '../../../../src/core/webhook-signature.ts';
import type { OpenApiBody } from '../../shared/http/openapi-document.ts';
import { newState, send, TestOrderMgt } from '../fixture.ts';

const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const reader = makeApiKey('reader', ['read']);
const bearer = (key: string) => ({ authorization: `Bearer ${key}` });

const READING = [
  '/api/orders',
  '/api/orders?limit=1',
  '/api/orders/digest',
  '/api/orders/stream',
  '/api/orders/order123',
  '/api/orders/order123?wait=1',
];

function signed(id: string, body: string): Record<string, string> {
  const seconds = Math.floor(Date.now() / 1_000);
  return {
    'webhook-id': id,
    'webhook-timestamp': String(seconds),
    'webhook-signature': sign(parseSigningKeys(SECRET, 'the secret'), id, seconds, body),
  };
}

/** The status of an answer. The body is not read, because a stream never ends. */
function statusOf(url: string, headers: Record<string, string>, method = 'GET'): Promise<number> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { headers, method, agent: false }, (response) => {
      resolve(response.statusCode ?? 0);
      response.destroy();
    });
    sent.on('error', reject).end();
  });
}

const batchOf = (id: string) => JSON.stringify({ deliveries: [{ id, state: newState({ version: 3 }) }] });

describe('reading at order-mgt with keys', () => {
  it('lets the holder of a key read by GET, HEAD and stream', async () => {
    const target = await new TestOrderMgt().start({ apiKeys: reader.entry });
    await target.post(newState());
    for (const path of READING) {
      const url = `${target.url}${path}`;
      expect(await statusOf(url, bearer(reader.key)), path).toBe(200);
      expect(await statusOf(url, {}), path).toBe(401);
      expect(await statusOf(url, bearer(makeApiKey('x', ['read']).key)), path).toBe(401);
      if (path !== '/api/orders/stream') expect(await statusOf(url, {}, 'HEAD'), path).toBe(401);
    }
    expect(await target.get('/api/orders/digest', bearer(reader.key))).toMatchObject({ body: { count: 1 } });
  });

  it('refuses a reader without a key, and says what is needed in a problem that the document describes', async () => {
    const target = await new TestOrderMgt().start({ apiKeys: reader.entry });
    for (const path of READING.filter((path) => !path.endsWith('stream'))) {
      expect(await target.get(path)).toMatchObject({
        status: 401,
        type: 'application/problem+json',
        headers: { 'www-authenticate': 'Bearer' },
        body: { code: 'api_key_missing' },
      });
    }
  });

  it('lets no reader in by a signature, and takes no delivery by a key', async () => {
    const target = await new TestOrderMgt().start({ apiKeys: reader.entry, secret: SECRET });
    expect((await target.get('/api/orders', signed('a', ''))).status).toBe(401);
    const refused = await target.post(newState(), bearer(reader.key));
    expect(refused).toMatchObject({ status: 401, body: { code: 'signature_missing' } });
    expect((await target.get('/api/orders', bearer(reader.key))).body.data).toEqual([]);
  });

  it('takes deliveries by their signatures as before', async () => {
    const target = await new TestOrderMgt().start({ apiKeys: reader.entry, secret: SECRET });
    const body = JSON.stringify(newState());
    expect((await target.post(body, signed('msg_1', body))).status).toBe(200);
    const batch = batchOf('msg_2');
    expect((await target.postDeliveryBatch(batch, signed('b', batch))).status).toBe(200);
    expect((await target.order('order123', '', bearer(reader.key))).body.version).toBe(3);
  });

  it('answers probes and the document without a key', async () => {
    const target = await new TestOrderMgt().start({ apiKeys: reader.entry });
    for (const path of ['/livez', '/readyz', '/openapi.json']) {
      expect((await target.get(path)).status, path).toBe(200);
    }
  });

  it('refuses malformed keys at start', async () => {
    for (const apiKeys of ['', ' ', reader.key, makeApiKey('ops', ['operate']).entry]) {
      await expect(new TestOrderMgt().start({ apiKeys })).rejects.toMatchObject({
        code: 'setting_invalid',
        message: expect.stringMatching(/^ORDER_MGT_API_KEYS: /),
      });
    }
  });
});

describe('reading at order-mgt without keys', () => {
  it('lets everybody on this machine read on loopback, and logs that', async () => {
    const target = await new TestOrderMgt().start();
    expect((await target.get('/api/orders')).status).toBe(200);
    expect((await target.get('/api/orders', bearer('whatever'))).status).toBe(200);
    expect(target.logged).toContainEqual(expect.stringMatching(/^info: .*ORDER_MGT_API_KEYS is not set/));
  });

  it('lets nobody read outside loopback, but takes deliveries', async () => {
    const target = await new TestOrderMgt().start({ secret: SECRET, host: '0.0.0.0' });
    const body = JSON.stringify(newState());
    expect((await target.post(body, signed('msg_1', body))).status).toBe(200);
    for (const path of READING) {
      expect(await statusOf(`${target.url}${path}`, {}), path).toBe(401);
      expect(await statusOf(`${target.url}${path}`, bearer(reader.key)), path).toBe(401);
    }
    expect((await target.get('/api/orders')).body.detail).toContain('has no keys yet');
    expect(target.logged).toContainEqual(
      expect.stringMatching(/^warn: .*nobody may read: ORDER_MGT_API_KEYS is not set/),
    );
  });

  it('lets its own process read by its own key, and nobody else', async () => {
    for (const options of [
      { apiKeys: makeApiKey('other', ['read']).entry },
      { host: '0.0.0.0', secret: SECRET },
    ]) {
      const target = await new TestOrderMgt().start({ ...options, ownKey: reader.key });
      expect((await target.get('/api/orders', bearer(reader.key))).status).toBe(200);
      expect((await target.get('/api/orders')).status).toBe(401);
    }
    const open = await new TestOrderMgt().start({ ownKey: reader.key });
    expect((await open.get('/api/orders')).status).toBe(200);
  });
});

describe('/openapi.json', () => {
  async function securityWith(options: Parameters<TestOrderMgt['start']>[0]) {
    const target = await new TestOrderMgt().start(options);
    const { body } = await send(target.url, 'GET', '/openapi.json');
    const { paths, components } = body as OpenApiBody;
    expect(components.securitySchemes).toMatchObject({
      apiKey: { type: 'http', scheme: 'bearer' },
      webhookSignature: { type: 'apiKey', in: 'header', name: 'webhook-signature' },
    });
    return Object.fromEntries(
      Object.entries(paths).flatMap(([path, item]) =>
        Object.entries(item).map(([method, { security }]) => [`${method} ${path}`, security]),
      ),
    );
  }
  const all = (reading: object[], delivering: object[]) => ({
    'get /api/orders': reading,
    'get /api/orders/digest': reading,
    'get /api/orders/stream': reading,
    'get /api/orders/{orderId}': reading,
    'get /metrics': reading,
    'post /api/orders': delivering,
    'post /api/orders/batch': delivering,
    'get /livez': [],
    'get /readyz': [],
    'get /openapi.json': [],
  });

  it('says for each operation which credentials it needs', async () => {
    expect(await securityWith({ apiKeys: reader.entry, secret: SECRET })).toEqual(
      all([{ apiKey: ['read'] }], [{ webhookSignature: [] }]),
    );
  });

  it('says which operations need no credentials', async () => {
    expect(await securityWith({})).toEqual(all([{ apiKey: ['read'] }, {}], [{ webhookSignature: [] }, {}]));
  });
});
