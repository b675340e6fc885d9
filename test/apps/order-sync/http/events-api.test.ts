import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { InjectOptions } from 'fastify';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openEmbeddedLog } from '../../../../src/adapters/embedded-log/index.ts';
import { systemClock } from '../../../../src/adapters/system-clock.ts';
import { knownEventTypes } from '../../../../src/apps/order-sync/event-types.ts';
import { Trial } from '../../../../src/apps/order-sync/trial.ts';
import { NO_TRACING } from '../../../../src/ports/tracing.ts';
import { decoder } from '../quarantine-place.ts';
import { ordersOn } from './parts.ts';
import { testServer } from './test-server.ts';

const TOPICS = ['order_events', 'payment_events'];
const CREATED = { orderId: 'a', orderStatus: 'CREATED', timestamp: '2026-05-01T00:00:00Z' };

const post = (payload: object): InjectOptions => ({ method: 'POST', payload });

/** A server that publishes on an embedded log with one partition for each topic. */
async function trialServer() {
  const dataDir = await mkdtemp(join(tmpdir(), 'tributary-trial-'));
  const log = openEmbeddedLog({ dataDir, clock: systemClock });
  await log.createTopics(TOPICS.map((topic) => ({ topic, partitions: 1 })));
  const eventTypes = knownEventTypes(ordersOn('order_events'));
  const trial = new Trial({ log, clock: systemClock, tracing: NO_TRACING, decoder, eventTypes });
  onTestFinished(async () => {
    await trial.close();
    await log.close();
    await rm(dataDir, { recursive: true });
  });
  const { ask } = await testServer([], { trial });
  const ends = async () =>
    Object.fromEntries(
      (await log.peek(TOPICS.map((topic) => ({ topic, partition: 0, offset: 0n })))).map((each) => [
        each.topic,
        each.kind === 'peeked' ? each : null,
      ]),
    );
  return { ask, ends };
}

describe('the schemas of events', () => {
  it('list each type of the domain with its topic and the JSON Schema of its body', async () => {
    const eventTypes = knownEventTypes(ordersOn('orders-eu'));
    const { ask } = await testServer([], { eventTypes });
    const { body } = await ask('/api/v1/event-schemas');
    expect(body.data).toMatchObject([
      { eventType: 'ORDER', topic: 'orders-eu', schema: { required: expect.arrayContaining(['orderId']) } },
      { eventType: 'PAYMENT', topic: 'payment_events', schema: { type: 'object' } },
    ]);
  });
});

describe('trying events', () => {
  it('publishes them as event-producer does, and says where they are', async () => {
    const { ask, ends } = await trialServer();
    const { status, body } = await ask(
      '/api/v1/try',
      post({
        events: [
          { eventType: 'ORDER', body: CREATED, eventId: 'first' },
          {
            eventType: 'PAYMENT',
            body: {
              eventType: 'PAYMENT',
              orderId: 'a',
              paymentStatus: 'PAYMENT_AUTHORIZED',
              timestamp: '2026-05-01T00:00:01Z',
              eventId: 'of-the-body',
            },
          },
          { eventType: 'ORDER', body: { ...CREATED, orderId: 'b' } },
        ],
      }),
    );
    expect(status).toBe(202);
    expect(body.published).toEqual([
      { eventId: 'first', orderId: 'a', topic: 'order_events', partition: 0, offset: '0' },
      { eventId: 'of-the-body', orderId: 'a', topic: 'payment_events', partition: 0, offset: '0' },
      {
        eventId: expect.stringMatching(/^[0-9a-f-]{36}$/),
        orderId: 'b',
        topic: 'order_events',
        partition: 0,
        offset: '1',
      },
    ]);
    expect(await ends()).toMatchObject({
      order_events: { endOffset: 2n },
      payment_events: { endOffset: 1n },
    });
    expect((await ask('/api/v1/access')).body.tryIt).toBe(true);
  });

  it.each([
    ['an unknown type', { eventType: 'REFUND', body: CREATED }, '/events/1/eventType', /ORDER, PAYMENT/],
    [
      'a missing field',
      { eventType: 'ORDER', body: { orderId: 'a' } },
      '/events/1/body/timestamp',
      /missing/,
    ],
    [
      'a wrong value',
      { eventType: 'ORDER', body: { ...CREATED, orderStatus: 'GONE' } },
      '/events/1/body/orderStatus',
      /allowed/,
    ],
    [
      'another type in the body',
      { eventType: 'PAYMENT', body: { ...CREATED, eventType: 'ORDER' } },
      '/events/1/body/eventType',
      /constant/,
    ],
    [
      'a moment that is none',
      { eventType: 'ORDER', body: { ...CREATED, timestamp: 'soon' } },
      '/events/1',
      /timestamp/,
    ],
    ['the key of another order', { eventType: 'ORDER', body: CREATED, key: 'b' }, '/events/1', /key/],
  ])('publishes nothing if one event has %s', async (_fault, event, pointer, detail) => {
    const { ask, ends } = await trialServer();
    const { status, body } = await ask(
      '/api/v1/try',
      post({ events: [{ eventType: 'ORDER', body: CREATED }, event] }),
    );
    expect({ status, code: body.code }).toEqual({ status: 400, code: 'event_invalid' });
    expect(body.errors).toContainEqual({ pointer, detail: expect.stringMatching(detail) });
    expect(await ends()).toMatchObject({ order_events: { endOffset: 0n } });
  });

  it.each([
    {},
    { events: [] },
    { events: [{ eventType: 'ORDER' }] },
    { events: [{ eventType: 1, body: {} }] },
  ])('refuses the body %j', async (payload) => {
    const { ask } = await trialServer();
    expect(await ask('/api/v1/try', post(payload))).toMatchObject({
      status: 400,
      body: { code: 'body_invalid', errors: [{ pointer: expect.stringMatching(/^\/events/) }] },
    });
  });

  it('answers where it is off with the setting that turns it on, whatever the body is', async () => {
    const { ask } = await testServer([]);
    for (const payload of [{}, { events: [{ eventType: 'ORDER', body: CREATED }] }])
      expect(await ask('/api/v1/try', post(payload))).toMatchObject({
        status: 404,
        body: { code: 'try_off', detail: expect.stringContaining('ORDER_SYNC_TRY') },
      });
    expect((await ask('/api/v1/access')).body.tryIt).toBe(false);
  });
});
