import type { InjectOptions } from 'fastify';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { OrderAskParts } from '../../../../src/apps/order-sync/ask-parts.ts';
import { buildServer } from '../../../../src/apps/order-sync/http/server.ts';
import {
  ACCEPTED,
  AUTHORIZED,
  type Body,
  created,
  OrderStore,
  PENDING,
  paid,
} from '../../../helpers/order-store.ts';
import { heldInject } from '../../shared/http/held-answers.ts';
import { UNUSED_PARTS } from './parts.ts';

const NASTY = ['a/b?c#d', 'ä:what-if', '...', '%41', ' x ', '=1+1', '__proto__', `${'ä'.repeat(127)}x`];

async function server(
  fill: (place: OrderStore) => Promise<void>,
  isReady = true,
  facts: Partial<OrderAskParts> = {},
) {
  const place = await OrderStore.open();
  await fill(place);
  const app = buildServer({
    ...UNUSED_PARTS,
    store: place.store,
    clock: place.clock,
    ask: () => (isReady ? place.parts(facts) : null),
  });
  onTestFinished(() => app.close());
  const inject = heldInject(app);
  const ask = async (url: string, payload?: unknown) => {
    const options: InjectOptions =
      payload === undefined
        ? { url }
        : {
            url,
            method: 'POST',
            headers: { 'content-type': 'application/json' },
            payload: JSON.stringify(payload),
          };
    const { statusCode, body, headers } = await inject(options);
    return { status: statusCode, body: JSON.parse(body), headers };
  };
  return { ...place, place, ask };
}

const path = (id: string, rest = '') => `/api/v1/orders/${encodeURIComponent(id)}${rest}`;

/** An order whose acceptance came before its pending review. */
const lateReview = (place: OrderStore, id = 'a') =>
  place.journal(
    [created(id, '10:00'), paid(id, AUTHORIZED, '10:01')],
    [paid(id, ACCEPTED, '10:03')],
    [paid(id, PENDING, '10:02')],
  );

describe('the API of orders', () => {
  it('lists orders in pages, with the next page in body and header', async () => {
    const { ask } = await server((place) => place.journal(NASTY.map((id) => created(id, '10:00'))));
    const seen: string[] = [];
    let url = '/api/v1/orders?limit=3';
    for (;;) {
      const { status, body, headers } = await ask(url);
      expect(status).toBe(200);
      seen.push(...body.data.map(({ orderId }: { orderId: string }) => orderId));
      if (!body.page.hasMore) break;
      url = /^<(.*)>; rel="next"$/.exec(String(headers.link))?.[1] ?? '';
    }
    expect(seen).toEqual([...NASTY].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))));
  });

  it('filters orders by status, column, readiness, delivery and age', async () => {
    const { ask, place } = await server(async (place) => {
      await place.journal([created('pending', '10:00'), paid('pending', PENDING, '10:01')]);
      await place.journal([created('ready', '10:00'), paid('ready', AUTHORIZED, '10:01')]);
      await place.journal([created('sent', '10:00'), paid('sent', AUTHORIZED, '10:01')]);
    });
    await place.settle('dead', { status: 422 });
    place.clock.nowMs += 3_600_000;
    await place.journal([paid('sent', ACCEPTED, '10:03')]);
    await place.settle('delivered');
    const ids = async (query: string) => {
      const { body } = await ask(`/api/v1/orders?${query}`);
      return body.data.map(({ orderId }: { orderId: string }) => orderId);
    };
    expect(await ids('status=PENDING')).toEqual(['pending']);
    expect(await ids('ready=true')).toEqual(['ready', 'sent']);
    expect(await ids('where=review_status=null')).toEqual(['ready']);
    expect(await ids('where=order_status=CREATED&where=ready_to_send=false')).toEqual(['pending']);
    expect(await ids('notDelivered=true')).toEqual(['ready']);
    expect(await ids('dead=true&ready=true')).toEqual(['ready']);
    expect(await ids('inFlight=true')).toEqual([]);
    expect(await ids('delivered=true')).toEqual(['sent']);
    expect(await ids('delivered=true&ready=false')).toEqual(['sent']);
    expect(await ids('stuck=true')).toEqual(['pending']);
    expect(await ids('olderThan=1h')).toEqual(['pending', 'ready']);
    expect(await ids('status=NONE')).toEqual([]);
    expect((await ask('/api/v1/stuck')).body.data).toMatchObject([
      { orderId: 'pending', waitsFor: 'review', lastJournaledAt: '2026-01-01T12:00:01.000Z' },
    ]);
    expect((await ask('/api/v1/stuck?olderThan=2h')).body.data).toEqual([]);
  });

  it('refuses what it does not understand with 400 and a code', async () => {
    const { ask } = await server((place) => lateReview(place));
    for (const [url, code] of [
      ['/api/v1/orders?colour=red', 'question_invalid'],
      ['/api/v1/orders?ready=yes', 'question_invalid'],
      ['/api/v1/orders?status=A&status=B', 'question_invalid'],
      ['/api/v1/orders?where=colour=red', 'question_invalid'],
      ['/api/v1/orders?where=ready_to_send=1', 'question_invalid'],
      ['/api/v1/orders?olderThan=soon', 'question_invalid'],
      ['/api/v1/orders?inFlight=true&dead=true', 'question_invalid'],
      ['/api/v1/orders?delivered=true&notDelivered=true', 'question_invalid'],
      ['/api/v1/orders?limit=0', 'limit_invalid'],
      ['/api/v1/orders?after=x', 'after_invalid'],
      ['/api/v1/orders/a/events?after=WyJ4IiwiIl0', 'after_invalid'],
      ['/api/v1/orders/a/state?at=today', 'question_invalid'],
      ['/api/v1/orders/a/state?version=-1', 'question_invalid'],
      ['/api/v1/orders/a/state?version=1&at=2026-01-01T10:00:00Z', 'question_invalid'],
      ['/api/v1/orders/a/diff?from=1', 'question_invalid'],
      ['/api/v1/orders/a/diff?from=1&to=soon', 'question_invalid'],
      [`/api/v1/orders/${'x'.repeat(256)}`, 'order_id_invalid'],
    ] as const)
      expect(await ask(url), url).toMatchObject({ status: 400, body: { code } });
  });

  it('answers every question about an order whatever its id', async () => {
    const { ask } = await server((place) => place.journal(NASTY.map((id) => created(id, '10:00'))));
    for (const id of NASTY) {
      expect((await ask(path(id))).body, id).toMatchObject({ orderId: id, version: 1 });
      for (const rest of ['/events', '/state', '/explain', '/diff?from=0&to=now'])
        expect((await ask(path(id, rest))).status, `${id} ${rest}`).toBe(200);
      const event = created(id, '11:00');
      expect((await ask(path(id, ':what-if'), { event })).body, id).toMatchObject({
        orderId: id,
        outcome: 'changes',
        version: 2,
      });
    }
  });

  it('shows the row of an order, and 404 where there is none', async () => {
    const { ask } = await server((place) => lateReview(place));
    expect((await ask(path('a'))).body).toEqual({
      orderId: 'a',
      version: 4,
      row: {
        order_status: 'CREATED',
        payment_status: ACCEPTED,
        review_status: 'ACCEPTED',
        ready_to_send: true,
      },
    });
    for (const rest of ['', '/events', '/state', '/diff?from=0&to=now'])
      expect(await ask(path('b', rest)), rest).toMatchObject({
        status: 404,
        body: { code: 'order_unknown' },
      });
  });

  it('marks no event of an order with too many, because the last ones do not tell which are late', async () => {
    const { ask } = await server(
      async (place) => {
        const many = Array.from({ length: 120 }, (_, n) => paid('a', PENDING, '10:02', { revision: n + 1 }));
        await place.journal([created('a', '10:00'), ...many]);
      },
      true,
      { maxEvents: 110 },
    );
    const last = Buffer.from(JSON.stringify(['118', ''])).toString('base64url');
    const { body } = await ask(path('a', `/events?after=${last}`));
    expect(body.data).toMatchObject([119, 120, 121].map((version) => ({ version, place: null, late: null })));
  });

  it('pages the events of an order by arrival, with their bodies and marks', async () => {
    const { ask } = await server((place) => lateReview(place));
    const first = await ask(path('a', '/events?limit=3'));
    const second = await ask(path('a', `/events?limit=3&after=${first.body.page.next}`));
    const events = [...first.body.data, ...second.body.data];
    expect(events.map(({ version, place, late }) => [version, place, late])).toEqual([
      [1, 1, false],
      [2, 2, false],
      [3, 4, false],
      [4, 3, true],
    ]);
    expect(JSON.parse(events[3].data)).toEqual(paid('a', PENDING, '10:02'));
    expect(events[3]).toMatchObject({
      eventType: 'PAYMENT',
      occurredAt: '2026-01-01T10:02:00.000Z',
      journaledAt: '2026-01-01T12:00:03.000Z',
      topic: 'payment_events',
      offset: '3',
    });
    expect([first.body.page.hasMore, second.body.page]).toEqual([true, { next: null, hasMore: false }]);
  });

  it('shows the state at a version, at a moment, and as it was known at a moment', async () => {
    const { ask } = await server((place) => lateReview(place));
    const payment = async (query: string) =>
      (await ask(path('a', `/state?${query}`))).body.row.payment_status;
    expect(await payment('version=2')).toBe(AUTHORIZED);
    expect(await payment('at=2026-01-01T10:02:30Z')).toBe(PENDING);
    expect(await payment('asKnownAt=2026-01-01T12:00:02Z')).toBe(ACCEPTED);
    expect(await payment('')).toBe(ACCEPTED);
    expect((await ask(path('a', '/state?version=2'))).body).toMatchObject({
      moment: '2',
      events: 2,
      versions: [1, 2],
      version: 4,
      columns: [{ column: 'order_status', decidedBy: { version: 1 } }, {}, {}, {}],
    });
    expect(await ask(path('a', '/state?version=5'))).toMatchObject({
      status: 404,
      body: { code: 'version_unknown', detail: 'The order has only 4 versions.' },
    });
  });

  it('shows what differs between two moments', async () => {
    const { ask } = await server((place) => lateReview(place));
    const { body } = await ask(path('a', '/diff?from=2&to=known:2026-01-01T12:00:02Z'));
    expect(body).toMatchObject({
      from: { moment: '2', events: 2 },
      to: { moment: 'known:2026-01-01T12:00:02.000Z', events: 3 },
      columns: [
        { column: 'payment_status', from: AUTHORIZED, to: ACCEPTED, decidedBy: { version: 3 } },
        { column: 'review_status', from: null, to: 'ACCEPTED' },
      ],
      added: [{ version: 3 }],
      removed: [],
    });
  });

  it('explains an order with its deliveries, and an unknown one too', async () => {
    const { ask, place } = await server((place) => lateReview(place));
    await place.settle('delivered');
    const { body } = await ask(path('a', '/explain'));
    expect(body).toMatchObject({
      explanation: expect.stringMatching(/^Ready since 10:03:00Z\. Version 3 was delivered to order-mgt/),
      version: 4,
      ready: true,
      waiting: null,
      canonicalSequence: [1, 2, 4, 3],
      deliveries: [{ target: 'order-mgt', status: 'delivered', attemptLog: [{ verdict: 'delivered' }] }],
    });
    expect(await ask(path('nobody', '/explain'))).toMatchObject({
      status: 200,
      body: { version: 0, row: null },
    });
  });

  it('explains since when an order waits, and when its last event came', async () => {
    const { ask, place } = await server((place) =>
      place.journal([created('a', '10:00')], [paid('a', PENDING, '10:01')]),
    );
    place.clock.nowMs += 3_600_000;
    await place.journal([paid('a', PENDING, '10:02')]);
    const { body } = await ask(path('a', '/explain'));
    expect(body).toMatchObject({
      ready: false,
      waiting: {
        for: 'review',
        since: '2026-01-01T10:01:00.000Z',
        lastJournaledAt: '2026-01-01T13:00:03.000Z',
      },
    });
  });

  it('shows what one more event would do, given as an object or as the exact text', async () => {
    const { ask } = await server((place) => place.journal([created('a', '10:00')]));
    const event = paid('a', AUTHORIZED, '10:01');
    const changes = (await ask(path('a', ':what-if'), { event })).body;
    expect(changes).toMatchObject({
      outcome: 'changes',
      version: 2,
      late: false,
      before: { ready: false },
      after: { ready: true },
      due: [{ target: 'order-mgt', version: 2 }],
    });
    expect((await ask(path('a', ':what-if'), { event: JSON.stringify(event) })).body).toEqual(changes);
    expect((await ask(path('a', ':what-if'), { event: created('a', '10:00') })).body).toMatchObject({
      outcome: 'duplicate',
      knownAsVersion: 1,
    });
    expect(
      (await ask(path('a', ':what-if'), { event: '{"eventType":"ORDER","eventType":"ORDER"}' })).body,
    ).toMatchObject({
      outcome: 'refused',
      reason: 'json_duplicate_key',
    });
    for (const wrong of [{}, { event: 1 }, { event, more: 1 }] satisfies Body[])
      expect((await ask(path('a', ':what-if'), wrong)).status).toBe(400);
  });

  it('answers 503 until the store is there', async () => {
    const { ask } = await server(async () => {}, false);
    for (const url of ['/api/v1/orders', '/api/v1/stuck', path('a'), path('a', '/explain')])
      expect(await ask(url), url).toMatchObject({ status: 503, body: { code: 'not_ready' } });
  });
});
