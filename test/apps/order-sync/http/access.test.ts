import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../../../../src/adapters/system-clock.ts';
import { accessFor, scopeOf } from '../../../../src/apps/order-sync/http/access.ts';
import { startOrderSync } from '../../../../src/apps/order-sync/order-sync.ts';
import { makeApiKey } from '../../../../src/apps/shared/http/api-keys.ts';
import { loadSettings } from '../../../../src/apps/shared/settings/load.ts';
import { batchOf, quarantined } from '../../../contract/store/fixtures.ts';
import { testServer } from './test-server.ts';

const reader = makeApiKey('reader', ['read']);
const operator = makeApiKey('operator', ['operate']);
const apiKeys = `${reader.entry}\n${operator.entry}`;

const READING = [
  '/api/v1/status',
  '/api/v1/pipeline',
  '/api/v1/deliveries',
  '/api/v1/deliveries/order-mgt/a',
  '/api/v1/dead-letters',
  '/api/v1/jobs',
  '/api/v1/rebuilds',
  '/metrics',
  '/api/v1/audit',
  '/api/v1/quarantine',
  '/api/v1/quarantine/parcel_events/0/7',
  '/api/v1/holds',
  '/api/v1/partitions',
  '/api/v1/orders',
  '/api/v1/orders/a',
  '/api/v1/orders/a/events',
  '/api/v1/orders/a/explain',
  '/api/v1/stuck',
];

async function server(keys: string | undefined) {
  const made = await testServer(['a', 'b'], {
    access: accessFor({ apiKeys: keys, host: '127.0.0.1' }, () => {}),
  });
  await made.store.commit(batchOf([], [], { quarantined: [quarantined(7n)] }));
  const ask = (url: string, key?: string, payload?: object) =>
    made.ask(url, {
      method: payload === undefined ? 'GET' : 'POST',
      headers: key === undefined ? {} : { authorization: `Bearer ${key}` },
      ...(payload === undefined ? {} : { payload }),
    });
  return { ...made, ask };
}

const REDRIVE = '/api/v1/dead-letters:redrive';

describe('the HTTP API of order-sync with keys', () => {
  it('lets a key with the scope read look at everything, and refuses callers without a key', async () => {
    const { ask } = await server(apiKeys);
    for (const url of READING) {
      expect(await ask(url), url).toMatchObject({ status: 401, body: { code: 'api_key_missing' } });
      expect(await ask(url, makeApiKey('x', ['read']).key), url).toMatchObject({
        status: 401,
        body: { code: 'api_key_unknown' },
      });
      expect((await ask(url, reader.key)).status, url).toBe(200);
      expect((await ask(url, operator.key)).status, url).toBe(403);
    }
  });

  it('lets only a key with the scope operate redrive, and names the key in the job', async () => {
    const { ask, store } = await server(apiKeys);
    const filter = { filter: {} };
    expect((await ask(REDRIVE, undefined, filter)).status).toBe(401);
    expect(await ask(REDRIVE, reader.key, filter)).toMatchObject({
      status: 403,
      body: { code: 'scope_missing' },
    });
    expect(await store.listJobs({ after: null, limit: 1 })).toEqual([]);
    expect(await ask(REDRIVE, operator.key, filter)).toMatchObject({
      status: 202,
      body: { requestedBy: 'HTTP API, key operator, from 127.0.0.1' },
    });
  });

  it('judges the key before it reads the body', async () => {
    const { app } = await server(apiKeys);
    const answer = await app.inject({
      method: 'POST',
      url: REDRIVE,
      headers: { 'content-type': 'application/json' },
      payload: 'x'.repeat(100_000),
    });
    expect(answer.statusCode).toBe(401);
  });

  it('answers probes and the description of the API without a key', async () => {
    const { ask } = await server(apiKeys);
    for (const url of ['/livez', '/readyz', '/openapi.json']) expect((await ask(url)).status).toBe(200);
  });

  it('asks for a key on every route but the probes, the description and the console, also on new ones', () => {
    const routes = READING.map((url) => url.replace('order-mgt/a', ':target/:entityId'));
    for (const path of [...routes, '/api/v1/jobs/:id', '/new', '/metrics']) {
      expect(scopeOf('GET', path), path).toBe('read');
      expect(scopeOf('HEAD', path), path).toBe('read');
      for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) expect(scopeOf(method, path)).toBe('operate');
    }
    const open = [scopeOf('GET', '/livez'), scopeOf('HEAD', '/readyz'), scopeOf('GET', '/openapi.json')];
    expect(open).toEqual([null, null, null]);
    expect([scopeOf('GET', '/'), scopeOf('HEAD', '/assets/*'), scopeOf('POST', '/')]).toEqual([
      null,
      null,
      'operate',
    ]);
  });
});

describe('the HTTP API of order-sync without keys', () => {
  it('answers everybody on loopback, and logs that', async () => {
    const { ask } = await server(undefined);
    for (const url of READING) expect((await ask(url)).status, url).toBe(200);
    expect(await ask(REDRIVE, undefined, { filter: {} })).toMatchObject({
      status: 202,
      body: { requestedBy: 'HTTP API, from 127.0.0.1' },
    });
    const logged: string[] = [];
    for (const host of ['127.0.0.1', 'localhost', '::1']) {
      expect(accessFor({ apiKeys: undefined, host }, (level, line) => logged.push(`${level} ${line}`))).toBe(
        'open',
      );
    }
    expect(logged).toHaveLength(3);
    expect(logged[0]).toMatch(/^info .*ORDER_SYNC_API_KEYS is not set/);
  });

  it.each(['0.0.0.0', '::', '192.0.2.1', 'example.org', 'localhost.example.org', '127.0.0.1.example.org'])(
    'refuses to start on %s before it opens anything, and names the remedy',
    async (host) => {
      const folder = await mkdtemp(join(tmpdir(), 'tributary-access-'));
      onTestFinished(() => rm(folder, { recursive: true }));
      const data = join(folder, 'data');
      const env = { TRIBUTARY_DATA_DIR: data, ORDER_SYNC_HOST: host, ORDER_SYNC_PORT: '0' };
      const { values } = loadSettings('order-sync', { env });
      const parts = { clock: systemClock, logger: () => {}, onFailure: () => {} };
      await expect(startOrderSync(values, parts)).rejects.toMatchObject({
        code: 'setting_invalid',
        message: expect.stringMatching(
          /^ORDER_SYNC_HOST is .*order-sync keys make.* set ORDER_SYNC_API_KEYS.*127\.0\.0\.1/,
        ),
      });
      await expect(rm(data, { recursive: true })).rejects.toMatchObject({ code: 'ENOENT' });
    },
  );

  it('lets the holders of keys in on every address, and takes no blanks for keys', () => {
    expect(accessFor({ apiKeys, host: '0.0.0.0' }, () => {})).toHaveLength(2);
    expect(() => accessFor({ apiKeys: '  ', host: '127.0.0.1' }, () => {})).toThrow(/^ORDER_SYNC_API_KEYS: /);
  });
});
