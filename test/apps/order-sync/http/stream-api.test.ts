import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { buildServer } from '../../../../src/apps/order-sync/http/server.ts';
import type { ServerParts } from '../../../../src/apps/order-sync/http/server-parts.ts';
import { STATUS_SCHEMA } from '../../../../src/apps/order-sync/http/status-schemas.ts';
import {
  CHANGES_SCHEMA,
  RESET_SCHEMA,
  STREAMED_DELIVERY_SCHEMA,
} from '../../../../src/apps/order-sync/http/stream-schemas.ts';
import { closeServer } from '../../../../src/apps/shared/http/listen.ts';
import { reportOf } from '../../../../src/pipeline/status/report.ts';
import type { NewRecord } from '../../../../src/ports/event-log.ts';
import { StreamReader } from '../../../helpers/event-stream.ts';
import { QUIET, shared } from '../../../pipeline/status/fake-parts.ts';
import { created, paid, SyncPlace } from '../../../pipeline/sync-place.ts';
import { OpenApiDocument } from '../../shared/http/openapi-document.ts';
import { UNUSED_PARTS } from './parts.ts';

const AUTHORIZED = 'PAYMENT_AUTHORIZED';

/** The HTTP API of a running order-sync with an embedded log, on a port of its own. */
async function running(parts: Partial<ServerParts> = {}) {
  const place = await SyncPlace.make();
  await place.makeTopics();
  await place.sync().start();
  let appended = 0;
  const app = buildServer({
    ...UNUSED_PARTS,
    store: place.opened,
    log: place.log,
    report: async () => reportOf(shared(), QUIET),
    ...parts,
  });
  onTestFinished(() => closeServer(app));
  const address = await app.listen({ host: '127.0.0.1', port: 0 });
  return {
    place,
    app,
    address,
    url: `${address}/api/v1/stream`,
    /** Appends the records, and waits until they are journaled or in quarantine. */
    async journal(...records: NewRecord[]) {
      await place.append(...records);
      appended += records.length;
      await vi.waitFor(async () => {
        const { journaledEvents, quarantined } = await place.store.counts();
        expect(journaledEvents + quarantined).toBe(appended);
      });
    },
  };
}

/** Resolves once the client has the position at which it begins. */
async function listenTo(url: string, lastEventId?: string): Promise<StreamReader> {
  const reader = await StreamReader.open(url, lastEventId);
  await reader.until(() => reader.lastId !== '');
  return reader;
}

const orderIds = (reader: StreamReader): string[] =>
  reader.dataOf('changes').flatMap(({ orders }) => orders.map(({ orderId }: { orderId: string }) => orderId));

describe('GET /api/v1/stream', () => {
  it('sends the status, and the events that are journaled from now on, beside a refused record', async () => {
    const { journal, url } = await running();
    await journal(created('before'));
    const reader = await listenTo(url);
    await reader.until(() => reader.dataOf('status').length === 1);
    expect(reader.dataOf('status')[0]).toMatchObject({ verdict: 'ok' });
    const refused = { topic: 'order_events', key: Buffer.from('x'), value: Buffer.from('{'), headers: [] };
    await journal(created('a'), paid('a', AUTHORIZED, 1), refused);
    await reader.until(() => reader.dataOf('changes').reduce((sum, { records }) => sum + records, 0) === 3);
    expect(orderIds(reader)).toEqual(['a', 'a']);
    expect(reader.dataOf('changes').reduce((sum, { more }) => sum + more, 0)).toBe(1);
    expect(reader.dataOf('changes')[0].orders[0]).toEqual({
      orderId: 'a',
      eventType: 'ORDER',
      eventId: expect.any(String),
      occurredAt: '2025-04-05T02:26:00.000Z',
      topic: 'order_events',
      partition: expect.any(Number),
      offset: expect.stringMatching(/^\d+$/),
    });
  });

  it('goes on behind Last-Event-ID, so that a client that comes back misses nothing', async () => {
    const { journal, url } = await running();
    const first = await listenTo(url);
    await journal(created('a'));
    await first.until(() => orderIds(first).length === 1);
    first.leave();
    await journal(created('b'), created('c'));
    const second = await StreamReader.open(url, first.lastId);
    await second.until(() => orderIds(second).length === 2);
    expect(orderIds(second).sort()).toEqual(['b', 'c']);
    expect(second.dataOf('reset')).toEqual([]);
  });

  it('tells a client with an unknown Last-Event-ID to look at everything again', async () => {
    const { url, journal } = await running();
    await journal(created('a'));
    const reader = await listenTo(url, 'nobody-made-this');
    await reader.until(() => reader.dataOf('reset').length === 1);
    expect(reader.dataOf('reset')).toEqual([{ reason: 'position_unknown' }]);
  });

  it('sends all events and each delivery of the orders that are asked for, and none of others', async () => {
    const { journal, url } = await running();
    await journal(created('a'), paid('a', AUTHORIZED, 1));
    const reader = await listenTo(`${url}?order=a&order=b`);
    await reader.until(() => reader.dataOf('delivery').some(({ status }) => status === 'delivered'));
    await journal(created('b'), created('c'), paid('b', AUTHORIZED, 1));
    await reader.until(() =>
      reader.dataOf('delivery').some(({ entityId, status }) => entityId === 'b' && status === 'delivered'),
    );
    await reader.until(() => orderIds(reader).length === 2);
    expect(orderIds(reader)).toEqual(['b', 'b']);
    expect(reader.dataOf('delivery').at(-1)).toEqual({
      target: 'order-mgt',
      entityId: 'b',
      status: 'delivered',
      dueVersion: 2,
      deliveredVersion: 2,
      attempts: expect.any(Number),
      dueSince: expect.any(String),
      nextAttemptAt: null,
      lastStatus: 200,
      lastError: null,
      lastAnswer: null,
    });
  });

  it('sends data that fits the schemas of the OpenAPI document', async () => {
    const { app, journal, url } = await running();
    const { body } = await app.inject({ url: '/openapi.json' });
    const document = new OpenApiDocument(JSON.parse(body));
    const schemas = {
      status: STATUS_SCHEMA,
      changes: CHANGES_SCHEMA,
      delivery: STREAMED_DELIVERY_SCHEMA,
      reset: RESET_SCHEMA,
    };
    const reader = await listenTo(`${url}?order=a`, 'unknown');
    await journal(created('a'), paid('a', AUTHORIZED, 1));
    for (const [event, { description: _, ...schema }] of Object.entries<object & { description?: string }>(
      schemas,
    )) {
      await reader.until(() => reader.dataOf(event).length > 0);
      const validate = document.compile(schema);
      for (const data of reader.dataOf(event))
        expect([validate(data), validate.errors], event).toEqual([true, null]);
    }
  });

  it('refuses more than 20 orders, an id that no order can have, and parts that it does not know', async () => {
    const { app } = await running();
    const many = Array.from({ length: 21 }, (_, index) => `order=${index}`).join('&');
    for (const query of [many, 'order=', `order=${'x'.repeat(256)}`, 'limit=1']) {
      const answer = await app.inject({ url: `/api/v1/stream?${query}` });
      expect([answer.statusCode, answer.json().code], query).toEqual([400, 'question_invalid']);
    }
    const most = Array.from({ length: 20 }, (_, index) => `order=${index}`).join('&');
    expect((await app.inject({ method: 'HEAD', url: `/api/v1/stream?${most}` })).statusCode).toBe(200);
  });

  it('refuses a client without a key before the stream begins', async () => {
    const { app } = await running({ access: [] });
    const answer = await app.inject({ url: '/api/v1/stream' });
    expect([answer.statusCode, answer.json().code]).toEqual([401, 'api_key_missing']);
  });

  it('answers HEAD with the headers alone', async () => {
    const { url } = await running();
    const answer = await fetch(url, { method: 'HEAD' });
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'text/event-stream']);
  });

  it('ends its responses when the server stops', async () => {
    const { app, url } = await running();
    const reader = await listenTo(url);
    await app.close();
    await reader.until(() => reader.isEnded);
  });
});
