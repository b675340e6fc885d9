import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { OrderState } from '../../../../src/apps/order-mgt/order-state.ts';
import { SCANNED_ROWS_MAX } from '../../../../src/apps/order-mgt/states.ts';
import { newState, TestOrderMgt } from '../fixture.ts';

const IDS = ['b', 'a', 'ü', '\uffee', '🛒', 'digest', 'stream', 'batch', 'A ', ...'0123456789'];
const byBytes = (left: string, right: string) => Buffer.compare(Buffer.from(left), Buffer.from(right));
const SORTED = [...IDS].sort(byBytes);
const stateOf = (id: string): OrderState => newState({ order_id: id, ready_to_send: /\d/.test(id) });

async function filled(): Promise<TestOrderMgt> {
  const target = await new TestOrderMgt().start();
  await target.postDeliveryBatch({
    deliveries: IDS.map((id, index) => ({ id: `msg_${index}`, state: stateOf(id) })),
  });
  return target;
}

/** Reads all pages by following the Link headers. */
async function pages(target: TestOrderMgt, first: string) {
  const bodies = [];
  for (let path: string | undefined = first; path !== undefined; ) {
    const answer = await target.get(path);
    expect(answer.status).toBe(200);
    bodies.push(answer.body);
    path = /^<(.*)>; rel="next"$/.exec(String(answer.headers.link ?? ''))?.[1];
    expect(answer.body.page.hasMore).toBe(path !== undefined);
    if (path !== undefined) expect(path).toContain(`after=${answer.body.page.next}`);
  }
  return bodies;
}

describe('GET /api/orders', () => {
  it("lists all orders page by page, in the sequence of the ids' bytes", async () => {
    const target = await filled();
    for (const limit of [1, 4, IDS.length, 1_000]) {
      const found = (await pages(target, `/api/orders?limit=${limit}`)).flatMap(({ data }) => data);
      expect(found).toEqual(SORTED.map(stateOf));
    }
    const { body } = await target.get('/api/orders?limit=3');
    expect(body.page).toEqual({ next: Buffer.from(SORTED[2] ?? '').toString('base64url'), hasMore: true });
  });

  it('answers 50 orders unless the reader asks for another number, and a digest of far more', async () => {
    const target = await new TestOrderMgt().start();
    expect((await target.get('/api/orders')).body).toEqual({
      data: [],
      page: { next: null, hasMore: false },
    });
    const many = Array.from({ length: 60 }, (_, index) => ({
      id: `m${index}`,
      state: newState({ order_id: `o${index}` }),
    }));
    await target.postDeliveryBatch({ deliveries: many });
    expect((await target.get('/api/orders')).body.data).toHaveLength(50);
    expect((await target.get('/api/orders/digest')).body).toMatchObject({
      count: 60,
      page: { hasMore: false },
    });
  });

  it('filters orders, and keeps the filters in the link to the next page', async () => {
    const target = await filled();
    const ready = await pages(
      target,
      '/api/orders?limit=3&ready_to_send=true&payment_status=PAYMENT_AUTHORIZED',
    );
    expect(ready.flatMap(({ data }) => data.map((row: OrderState) => row.order_id))).toEqual([
      ...'0123456789',
    ]);
    const count = async (query: string) => (await target.get(`/api/orders?${query}`)).body.data.length;
    expect(await count('review_status=')).toBe(IDS.length);
    expect(await count('review_status=ACCEPTED')).toBe(0);
    expect(await count('payment_status=')).toBe(0);
    expect(await count('order_status=CREATED&ready_to_send=false')).toBe(IDS.length - 10);
    expect((await target.get('/api/orders?order_id=digest')).body.data).toEqual([stateOf('digest')]);
  });

  it('finds a rare order behind more rows than one query looks at', async () => {
    const target = await new TestOrderMgt().start();
    target.change(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${2 * SCANNED_ROWS_MAX + 5})
      INSERT INTO orders SELECT printf('o%08d', i), 'CREATED', NULL, NULL, 0, 1 FROM n`);
    await target.post(newState({ order_id: 'p', order_status: 'CLOSED' }));
    const { body } = await target.get('/api/orders?order_status=CLOSED&limit=1');
    expect(body.data.map((row: OrderState) => row.order_id)).toEqual(['p']);
    expect((await target.get('/api/orders?payment_status=none')).body).toEqual({
      data: [],
      page: { next: null, hasMore: false },
    });
  });

  it.each([
    ['limit=0', 'limit_invalid'],
    ['limit=1001', 'limit_invalid'],
    ['limit=1.5', 'limit_invalid'],
    ['limit=', 'limit_invalid'],
    ['limit=1&limit=2', 'limit_invalid'],
    ['after=', 'after_invalid'],
    ['after=%C3%BC', 'after_invalid'],
    ['after=YQ==', 'after_invalid'],
    ['after=_w', 'after_invalid'],
    ['after=YQ&after=YQ', 'after_invalid'],
    ['ready_to_send=1', 'filter_invalid'],
    ['order_status=a&order_status=b', 'filter_invalid'],
  ])('refuses the invalid query %s', async (query, code) => {
    const target = await new TestOrderMgt().start();
    expect(await target.get(`/api/orders?${query}`)).toMatchObject({
      status: 400,
      type: 'application/problem+json',
      body: { code },
    });
  });
});

describe('GET /api/orders/digest', () => {
  const digestOf = (ids: readonly string[]) => {
    const lines = ids
      .map(stateOf)
      .map((row) =>
        JSON.stringify([
          row.order_id,
          row.order_status,
          row.payment_status,
          row.review_status,
          row.ready_to_send,
          row.version,
        ]),
      );
    return createHash('sha256')
      .update(lines.map((line) => `${line}\n`).join(''))
      .digest('hex');
  };

  it('covers the rows of its range, and the next range begins where it ended', async () => {
    const target = await filled();
    const whole = { count: IDS.length, last: SORTED.at(-1), digest: digestOf(SORTED) };
    expect((await target.get('/api/orders/digest')).body).toEqual({
      ...whole,
      page: { next: null, hasMore: false },
    });
    const parts = await pages(target, '/api/orders/digest?limit=4');
    expect(parts.map(({ count, last, digest }) => ({ count, last, digest }))).toEqual(
      Array.from({ length: Math.ceil(IDS.length / 4) }, (_, index) =>
        SORTED.slice(index * 4, index * 4 + 4),
      ).map((ids) => ({ count: ids.length, last: ids.at(-1), digest: digestOf(ids) })),
    );
  });

  it('changes with one value of one row, and covers nothing if there are no rows', async () => {
    const target = await filled();
    const before = (await target.get('/api/orders/digest')).body.digest;
    target.change("UPDATE orders SET review_status = '' WHERE order_id = 'a'");
    expect((await target.get('/api/orders/digest')).body.digest).not.toBe(before);
    const empty = await new TestOrderMgt().start();
    expect((await empty.get('/api/orders/digest')).body).toEqual({
      count: 0,
      last: null,
      digest: digestOf([]),
      page: { next: null, hasMore: false },
    });
  });
});
