import type { InjectOptions } from 'fastify';
import { describe, expect, it } from 'vitest';
import { testServer } from './test-server.ts';

const LONG_ID = `${'ä'.repeat(126)}/?`;
const IDS = ['a', 'b ', LONG_ID, '\u202eé', 'z'] as const;

const server = () => testServer(IDS);

const redrive = (payload: unknown): InjectOptions => ({
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  payload: JSON.stringify(payload),
});

describe('the API of deliveries', () => {
  it('pages deliveries by their ids, with the next page in body and header', async () => {
    const { ask } = await server();
    const seen: string[] = [];
    let url = '/api/v1/deliveries?limit=2';
    for (let pages = 1; ; pages++) {
      const { status, headers, body } = await ask(url);
      expect(status).toBe(200);
      seen.push(...body.data.map((delivery: { entityId: string }) => delivery.entityId));
      expect(body.page.hasMore).toBe(pages < 3);
      if (!body.page.hasMore) {
        expect([body.page.next, headers.link]).toEqual([null, undefined]);
        break;
      }
      const link = /^<(\/api\/v1\/deliveries\?limit=2&after=([\w-]+))>; rel="next"$/.exec(
        String(headers.link),
      );
      expect(link?.[2]).toBe(body.page.next);
      url = link?.[1] ?? '';
    }
    expect(seen).toEqual([...IDS].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))));
  });

  it('shows what the ledger says about each delivery, and filters deliveries', async () => {
    const { ask, clock } = await server();
    const { body } = await ask('/api/v1/deliveries?lastStatus=422&status=dead&target=order-mgt');
    expect(body.data).toEqual([
      {
        target: 'order-mgt',
        entityId: 'a',
        status: 'dead',
        dueVersion: 1,
        deliveredVersion: null,
        attempts: 1,
        dueSince: new Date(clock.now()).toISOString(),
        nextAttemptAt: null,
        lastStatus: 422,
        lastAnswer: '{"detail":"who\u202e?"}',
        lastError: 'It answered 422.',
      },
    ]);
    const count = async (query: string) => (await ask(`/api/v1/${query}`)).body.data.length;
    expect(await count('deliveries?status=delivered')).toBe(1);
    expect(await count('dead-letters')).toBe(4);
    expect(await count('dead-letters?error=It+answered+400&status=dead')).toBe(3);
    expect(await count('dead-letters?entityId=b%20')).toBe(1);
    expect(await count(`dead-letters?dueSince=${new Date(clock.now()).toISOString()}`)).toBe(4);
    expect(await count(`dead-letters?dueBefore=${new Date(clock.now()).toISOString()}`)).toBe(0);
  });

  it('shows one delivery with its attempts, whatever its id', async () => {
    const { ask } = await server();
    const { status, body } = await ask(`/api/v1/deliveries/order-mgt/${encodeURIComponent(LONG_ID)}`);
    expect(status).toBe(200);
    expect(body).toMatchObject({
      entityId: LONG_ID,
      lastStatus: 400,
      attemptLog: [{ version: 1, attempt: 1, status: 400, verdict: 'park', latencyMs: 12.5 }],
    });
    expect((await ask('/api/v1/deliveries/order-mgt/nobody')).body).toMatchObject({
      code: 'delivery_unknown',
    });
  });

  it.each([
    ['deliveries?limit=0', 'limit_invalid'],
    ['deliveries?limit=1001', 'limit_invalid'],
    ['deliveries?after=%20', 'after_invalid'],
    [`deliveries?after=${Buffer.from('["a"]').toString('base64url')}`, 'after_invalid'],
    ['deliveries?status=broken', 'filter_invalid'],
    ['dead-letters?status=delivered', 'filter_invalid'],
    ['deliveries?lastStatus=42', 'filter_invalid'],
    ['deliveries?dueSince=yesterday', 'filter_invalid'],
    ['deliveries?stat=dead', 'filter_invalid'],
    ['deliveries?target=a&target=b', 'filter_invalid'],
    ['deliveries?error=', 'filter_invalid'],
  ])('refuses %s as %s', async (path, code) => {
    const { ask } = await server();
    const { status, headers, body } = await ask(`/api/v1/${path}`);
    expect(headers['content-type']).toMatch(/^application\/problem\+json/);
    expect({ status, code: body.code }).toEqual({ status: 400, code });
  });

  it('answers a problem for a missing delivery', async () => {
    const { ask } = await server();
    for (const path of ['/api/v1/jobs/none', '/api/v1/nothing', '/api/v1/deliveries/%ZZ/a']) {
      const { status, headers, body } = await ask(path);
      expect(headers['content-type'], path).toMatch(/^application\/problem\+json/);
      expect(body, path).toMatchObject({ status });
      expect(status, path).toBeGreaterThanOrEqual(400);
    }
  });
});

describe('the API of redrive jobs', () => {
  it('takes a job and answers where it can be read', async () => {
    const { ask, store, jobs } = await server();
    const { status, headers, body } = await ask(
      '/api/v1/dead-letters:redrive',
      redrive({ filter: { lastStatus: 400, error: 'It' }, dryRun: true, requestedBy: 'ops' }),
    );
    expect(status).toBe(202);
    expect(headers.location).toBe(`/api/v1/jobs/${body.id}`);
    expect(body).toMatchObject({
      kind: 'redrive',
      state: 'waiting',
      dryRun: true,
      filter: { lastStatus: 400, error: 'It' },
      matched: 0,
      requestedBy: 'ops',
      finishedAt: null,
    });
    expect(jobs()).toBe(1);
    expect((await ask(String(headers.location))).body).toEqual(body);
    expect(await store.readJob(body.id)).toMatchObject({
      parameters: { filter: { lastStatus: 400, errorPrefix: 'It' } },
    });
  });

  it('lists the jobs, newest first', async () => {
    const { ask, clock } = await server();
    for (let job = 0; job < 3; job++) {
      clock.nowMs += 1;
      await ask('/api/v1/dead-letters:redrive', redrive({ filter: {}, requestedBy: `job ${job}` }));
    }
    const by = (body: { data: { requestedBy: string }[] }) => body.data.map(({ requestedBy }) => requestedBy);
    const first = await ask('/api/v1/jobs?limit=2');
    expect(by(first.body)).toEqual(['job 2', 'job 1']);
    expect(by((await ask(`/api/v1/jobs?limit=2&after=${first.body.page.next}`)).body)).toEqual(['job 0']);
  });

  it.each([
    [{}, 'body_invalid'],
    [{ filter: {}, dryrun: true }, 'body_invalid'],
    [{ filter: { lastStatus: [422] } }, 'body_invalid'],
    [{ filter: { stat: 422 } }, 'filter_invalid'],
    [{ filter: { limit: 5 } }, 'filter_invalid'],
    [{ filter: { status: 'pending' } }, 'filter_invalid'],
  ])('refuses %j and makes no job', async (payload, code) => {
    const { ask, store } = await server();
    const { status, body } = await ask('/api/v1/dead-letters:redrive', redrive(payload));
    expect({ status, code: body.code }).toEqual({ status: 400, code });
    expect(await store.listJobs({ after: null, limit: 1 })).toEqual([]);
  });

  it('refuses the media types that a page of another site could post', async () => {
    const { ask } = await server();
    for (const type of ['text/plain', 'application/x-www-form-urlencoded']) {
      const answer = await ask('/api/v1/dead-letters:redrive', {
        method: 'POST',
        headers: { 'content-type': type },
        payload: '{"filter":{}}',
      });
      expect(answer.status, type).toBe(415);
    }
  });
});
