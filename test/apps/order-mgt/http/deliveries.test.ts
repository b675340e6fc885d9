import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { openHttpTarget } from '../../../../src/adapters/http-delivery/index.ts';
import { systemClock } from '../../../../src/adapters/system-clock.ts';
import { parseSigningKeys, sign } from '../../../../src/core/webhook-signature.ts';
import { deliveryIdOf } from '../../../../src/pipeline/delivery-id.ts';
import { singly } from '../../../contract/delivery-target.ts';
import { newState, TestOrderMgt } from '../fixture.ts';

const STRANGE_IDS = [
  'a/b//c',
  ' a b ',
  '🛒',
  '..',
  '.',
  '../../etc/passwd',
  '__proto__',
  'constructor',
  'toString',
  'A1',
  'a1',
  'A1 ',
  'é',
  'e\u0301',
  '100%',
  '%2F',
  '%25',
  'a?b#c&d=e',
  'a+b;c:d',
  '"\'\\',
  'line\nend\0nul',
  '\u202eabc',
  'batch',
  "'; DROP TABLE orders; --",
  'x'.repeat(255),
  'é'.repeat(127),
];

describe('POST /api/orders', () => {
  it('stores the state, and answers its columns alone afterwards', async () => {
    const target = await new TestOrderMgt().start();
    const answer = await target.post(
      { ...newState(), something_new: { deep: [1] } },
      { 'webhook-id': 'msg_1' },
    );
    expect(answer).toMatchObject({
      status: 200,
      type: 'application/json',
      body: { order_id: 'order123', delivery_id: 'msg_1', version: 2, duplicate: false, ignored: false },
    });
    const read = await target.order('order123');
    expect(read).toMatchObject({ status: 200, type: 'application/json' });
    expect(read.body).toEqual(newState());
  });

  it('keeps ids of any characters apart and finds them again', async () => {
    const target = await new TestOrderMgt().start();
    for (const [index, orderId] of STRANGE_IDS.entries()) {
      const answer = await target.post(newState({ order_id: orderId, version: index + 1 }));
      expect(answer, orderId).toMatchObject({ status: 200, body: { duplicate: false, ignored: false } });
    }
    for (const [index, orderId] of STRANGE_IDS.entries()) {
      const answer = await target.order(orderId);
      expect(answer, orderId).toMatchObject({ status: 200, body: { order_id: orderId, version: index + 1 } });
    }
    expect(target.query('SELECT COUNT(*) AS count FROM orders')).toEqual([{ count: STRANGE_IDS.length }]);
  });

  it('answers a repeated delivery as a duplicate and changes nothing', async () => {
    const target = await new TestOrderMgt().start();
    await target.post(newState(), { 'webhook-id': 'msg_1' });
    const again = await target.post(newState(), { 'webhook-id': 'msg_1' });
    expect(again).toMatchObject({ status: 200, body: { duplicate: true, ignored: false, version: 2 } });
    const respaced = await target.post(JSON.stringify(newState(), null, 3), { 'webhook-id': 'msg_1' });
    expect(respaced).toMatchObject({ status: 200, body: { duplicate: true } });
    expect(target.query('SELECT delivery_id, effect FROM deliveries_received')).toEqual([
      { delivery_id: 'msg_1', effect: 'applied' },
    ]);
  });

  it('refuses a known id with another state and keeps the first state', async () => {
    const target = await new TestOrderMgt().start();
    await target.post(newState(), { 'webhook-id': 'msg_1' });
    const changes = [
      { version: 3 },
      { ready_to_send: false },
      { order_id: 'other' },
      { review_status: 'ACCEPTED' },
    ];
    for (const change of changes) {
      const answer = await target.post(newState(change), { 'webhook-id': 'msg_1' });
      expect(answer).toMatchObject({
        status: 422,
        type: 'application/problem+json',
        body: { code: 'payload_differs' },
      });
    }
    expect((await target.order('order123')).body).toEqual(newState());
    expect((await target.order('other')).status).toBe(404);
  });

  it('ignores older and equal versions under other ids, and answers that', async () => {
    const target = await new TestOrderMgt().start();
    await target.post(newState({ version: 5 }), { 'webhook-id': 'msg_5' });
    for (const version of [4, 5]) {
      const state = newState({ version, ready_to_send: false });
      const answer = await target.post(state, { 'webhook-id': `msg_other-${version}` });
      expect(answer).toMatchObject({ status: 200, body: { ignored: true, duplicate: false, version: 5 } });
    }
    expect((await target.order('order123')).body).toEqual(newState({ version: 5 }));
    expect(target.query('SELECT version, effect FROM deliveries_received ORDER BY delivery_id')).toEqual([
      { version: 5, effect: 'applied' },
      { version: 4, effect: 'ignored' },
      { version: 5, effect: 'ignored' },
    ]);
  });

  it('holds the highest version, applied once, after all versions came at once in any sequence', async () => {
    const target = await new TestOrderMgt().start();
    const versions = Array.from({ length: 40 }, (_, index) => ((index * 17) % 40) + 1);
    const posts = [...versions, ...versions].map((version) =>
      target.post(newState({ version }), { 'webhook-id': `msg_${version}` }),
    );
    const answers = await Promise.all(posts);
    expect(answers.every(({ status }) => status === 200)).toBe(true);
    expect(answers.filter(({ body }) => body.duplicate)).toHaveLength(40);
    expect((await target.order('order123')).body.version).toBe(40);
    expect(target.query('SELECT COUNT(*) AS count FROM deliveries_received')).toEqual([{ count: 40 }]);
  });

  it('takes a post without an id, and takes the same content for the same delivery', async () => {
    const target = await new TestOrderMgt().start();
    const first = await target.post(newState());
    expect(first.body).toMatchObject({ duplicate: false, delivery_id: expect.stringMatching(/^content_/) });
    expect((await target.post(newState())).body).toMatchObject({ duplicate: true });
    expect((await target.post(newState({ version: 3 }))).body).toMatchObject({
      duplicate: false,
      version: 3,
    });
  });

  it('takes Idempotency-Key quoted and bare, and together with the same webhook-id', async () => {
    const target = await new TestOrderMgt().start();
    const duplicates: boolean[] = [];
    for (const headers of [
      { 'idempotency-key': '"msg_1"' },
      { 'idempotency-key': 'msg_1' },
      { 'webhook-id': 'msg_1' },
      { 'webhook-id': 'msg_1', 'idempotency-key': '"msg_1"' },
      { 'idempotency-key': '"a\\"b\\\\c"' },
      { 'webhook-id': 'a"b\\c' },
    ]) {
      duplicates.push((await target.post(newState(), headers)).body.duplicate);
    }
    expect(duplicates).toEqual([false, true, true, true, false, true]);
  });

  it('refuses two different ids, and ids that cannot be kept', async () => {
    const target = await new TestOrderMgt().start();
    const both = await target.post(newState(), { 'webhook-id': 'msg_1', 'idempotency-key': '"msg_2"' });
    expect(both).toMatchObject({ status: 400, body: { code: 'delivery_id_ambiguous' } });
    for (const id of ['', 'a b', 'x'.repeat(256), '\u00e9']) {
      const answer = await target.post(newState(), { 'webhook-id': id });
      expect(answer, id).toMatchObject({ status: 400, body: { code: 'delivery_id_invalid' } });
    }
    expect(target.query('SELECT * FROM deliveries_received')).toEqual([]);
  });
});

describe('a body that is no state of an order', () => {
  const without = (field: string) => {
    const { [field as 'version']: _, ...rest } = newState();
    return rest;
  };
  const cases: readonly (readonly [string, unknown, string])[] = [
    ['a missing version', without('version'), '/version'],
    ['a missing status', without('payment_status'), '/payment_status'],
    ['a version that is a text', { ...newState(), version: '2' }, '/version'],
    ['a version of nothing', newState({ version: 0 }), '/version'],
    ['a broken version', newState({ version: 1.5 }), '/version'],
    ['a version beyond 2^53', newState({ version: 2 ** 53 }), '/version'],
    ['a flag that is a number', { ...newState(), ready_to_send: 1 }, '/ready_to_send'],
    ['a status that is a number', { ...newState(), order_status: 1 }, '/order_status'],
    ['an id that is a list', { ...newState(), order_id: ['a'] }, '/order_id'],
    ['an empty id', newState({ order_id: '' }), '/order_id'],
    ['an id of 256 bytes', newState({ order_id: 'é'.repeat(128) }), '/order_id'],
    ['an id with half a surrogate pair', newState({ order_id: 'a\ud800' }), '/order_id'],
    ['a status with half a surrogate pair', newState({ order_status: '\udc00' }), '/order_status'],
    ['a list', [newState()], ''],
    ['null', 'null', ''],
  ];
  it.each(cases)('gets refused with a pointer to the fault: %s', async (_name, body, pointer) => {
    const target = await new TestOrderMgt().start();
    const answer = await target.post(body);
    expect(answer).toMatchObject({
      status: 400,
      type: 'application/problem+json',
      body: {
        type: 'urn:tributary:problem:body_invalid',
        title: 'Bad Request',
        status: 400,
        detail: expect.any(String),
        instance: '/api/orders',
        code: 'body_invalid',
      },
    });
    expect(answer.body.errors).toContainEqual({ pointer, detail: expect.any(String) });
    expect(target.query('SELECT * FROM deliveries_received')).toEqual([]);
  });

  it('gets refused if it is no JSON, no UTF-8, or empty', async () => {
    const target = await new TestOrderMgt().start();
    const badUtf8 = Buffer.from(JSON.stringify(newState({ order_id: 'a#' })).replace('#', '\xff'), 'latin1');
    const withMark = `\ufeff${JSON.stringify(newState())}`;
    for (const body of ['{"order_id":', badUtf8, withMark, '', '[1e', 'undefined']) {
      const answer = await target.post(body);
      expect(answer, String(body)).toMatchObject({ status: 400, type: 'application/problem+json' });
    }
  });

  it('gets refused if it is too large or of another media type', async () => {
    const target = await new TestOrderMgt().start();
    const large = await target.post({ ...newState(), padding: 'x'.repeat(1_048_577) });
    expect(large).toMatchObject({ status: 413, body: { code: 'body_too_large' } });
    const form = await target.post('order_id=1', { 'content-type': 'application/x-www-form-urlencoded' });
    expect(form).toMatchObject({ status: 415, body: { code: 'media_type_unsupported' } });
  });

  it('does no harm by deep nesting or by names of JavaScript itself', async () => {
    const target = await new TestOrderMgt().start();
    const deep = `${'['.repeat(200_000)}${']'.repeat(200_000)}`;
    const text = JSON.stringify(newState()).replace(
      '{',
      `{"__proto__":{"version":9},"constructor":1,"deep":${deep},`,
    );
    expect((await target.post(text)).status).toBe(200);
    expect((await target.order('order123')).body).toEqual(newState());
    expect(({} as { version?: unknown }).version).toBeUndefined();
  });
});

describe('the signature of a delivery', () => {
  const NOW_MS = 1_760_000_000_000;
  const newSecret = () => `whsec_${randomBytes(32).toString('base64')}`;
  const [oldSecret, newerSecret] = [newSecret(), newSecret()];
  const body = JSON.stringify(newState());

  function headers(secrets: string, timestampSeconds = NOW_MS / 1_000, signedBody = body) {
    const signature = sign(parseSigningKeys(secrets, 'test'), 'msg_1', timestampSeconds, signedBody);
    return {
      'webhook-id': 'msg_1',
      'webhook-timestamp': String(timestampSeconds),
      'webhook-signature': signature,
    };
  }

  it('counts by either secret during a rotation, and by no other secret', async () => {
    const target = await new TestOrderMgt().start({
      secret: `${oldSecret} ${newerSecret}`,
      now: () => NOW_MS,
    });
    for (const secret of [oldSecret, newerSecret, `${oldSecret} ${newerSecret}`]) {
      expect((await target.post(body, headers(secret))).status).toBe(200);
    }
    const wrong = await target.post(body, headers(newSecret()));
    expect(wrong).toMatchObject({
      status: 401,
      type: 'application/problem+json',
      body: { code: 'signature_invalid' },
    });
  });

  it('has to cover these bytes, and to be at most 5 minutes old or early', async () => {
    const target = await new TestOrderMgt().start({ secret: oldSecret, now: () => NOW_MS });
    const codeOf = async (given: Record<string, string>, sent: string | Buffer = body) => {
      const answer = await target.post(sent, given);
      return `${answer.status} ${answer.body.code}`;
    };
    const nowS = NOW_MS / 1_000;
    expect(await codeOf({})).toBe('401 signature_missing');
    expect(await codeOf(headers(oldSecret), `${body} `)).toBe('401 signature_invalid');
    expect(await codeOf(headers(oldSecret), 'no json')).toBe('401 signature_invalid');
    expect(await codeOf({ ...headers(oldSecret), 'webhook-id': 'msg_2' })).toBe('401 signature_invalid');
    expect(await codeOf(headers(oldSecret, nowS - 301))).toBe('401 timestamp_outside_tolerance');
    expect(await codeOf(headers(oldSecret, nowS + 301))).toBe('401 timestamp_outside_tolerance');
    expect(await codeOf({ ...headers(oldSecret), 'webhook-timestamp': 'x' })).toBe('401 timestamp_invalid');
    expect(target.query('SELECT * FROM deliveries_received')).toEqual([]);
  });

  it('gets refused for its time with the difference between the clocks and the time of this clock', async () => {
    const target = await new TestOrderMgt().start({ secret: oldSecret, now: () => NOW_MS });
    for (const [seconds, words] of [
      [360, '360 s ahead of the clock here'],
      [-360, '360 s behind the clock here'],
    ] as const) {
      const answer = await target.post(body, headers(oldSecret, NOW_MS / 1_000 + seconds));
      expect(answer).toMatchObject({
        status: 401,
        body: {
          code: 'timestamp_outside_tolerance',
          detail: expect.stringContaining(
            `${words}, which says ${new Date(NOW_MS).toISOString()}; at most 300 s`,
          ),
        },
      });
    }
  });

  it.each([360, -360])(
    'of order-sync gets refused if its clock is %i s off, and order-sync logs the difference',
    async (seconds) => {
      const target = await new TestOrderMgt().start({ secret: oldSecret });
      const ours = openHttpTarget({
        name: 'order-mgt',
        url: `${target.url}/api/orders`,
        secrets: [oldSecret],
        clock: { now: () => Date.now() + seconds * 1_000, monotonicMs: () => performance.now() },
        logger: () => undefined,
      });
      const state = newState();
      const delivery = {
        deliveryId: deliveryIdOf(state.order_id, state.version),
        entityId: state.order_id,
        version: state.version,
        body: { ...state },
        attempt: 1,
      };
      const outcome = await singly(ours).deliver(delivery, new AbortController().signal);
      await ours.close();
      expect(outcome).toMatchObject({ verdict: 'retry', status: 401 });
      const where = seconds > 0 ? 'ahead of' : 'behind';
      expect(outcome.error).toMatch(
        new RegExp(
          `timestamp_outside_tolerance\\); this machine's clock is 3(59|6[01]) s ${where} the target's`,
        ),
      );
    },
  );

  it('protects nothing without a secret, and the start warns about that', async () => {
    const target = await new TestOrderMgt().start();
    expect(target.logged).toContainEqual(expect.stringMatching(/^warn: Unsigned deliveries are accepted/));
    expect((await target.post(body, headers(newSecret()))).status).toBe(200);
  });

  it('of order-sync is right, and its second attempt is a duplicate', async () => {
    const target = await new TestOrderMgt().start({ secret: newerSecret });
    const ours = openHttpTarget({
      name: 'order-mgt',
      url: `${target.url}/api/orders`,
      secrets: [newerSecret, oldSecret],
      clock: systemClock,
      logger: () => {},
    });
    const sender = singly(ours);
    const deliveryId = deliveryIdOf('a/🛒', 2);
    const delivery = {
      deliveryId,
      entityId: 'a/🛒',
      version: 2,
      body: { ...newState({ order_id: 'a/🛒' }) },
    };
    const never = new AbortController().signal;
    const first = await sender.deliver({ ...delivery, attempt: 1 }, never);
    const second = await sender.deliver({ ...delivery, attempt: 2 }, never);
    const rotten = { ...delivery, deliveryId: 'msg_rotten', body: {}, attempt: 1 };
    const refused = await sender.deliver(rotten, never);
    await sender.close();
    expect([first, second, refused].map(({ verdict }) => verdict)).toEqual([
      'delivered',
      'delivered',
      'park',
    ]);
    expect(JSON.parse(second.answer)).toMatchObject({ delivery_id: deliveryId, duplicate: true });
    expect((await target.order('a/🛒')).body.version).toBe(2);
  });
});
