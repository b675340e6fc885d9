import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { parseSigningKeys, sign } from '../../../../src/core/webhook-signature.ts';
import { newState, TestOrderMgt } from '../fixture.ts';

const member = (id: string, changes: Parameters<typeof newState>[0] = {}) => ({
  id,
  state: newState(changes),
});
const batchOf = (...deliveries: unknown[]) => ({ deliveries });

describe('POST /api/orders/batch', () => {
  it('takes many states and answers one result for each, in their sequence', async () => {
    const target = await new TestOrderMgt().start();
    const states = Array.from({ length: 500 }, (_, index) =>
      member(`msg_${index}`, { order_id: `o-${499 - index}` }),
    );
    const answer = await target.postDeliveryBatch(batchOf(...states));
    expect(answer).toMatchObject({ status: 200, type: 'application/json' });
    expect(answer.body.results).toEqual(
      states.map(({ id }) => ({ id, status: 200, version: 2, duplicate: false, ignored: false })),
    );
    const again = await target.postDeliveryBatch(batchOf(...states));
    expect(again.body.results).toEqual(
      states.map(({ id }) => ({ id, status: 200, version: 2, duplicate: true, ignored: false })),
    );
    expect((await target.order('o-7')).body).toEqual(newState({ order_id: 'o-7' }));
  });

  it('takes a repair, alone and in a delivery batch, and no malformed one', async () => {
    const target = await new TestOrderMgt().start();
    const held = newState();
    const digest = createHash('sha256')
      .update(`${JSON.stringify([...Object.values(held)])}\n`)
      .digest('hex');
    await target.post(held, { 'webhook-id': 'msg_1' });
    const repaired = newState({ ready_to_send: false });
    for (const replaces of [digest.toUpperCase(), 7, null, `${digest}0`]) {
      const answer = await target.post({ ...repaired, replaces }, { 'webhook-id': `msg_${replaces}` });
      expect(answer).toMatchObject({ status: 200, body: { ignored: true } });
    }
    const single = await target.post({ ...repaired, replaces: digest }, { 'webhook-id': 'msg_r' });
    expect(single).toMatchObject({ status: 200, body: { version: 2, duplicate: false, ignored: false } });
    expect((await target.order(held.order_id)).body).toEqual(repaired);
    const back = createHash('sha256')
      .update(`${JSON.stringify([...Object.values(repaired)])}\n`)
      .digest('hex');
    const batch = await target.postDeliveryBatch(
      batchOf({ id: 'msg_s', state: { ...held, replaces: back } }),
    );
    expect(batch.body.results).toEqual([
      { id: 'msg_s', status: 200, version: 2, duplicate: false, ignored: false },
    ]);
    expect((await target.order(held.order_id)).body).toEqual(held);
  });

  it('judges each member as a single post, and none spoils another', async () => {
    const target = await new TestOrderMgt().start();
    await target.post(newState({ order_id: 'known', version: 5 }), { 'webhook-id': 'msg_known' });
    const answer = await target.postDeliveryBatch(
      batchOf(
        member('msg_new', { order_id: 'new' }),
        member('msg_known', { order_id: 'known', version: 6 }),
        member('msg_known', { order_id: 'known', version: 5 }),
        member('msg_older', { order_id: 'known', version: 4 }),
        { id: 'msg_no_state', state: null },
        { id: 'msg_text', state: { ...newState(), version: '2' } },
        member('msg_long', { order_id: 'é'.repeat(128) }),
        member('msg_half', { order_id: 'a\ud800' }),
        member('a b', { order_id: 'blank' }),
        member('msg_last', { order_id: 'last' }),
      ),
    );
    expect(answer.status).toBe(200);
    expect(answer.body.results).toEqual([
      { id: 'msg_new', status: 200, version: 2, duplicate: false, ignored: false },
      { id: 'msg_known', status: 422, code: 'payload_differs', detail: expect.any(String) },
      { id: 'msg_known', status: 200, version: 5, duplicate: true, ignored: false },
      { id: 'msg_older', status: 200, version: 5, duplicate: false, ignored: true },
      { id: 'msg_no_state', status: 400, code: 'body_invalid', detail: expect.any(String) },
      { id: 'msg_text', status: 400, code: 'body_invalid', detail: expect.stringContaining('/version') },
      { id: 'msg_long', status: 400, code: 'body_invalid', detail: expect.stringContaining('255 bytes') },
      { id: 'msg_half', status: 400, code: 'body_invalid', detail: expect.stringContaining('surrogate') },
      { id: 'a b', status: 400, code: 'delivery_id_invalid', detail: expect.any(String) },
      { id: 'msg_last', status: 200, version: 2, duplicate: false, ignored: false },
    ]);
    const refused = await target.postDeliveryBatch(batchOf({ id: 'msg_alone', state: [] }));
    expect(refused).toMatchObject({ status: 200, body: { results: [{ id: 'msg_alone', status: 400 }] } });
  });

  it('stores all members in one transaction', async () => {
    const target = await new TestOrderMgt().start();
    const times = () => target.query('SELECT DISTINCT received_at FROM deliveries_received');
    await target.postDeliveryBatch(
      batchOf(member('a'), member('b', { order_id: 'b' }), member('c', { order_id: 'c' })),
    );
    expect(times()).toHaveLength(1);
    // The database refuses the last member, as it would on a full disk. Then none of the others may be stored.
    target.change(`CREATE TRIGGER full_disk BEFORE INSERT ON orders WHEN NEW.order_id = 'z'
      BEGIN SELECT RAISE(ABORT, 'full'); END`);
    const failed = await target.postDeliveryBatch(
      batchOf(member('y', { order_id: 'y' }), member('z', { order_id: 'z' })),
    );
    expect(failed).toMatchObject({ status: 503, body: { code: 'store_failed' } });
    expect((await target.order('y')).status).toBe(404);
    expect(target.query("SELECT * FROM deliveries_received WHERE delivery_id IN ('y', 'z')")).toEqual([]);
  });

  it('brings a lost row back, and still answers duplicate', async () => {
    const target = await new TestOrderMgt().start();
    await target.post(newState(), { 'webhook-id': 'msg_1' });
    target.change('DELETE FROM orders');
    expect((await target.postDeliveryBatch(batchOf(member('msg_1')))).body.results).toEqual([
      { id: 'msg_1', status: 200, version: 2, duplicate: true, ignored: false },
    ]);
    expect((await target.order('order123')).body).toEqual(newState());
    target.change('UPDATE orders SET ready_to_send = 0');
    expect((await target.post(newState(), { 'webhook-id': 'msg_1' })).body).toMatchObject({
      duplicate: true,
    });
    expect((await target.order('order123')).body).toEqual(newState());
  });

  it.each([
    ['no batch', newState()],
    ['empty', batchOf()],
    ['a member without an id', batchOf({ state: newState() })],
    ['a member without a state', batchOf({ id: 'msg_1' })],
    ['a member that is null', batchOf(member('a'), null)],
    ['an id that is a number', batchOf({ id: 1, state: newState() })],
    ['a list', [member('a')]],
  ])('gets refused as a whole if its members cannot be recognised: %s', async (_name, body) => {
    const target = await new TestOrderMgt().start();
    expect(await target.postDeliveryBatch(body)).toMatchObject({
      status: 400,
      body: { code: 'body_invalid' },
    });
    expect(target.query('SELECT * FROM deliveries_received')).toEqual([]);
  });

  it('gets 413 if it has more states than announced, or more bytes than these could have', async () => {
    const target = await new TestOrderMgt().start({ deliveryBatchMax: 2 });
    const three = batchOf(member('a'), member('b', { order_id: 'b' }), member('c', { order_id: 'c' }));
    expect(await target.postDeliveryBatch(three)).toMatchObject({
      status: 413,
      body: { code: 'batch_too_large' },
    });
    const padded = batchOf({ ...member('a'), padding: 'x'.repeat(20_000) });
    expect(await target.postDeliveryBatch(padded)).toMatchObject({
      status: 413,
      body: { code: 'body_too_large' },
    });
    expect(target.query('SELECT * FROM deliveries_received')).toEqual([]);
  });

  it('takes as many of the largest states as are announced', async () => {
    const target = await new TestOrderMgt().start({ deliveryBatchMax: 20 });
    const large = '\u0001'.repeat(255);
    const states = Array.from({ length: 20 }, (_, index) =>
      member(`${'m'.repeat(253)}${index + 10}`, {
        order_id: `${'\u0001'.repeat(253)}${index + 10}`,
        order_status: large,
        payment_status: large,
        review_status: large,
      }),
    );
    const { body } = await target.postDeliveryBatch(batchOf(...states));
    expect(body.results.every(({ status }: { status: number }) => status === 200)).toBe(true);
  });
});

describe('the announcement of delivery batches', () => {
  it('stands on every 2xx of both routes, and on no other answer', async () => {
    const target = await new TestOrderMgt().start({ deliveryBatchMax: 7 });
    const announced = '7;path="batch"';
    const single = () => target.post(newState(), { 'webhook-id': 'msg_1' });
    for (const answer of [
      await single(),
      await single(),
      await target.postDeliveryBatch(batchOf(member('msg_1'))),
    ]) {
      expect(answer.status).toBe(200);
      expect(answer.headers['webhook-batch']).toBe(announced);
    }
    const refused = await target.post(newState({ version: 9 }), { 'webhook-id': 'msg_1' });
    for (const answer of [refused, await target.post('no json'), await target.order('order123')]) {
      expect(answer.headers['webhook-batch']).toBeUndefined();
    }
  });

  it('names 500 by default; with 0 it is missing, and the path takes no POST', async () => {
    const usual = await new TestOrderMgt().start();
    expect((await usual.post(newState())).headers['webhook-batch']).toBe('500;path="batch"');
    const without = await new TestOrderMgt().start({ deliveryBatchMax: 0 });
    expect((await without.post(newState())).headers['webhook-batch']).toBeUndefined();
    expect(await without.postDeliveryBatch(batchOf(member('msg_1')))).toMatchObject({
      status: 405,
      body: { code: 'method_unknown' },
    });
  });
});

describe('the signature of a delivery batch', () => {
  const NOW_MS = 1_760_000_000_000;
  const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
  const body = JSON.stringify(batchOf(member('msg_1'), member('msg_2', { order_id: 'b' })));
  const batchId = `batch_${createHash('sha256').update('msg_1\nmsg_2').digest('hex').slice(0, 32)}`;

  function headers(timestampSeconds = NOW_MS / 1_000, signedBody = body) {
    return {
      'webhook-id': batchId,
      'idempotency-key': `"${batchId}"`,
      'webhook-timestamp': String(timestampSeconds),
      'webhook-signature': sign(parseSigningKeys(secret, 'test'), batchId, timestampSeconds, signedBody),
    };
  }

  it('covers the whole body, and is required as for a single state', async () => {
    const target = await new TestOrderMgt().start({ secret, now: () => NOW_MS });
    const codeOf = async (given: Record<string, string>) =>
      (await target.postDeliveryBatch(body, given)).body.code;
    expect(await codeOf({})).toBe('signature_missing');
    expect(await codeOf(headers(NOW_MS / 1_000, `${body} `))).toBe('signature_invalid');
    expect(await codeOf(headers(NOW_MS / 1_000 - 301))).toBe('timestamp_outside_tolerance');
    expect(target.query('SELECT * FROM deliveries_received')).toEqual([]);
    expect(await target.postDeliveryBatch(body, headers())).toMatchObject({
      status: 200,
      body: {
        results: [
          { id: 'msg_1', status: 200 },
          { id: 'msg_2', status: 200 },
        ],
      },
    });
  });
});
