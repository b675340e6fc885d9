import { describe, expect, it } from 'vitest';
import { accessFor } from '../../../../src/apps/order-sync/http/access.ts';
import { makeApiKey } from '../../../../src/apps/shared/http/api-keys.ts';
import { batchOf, quarantined } from '../../../contract/store/fixtures.ts';
import type { OpenApiBody } from '../../shared/http/openapi-document.ts';
import { testServer } from './test-server.ts';

const reader = makeApiKey('reader', ['read']);
const operator = makeApiKey('operator', ['operate']);

/** Values of the parameters of paths, for which the store has rows. */
const VALUES: Readonly<Record<string, string>> = {
  target: 'order-mgt',
  topic: 'parcel_events',
  partition: '0',
  offset: '7',
};

/** Bodies of requests that would change something. Other routes get one that they would refuse. */
const BODIES: Readonly<Record<string, object>> = {
  '/api/v1/dead-letters:redrive': { filter: {} },
  '/api/v1/quarantine:redrive': { filter: {} },
  '/api/v1/quarantine:discard': { filter: {}, reason: 'not wanted' },
  '/api/v1/rebuilds': { reason: 'a corrected fold' },
  '/api/v1/verifications': { all: true },
  '/api/v1/holds': { part: { kind: 'ingest' }, reason: 'a test' },
  '/api/v1/try': {
    events: [
      {
        eventType: 'ORDER',
        body: { orderId: 'a', orderStatus: 'CREATED', timestamp: '2026-05-01T00:00:00Z' },
      },
    ],
  },
};

type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

interface Route {
  readonly method: Method;
  readonly path: string;
  readonly url: string;
  /** Whether the document says that the route asks for no key. */
  readonly isOpen: boolean;
}

/** A server with both keys, an order, a quarantined record and a dead delivery, and every route of its document. */
async function server() {
  let published = 0;
  const trial = {
    publish: async () => {
      published++;
      return { kind: 'published', published: [] } as const;
    },
  };
  const access = accessFor({ apiKeys: `${reader.entry} ${operator.entry}`, host: '127.0.0.1' }, () => {});
  const { app, store, jobs } = await testServer(['a', 'b'], { access, trial });
  await store.commit(batchOf([], [], { quarantined: [quarantined(7n)] }));
  const document: OpenApiBody = (await app.inject('/openapi.json')).json();
  const routes: Route[] = Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, { security = [] }]) => ({
      method: method.toUpperCase() as Method,
      path,
      url: path.replaceAll(/\{(\w+)\}/g, (_, name: string) => VALUES[name] ?? 'a'),
      isOpen: security.length === 0,
    })),
  );
  const ask = async (method: Method, { path, url }: Route, key?: string) => {
    const answer = await app.inject({
      method,
      url,
      headers: key === undefined ? {} : { authorization: `Bearer ${key}` },
      ...(method === 'GET' || method === 'HEAD' ? {} : { payload: BODIES[path] ?? {} }),
    });
    const isProblem = String(answer.headers['content-type']).startsWith('application/problem+json');
    return { status: answer.statusCode, code: isProblem && answer.body !== '' ? answer.json().code : null };
  };
  /** Everything that a request could have changed. */
  const kept = async () => ({
    jobs: await store.listJobs({ after: null, limit: 10 }),
    audit: await store.listAudit({ after: null, limit: 10 }),
    holds: await store.listHolds(),
    quarantine: await store.readQuarantine({ after: null, limit: 10, state: 'all' }),
    checkpoints: await store.checkpoints(),
    announced: jobs(),
    published,
  });
  const reading = routes.filter(({ method }) => method === 'GET');
  const changing = routes.filter(({ method }) => method !== 'GET');
  return { routes, reading, changing, ask, kept };
}

describe('every route of /openapi.json on a server with keys', () => {
  it('answers 401 without a key, except the probes and the document itself', async () => {
    const { routes, ask } = await server();
    expect(routes.filter(({ isOpen }) => isOpen).map(({ method, path }) => `${method} ${path}`)).toEqual([
      'GET /openapi.json',
      'GET /livez',
      'GET /readyz',
    ]);
    for (const route of routes) {
      const { method, path, isOpen } = route;
      const wanted = isOpen ? { status: 200 } : { status: 401, code: 'api_key_missing' };
      expect(await ask(method, route), `${method} ${path}`).toMatchObject(wanted);
      if (method === 'GET') expect((await ask('HEAD', route)).status, `HEAD ${path}`).toBe(wanted.status);
    }
  });

  it('answers 403 to a key that may only read, if it could change something, and changes nothing', async () => {
    const { changing, ask, kept } = await server();
    expect(changing.length).toBeGreaterThan(10);
    const before = await kept();
    for (const route of changing) {
      const name = `${route.method} ${route.path}`;
      expect(await ask(route.method, route, reader.key), name).toEqual({
        status: 403,
        code: 'scope_missing',
      });
      expect(await ask(route.method, route), name).toEqual({ status: 401, code: 'api_key_missing' });
    }
    expect(await kept()).toEqual(before);
  });

  it('answers 403 to a key that may only operate, if it shows something', async () => {
    const { reading, ask } = await server();
    expect(reading.length).toBeGreaterThan(20);
    for (const route of reading.filter(({ isOpen }) => !isOpen))
      expect(await ask('GET', route, operator.key), route.path).toEqual({
        status: 403,
        code: 'scope_missing',
      });
  });

  it('lets a key that may operate change something, so that the refusals of others say something', async () => {
    const { changing, ask, kept } = await server();
    const before = await kept();
    for (const route of changing)
      expect([401, 403, 405], route.path).not.toContain(
        (await ask(route.method, route, operator.key)).status,
      );
    const after = await kept();
    expect(after.published).toBeGreaterThan(before.published);
    expect(after.jobs.length).toBeGreaterThan(before.jobs.length);
    expect(after.holds.length).toBeGreaterThan(before.holds.length);
    expect(after.audit.length).toBeGreaterThan(before.audit.length);
    expect(after.quarantine).not.toEqual(before.quarantine);
  });
});
