import { createHash } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { parseDeliveryBatchAnnouncement } from '../../../src/adapters/http-delivery/delivery-batch-offer.ts';
import { openHttpTarget } from '../../../src/adapters/http-delivery/index.ts';
import { parseSigningKeys, verify } from '../../../src/core/webhook-signature.ts';
import type { Delivery } from '../../../src/ports/delivery-target.ts';
import { newDelivery } from '../../contract/delivery-target.ts';
import { outcomesOf } from '../../contract/outcomes.ts';
import { type ScriptedServer, startScriptedServer } from './scripted-server.ts';

const never = new AbortController().signal;
const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const cleanups: (() => Promise<void>)[] = [];
const ANNOUNCED = '500;path="/api/orders/batch"';

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface Answered {
  readonly status: number;
  readonly body: string;
}

/** A target that announces delivery batches and answers them as the test says; it accepts single states unless told otherwise. */
async function open(
  onBatch: (ids: readonly string[], server: ScriptedServer) => Answered,
  {
    announced = ANNOUNCED,
    onSingle = () => 200,
  }: { announced?: string; onSingle?: (body: string) => number } = {},
) {
  const logged: string[] = [];
  let elapsedMs = 0;
  const server: ScriptedServer = await startScriptedServer((response, request) => {
    const { body } = server.received[server.received.length - 1] as { body: string };
    if (request.url === '/api/orders') {
      response.writeHead(onSingle(body), { 'webhook-batch': announced }).end('{}');
      return;
    }
    const { deliveries } = JSON.parse(body) as { deliveries: { id: string }[] };
    const answer = onBatch(
      deliveries.map(({ id }) => id),
      server,
    );
    response.writeHead(answer.status, { 'webhook-batch': announced }).end(answer.body);
  });
  const target = openHttpTarget({
    name: 'test',
    url: server.url,
    secrets: [secret],
    clock: { now: Date.now, monotonicMs: () => elapsedMs + performance.now() },
    logger: (level, message) => logged.push(`${level}: ${message}`),
    deadlineMs: 5_000,
  });
  cleanups.push(
    () => server.close(),
    () => target.close(),
  );
  const paths = () => server.received.map(({ path }) => path);
  return { server, target, logged, paths, pass: (ms: number) => (elapsedMs += ms) };
}

function several(count: number): Delivery[] {
  return Array.from({ length: count }, (_, index) =>
    newDelivery({
      deliveryId: `msg_${index}`,
      entityId: `order-${index}`,
      body: { order_id: `order-${index}`, version: 3 },
    }),
  );
}

const results = (all: readonly object[]): Answered => ({
  status: 200,
  body: JSON.stringify({ results: all }),
});
const taken = (ids: readonly string[]) => results(ids.map((id) => ({ id, status: 200, version: 3 })));

describe('delivery batches', () => {
  it('delivery batches are sent once the target has announced them, signed as a whole, with an id made of those of their members', async () => {
    const { server, target, paths } = await open(taken);
    expect(target.maxDeliveryBatch).toBe(1);
    await outcomesOf(target, [newDelivery()], never);
    expect(target.maxDeliveryBatch).toBe(500);
    const outcomes = await outcomesOf(target, several(3), never);
    expect(outcomes.map(({ verdict }) => verdict)).toEqual(['delivered', 'delivered', 'delivered']);
    expect(paths()).toEqual(['/api/orders', '/api/orders/batch']);
    const { headers, body } = server.received[1] as (typeof server.received)[number];
    expect(JSON.parse(body)).toEqual({
      deliveries: several(3).map((each) => ({ id: each.deliveryId, state: each.body })),
    });
    const id = `batch_${createHash('sha256').update('msg_0\nmsg_1\nmsg_2').digest('hex').slice(0, 32)}`;
    expect(headers).toMatchObject({ 'webhook-id': id, 'idempotency-key': `"${id}"` });
    expect(headers.traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
    const given = {
      id,
      timestamp: String(headers['webhook-timestamp']),
      signature: String(headers['webhook-signature']),
    };
    expect(verify(parseSigningKeys(secret, 'test'), given, body, Date.now())).toEqual({ ok: true });
  });

  it('each member of a delivery batch gets the verdict that the answer has for its id, and a retry if it has none', async () => {
    const { target } = await open(() =>
      results([
        { id: 'msg_1', status: 422, code: 'payload_differs', detail: 'other payload' },
        { id: 'msg_0', status: 200, version: 3, duplicate: true },
        { id: 'msg_2', status: 'fine' },
        { id: 'msg_unknown', status: 200 },
        { id: 'msg_4', status: 503 },
      ]),
    );
    await outcomesOf(target, [newDelivery()], never);
    const outcomes = await outcomesOf(target, several(5), never);
    expect(outcomes.map(({ verdict }) => verdict)).toEqual([
      'delivered',
      'park',
      'retry',
      'retry',
      'throttle',
    ]);
    expect(outcomes[1]).toMatchObject({ status: 422, answer: expect.stringContaining('payload_differs') });
    expect(outcomes[0]?.answer).toContain('"duplicate":true');
    expect(outcomes[3]?.error).toContain('without a result for this state');
  });

  it.each([
    [
      ['msg_2', 'msg_1', 'msg_0'],
      ['delivered', 'throttle', 'park'],
    ],
    [
      ['msg_0', 'msg_1', 'msg_3'],
      ['park', 'throttle', 'retry'],
    ],
    [
      ['msg_0', 'msg_0', 'msg_2'],
      ['park', 'retry', 'delivered'],
    ],
    [
      ['msg_0', 'msg_1', 'msg_2'],
      ['park', 'throttle', 'delivered'],
    ],
  ])('as many results as members go by their ids: %j', async (ids, verdicts) => {
    const { target } = await open(() =>
      results([422, 503, 200].map((status, index) => ({ id: ids[index], status, version: 3 }))),
    );
    await outcomesOf(target, [newDelivery()], never);
    const outcomes = await outcomesOf(target, several(3), never);
    expect(outcomes.map(({ verdict }) => verdict)).toEqual(verdicts);
    expect(outcomes.map(({ latencyMs }) => latencyMs > 0)).toEqual([true, true, true]);
  });

  it.each(['', '[]', 'null', '{"results":5}', '{"results":[5,null,[]]}', '<html>'])(
    'all members of a delivery batch are tried again when the answer is %j',
    async (body) => {
      const { target } = await open(() => ({ status: 200, body }));
      await outcomesOf(target, [newDelivery()], never);
      const outcomes = await outcomesOf(target, several(2), never);
      expect(outcomes.map(({ verdict }) => verdict)).toEqual(['retry', 'retry']);
    },
  );

  it('the results in front of the place where an answer was cut off count', async () => {
    const detail = 'x'.repeat(40_000);
    const { target } = await open((ids) => results(ids.map((id) => ({ id, status: 200, detail }))));
    await outcomesOf(target, [newDelivery()], never);
    const outcomes = await outcomesOf(target, several(4), never);
    expect(outcomes.map(({ verdict }) => verdict)).toEqual(['delivered', 'retry', 'retry', 'retry']);
  });

  it('all members of a delivery batch share the verdict of an answer to the whole batch', async () => {
    const { target } = await open(() => ({ status: 500, body: '' }));
    await outcomesOf(target, [newDelivery()], never);
    const outcomes = await outcomesOf(target, several(2), never);
    expect(outcomes).toMatchObject([
      { verdict: 'retry', status: 500 },
      { verdict: 'retry', status: 500 },
    ]);
    expect(target.maxDeliveryBatch).toBe(500);
  });

  it.each([404, 405, 415, 501])(
    'a delivery batch that is answered with %s is sent singly at once, and the next batch is tried after ten minutes',
    async (status) => {
      const { target, paths, pass, logged } = await open(() => ({ status, body: '' }));
      await outcomesOf(target, [newDelivery()], never);
      const outcomes = await outcomesOf(target, several(20), never);
      expect(new Set(outcomes.map(({ verdict }) => verdict))).toEqual(new Set(['delivered']));
      expect(paths().filter((path) => path === '/api/orders/batch')).toHaveLength(1);
      expect(target.maxDeliveryBatch).toBe(1);
      pass(9 * 60_000);
      expect(target.maxDeliveryBatch).toBe(1);
      pass(61_000);
      expect(target.maxDeliveryBatch).toBe(500);
      expect(logged.join('\n')).toContain('took its states one by one');
    },
  );

  it.each([400, 401, 403, 404, 405, 407, 409, 413, 415, 422, 308, 501])(
    'single sending stops after at most 31 states if they too are answered with %i, and later states go as delivery batches',
    async (status) => {
      const { target, paths } = await open(() => ({ status, body: '' }), {
        onSingle: () => (paths().length === 1 ? 200 : status),
      });
      await outcomesOf(target, [newDelivery()], never);
      const outcomes = await outcomesOf(target, several(256), never);
      const verdicts = Map.groupBy(outcomes, ({ verdict }) => verdict);
      // 16 states are under way at once, and 15 more start before 16 have failed.
      expect(verdicts.get('unsent')?.length).toBeGreaterThanOrEqual(256 - 31);
      expect(verdicts.get('delivered')).toBeUndefined();
      const singles = paths().filter((path) => path === '/api/orders');
      expect(singles.length).toBeLessThanOrEqual(1 + 31);
      expect(paths().length - singles.length).toBeLessThanOrEqual(8);
      expect(target.maxDeliveryBatch).toBe(500);
    },
  );

  it.each([400, 409, 422])(
    'a delivery batch that is answered with %i because of one member is sent singly once, and only that member is refused',
    async (status) => {
      const { target, paths } = await open(() => ({ status, body: '' }), {
        onSingle: (body) => (body.includes('order-100"') ? status : 200),
      });
      await outcomesOf(target, [newDelivery()], never);
      const outcomes = await outcomesOf(target, several(256), never);
      const refused = outcomes.flatMap(({ verdict }, index) => (verdict === 'delivered' ? [] : [index]));
      expect(refused).toEqual([100]);
      expect(outcomes[100]).toMatchObject({ status, verdict: status === 409 ? 'retry' : 'park' });
      expect(paths().filter((path) => path === '/api/orders')).toHaveLength(1 + 256);
      expect(target.maxDeliveryBatch).toBe(500);
    },
  );

  it('no delivery batch is sent for ten minutes if batches are refused while single states are accepted', async () => {
    const { target, pass } = await open(() => ({ status: 400, body: '' }));
    await outcomesOf(target, [newDelivery()], never);
    const outcomes = await outcomesOf(target, several(30), never);
    expect(new Set(outcomes.map(({ verdict }) => verdict))).toEqual(new Set(['delivered']));
    expect(target.maxDeliveryBatch).toBe(1);
    pass(10 * 60_000 + 1);
    expect(target.maxDeliveryBatch).toBe(500);
  });

  it('the size of delivery batches stays if one member alone is too large', async () => {
    const { target } = await open((ids) => (ids.includes('msg_5') ? { status: 413, body: '' } : taken(ids)), {
      onSingle: (body) => (body.includes('order-5"') ? 413 : 200),
    });
    await outcomesOf(target, [newDelivery()], never);
    const outcomes = await outcomesOf(target, several(16), never);
    const refused = outcomes.flatMap(({ verdict }, index) => (verdict === 'delivered' ? [] : [index]));
    expect(refused).toEqual([5]);
    expect(target.maxDeliveryBatch).toBe(500);
  });

  it('the members of a refused delivery batch stay unsent if no time is left to send them singly', async () => {
    const { target, pass } = await open(() => {
      pass(5_000);
      return { status: 400, body: '' };
    });
    await outcomesOf(target, [newDelivery()], never);
    const outcomes = await outcomesOf(target, several(3), never);
    expect(outcomes.map(({ verdict }) => verdict)).toEqual(['unsent', 'unsent', 'unsent']);
  });

  it('a delivery batch that is too large is halved until it fits', async () => {
    const sizes: number[] = [];
    const { target } = await open((ids) => {
      sizes.push(ids.length);
      return ids.length > 3 ? { status: 413, body: '' } : taken(ids);
    });
    await outcomesOf(target, [newDelivery()], never);
    const outcomes = await outcomesOf(target, several(10), never);
    expect(new Set(outcomes.map(({ verdict }) => verdict))).toEqual(new Set(['delivered']));
    expect(outcomes).toHaveLength(10);
    expect(sizes).toEqual([10, 5, 2, 2, 2, 2, 2]);
    expect(target.maxDeliveryBatch).toBe(2);
  });

  it('delivery batches never go to another origin that is announced, and one log line says so', async () => {
    for (const path of ['http://127.0.0.1:9/batch', '//evil.example/batch', '/\\\\evil.example/batch']) {
      const { target, logged } = await open(taken, { announced: `500;path="${path}"` });
      await outcomesOf(target, [newDelivery()], never);
      await outcomesOf(target, [newDelivery()], never);
      expect(target.maxDeliveryBatch, path).toBe(1);
      expect(logged.filter((line) => line.startsWith('warn'))).toHaveLength(1);
    }
  });

  it('an announcement in an answer that refuses a state is ignored', async () => {
    const { target } = await open(taken, { onSingle: () => 500 });
    await outcomesOf(target, [newDelivery()], never);
    expect(target.maxDeliveryBatch).toBe(1);
  });
});

describe('the announcement of delivery batches', () => {
  it('the announcement is read as a structured field item', () => {
    expect(parseDeliveryBatchAnnouncement('500;path="/b"')).toEqual({ states: 500, path: '/b' });
    expect(parseDeliveryBatchAnnouncement('7; v=2; path="/a\\"b"; x')).toEqual({ states: 7, path: '/a"b' });
    for (const wrong of [
      '',
      '500',
      '0;path="/b"',
      '-5;path="/b"',
      '5.5;path="/b"',
      '5;path=/b',
      '5;path=""',
      'x',
    ])
      expect(parseDeliveryBatchAnnouncement(wrong), wrong).toBeNull();
  });

  it('a delivery batch goes below the URL, prefix and query included, if the announced path has no slash at its beginning', async () => {
    const server = await startScriptedServer((response, request) => {
      const { body } = server.received[server.received.length - 1] as { body: string };
      if (request.url?.startsWith('/shop/api/orders') !== true) response.writeHead(404).end();
      else if (request.url.includes('/batch')) {
        const { deliveries } = JSON.parse(body) as { deliveries: { id: string }[] };
        response.end(taken(deliveries.map(({ id }) => id)).body);
      } else response.writeHead(200, { 'webhook-batch': '500;path="batch"' }).end('{}');
    });
    cleanups.push(() => server.close());
    for (const [written, batchPath] of [
      ['/shop/api/orders', '/shop/api/orders/batch'],
      ['/shop/api/orders/?code=k', '/shop/api/orders/batch?code=k'],
    ] as const) {
      const target = openHttpTarget({
        name: 'test',
        url: new URL(written, server.url).href,
        secrets: [],
        clock: { now: Date.now, monotonicMs: () => performance.now() },
        logger: () => {},
      });
      cleanups.push(() => target.close());
      await outcomesOf(target, [newDelivery()], never);
      const outcomes = await outcomesOf(target, several(2), never);
      expect(outcomes.map(({ verdict }) => verdict)).toEqual(['delivered', 'delivered']);
      expect(server.received.at(-1)?.path).toBe(batchPath);
    }
  });

  it('the warning about refused delivery batches names the URL that was tried, without its query', async () => {
    const { server, target, logged } = await open(() => ({ status: 404, body: '' }), {
      announced: '500;path="/api/orders/batch?code=k"',
    });
    await outcomesOf(target, [newDelivery()], never);
    await outcomesOf(target, several(2), never);
    const warning = logged.find((line) => line.startsWith('warn'));
    expect(warning).toContain(`a delivery batch at ${new URL(server.url).origin}/api/orders/batch with 404`);
    expect(warning).toContain('let the target announce a path below its URL: path="batch"');
  });
});
