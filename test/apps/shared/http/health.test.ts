import { describe, expect, it, onTestFinished } from 'vitest';
import type { ApiAccess } from '../../../../src/apps/shared/http/api-access.ts';
import { makeApiKey, parseApiKeys } from '../../../../src/apps/shared/http/api-keys.ts';
import { addHealthRoutes, type Readiness } from '../../../../src/apps/shared/http/health.ts';
import { createServer } from '../../../../src/apps/shared/http/server.ts';

const reader = makeApiKey('reader', ['read']);
const KEYS = parseApiKeys(reader.entry, 'order-mgt');
const DOWN: Readiness = {
  ok: false,
  code: 'not_ready',
  reason: 'The database at 10.0.0.1 does not answer.',
  summary: 'database: not reachable',
};

/** A server with no routes but those of its health, and the lines that it logs. */
function serverWith(readiness: Readiness, access: ApiAccess = KEYS) {
  const lines: string[] = [];
  const app = createServer({
    bodyBytesMax: 1_000,
    access,
    scopeOf: () => null,
    guard: { isOpen: false, host: '127.0.0.1', hosts: [], setting: 'KNOWN_HOSTS' },
    logger: (level, message) => lines.push(`${level}: ${message}`),
  });
  addHealthRoutes(app, { access, readiness: async () => readiness });
  onTestFinished(() => app.close());
  const ask = async (path: string, key?: string) => {
    const headers = key === undefined ? {} : { authorization: `Bearer ${key}` };
    const answer = await app.inject({ url: path, headers });
    return { status: answer.statusCode, type: answer.headers['content-type'], body: answer.json() };
  };
  return { ask, lines };
}

describe('/readyz', () => {
  it('answers 503 with a problem document, and logs nothing', async () => {
    const { ask, lines } = serverWith(DOWN);
    expect(await ask('/readyz')).toEqual({
      status: 503,
      type: 'application/problem+json',
      body: {
        type: 'urn:tributary:problem:not_ready',
        title: 'Service Unavailable',
        status: 503,
        detail: 'database: not reachable',
        instance: '/readyz',
        code: 'not_ready',
      },
    });
    expect(lines).toEqual([]);
  });

  it('tells the whole reason to a caller with a key', async () => {
    const { ask } = serverWith(DOWN);
    const { body } = await ask('/readyz', reader.key);
    expect(body.detail).toBe('The database at 10.0.0.1 does not answer.');
  });

  it('shows warnings to a caller with a key alone, ready or not', async () => {
    const warnings = ['Nothing of order_events has been accepted for 15 s.'];
    for (const readiness of [{ ok: true } as const, DOWN]) {
      const { ask } = serverWith({ ...readiness, warnings });
      expect((await ask('/readyz')).body).not.toHaveProperty('warnings');
      expect((await ask('/readyz', reader.key)).body).toMatchObject({ warnings });
    }
  });
});

describe('/livez', () => {
  it('answers 200 while the program is not ready', async () => {
    const { ask } = serverWith(DOWN);
    expect(await ask('/livez')).toMatchObject({ status: 200, body: { status: 'ok' } });
  });
});
