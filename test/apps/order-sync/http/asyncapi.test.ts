import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import { cloudEventHeaders } from '../../../../src/apps/event-producer/publish.ts';
import { knownEventTypes } from '../../../../src/apps/order-sync/event-types.ts';
import { asyncApiDocument } from '../../../../src/apps/order-sync/http/asyncapi.ts';
import { SYNCED_ORDERS } from '../../../../src/apps/shared/settings/synced.ts';
import { parseRfc3339 } from '../../../../src/core/time.ts';
import { ordersOn } from './parts.ts';
import { testServer } from './test-server.ts';

/** The JSON Schema of AsyncAPI itself, as its makers publish it. */
const SPECIFICATION = JSON.parse(
  readFileSync(
    new URL('../../../../node_modules/@asyncapi/specs/schemas/3.1.0-without-$id.json', import.meta.url),
    'utf8',
  ),
);

const eventTypes = knownEventTypes(ordersOn('orders.eu-1'));
const document = JSON.parse(
  JSON.stringify(asyncApiDocument({ synced: SYNCED_ORDERS, eventTypes, group: 'sync-eu' })),
);

/** Finds what a reference of the document names. */
function find(reference: string): unknown {
  return reference
    .replace(/^#\//, '')
    .split('/')
    .reduce<unknown>(
      (place, name) => (place as Record<string, unknown> | undefined)?.[name.replaceAll('~1', '/')],
      document,
    );
}

function referencesIn(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, member]) =>
    name === '$ref' ? [String(member)] : referencesIn(member),
  );
}

/** Judges a part of a message, such as its headers. */
function judgeOf(schema: unknown) {
  const ajv = new Ajv({
    strict: false,
    formats: { 'date-time': (text: string) => parseRfc3339(text) !== null },
  });
  return ajv.compile({ ...(schema as object), components: document.components });
}

describe('/asyncapi.json', () => {
  it('answers the document of the topics', async () => {
    const { ask } = await testServer([], { eventTypes, group: 'sync-eu' });
    expect((await ask('/asyncapi.json')).body).toEqual(document);
  });

  it('holds by the JSON Schema of AsyncAPI 3.1.0 and of the Kafka bindings 0.5.0', () => {
    const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false, logger: false });
    const validate = ajv.compile(SPECIFICATION);
    expect(validate(document), JSON.stringify(validate.errors, null, 1)).toBe(true);
    const wrong = structuredClone(document);
    wrong.channels['orders.eu-1'].bindings.kafka.partitions = 'four';
    expect(validate(wrong)).toBe(false);
  });

  it('gives each topic the messages of its own event types', () => {
    const kinds = Object.values<{ action: string; channel: { $ref: string }; messages: { $ref: string }[] }>(
      document.operations,
    ).map(({ channel, messages }) => [
      channel.$ref.split('/').at(-1),
      [...new Set(messages.map(({ $ref }) => /order|payment/i.exec($ref.split('/').at(-1) ?? '')?.[0]))],
    ]);
    expect(kinds).toEqual([
      ['orders.eu-1', ['ORDER']],
      ['payment_events', ['PAYMENT']],
    ]);
  });

  it('refers only to what it has', () => {
    const references = referencesIn(document);
    expect(references.length).toBeGreaterThan(10);
    expect(references.filter((reference) => find(reference) === undefined)).toEqual([]);
  });

  it('names the topics and the group of the settings', () => {
    expect(Object.keys(document.channels)).toEqual(['orders.eu-1', 'payment_events']);
    expect(document.channels['orders.eu-1'].bindings.kafka).toEqual({
      topic: 'orders.eu-1',
      bindingVersion: '0.5.0',
    });
    for (const operation of Object.values<{ bindings: { kafka: { groupId: object } } }>(document.operations))
      expect(operation.bindings.kafka.groupId).toEqual({ type: 'string', enum: ['sync-eu'] });
  });

  it('describes the headers that event-producer sends, and the envelope with a body inside', () => {
    const { ORDER_cloudevent: binary, ORDER_envelope: structured } = document.components.messages;
    const headers = cloudEventHeaders({
      id: 'e1',
      source: '/source',
      type: 'ORDER',
      time: '2026-05-01T00:00:00Z',
      subject: 'a',
    });
    const texts = Object.fromEntries(headers.map(([name, value]) => [name, String(value)]));
    expect(Object.keys(texts).filter((name) => !(name in binary.headers.properties))).toEqual([]);
    expect(judgeOf(binary.headers)(texts)).toBe(true);
    expect(judgeOf(binary.headers)({ ...texts, ce_specversion: '0.3' })).toBe(false);
    const body = {
      eventType: 'ORDER',
      orderId: 'a',
      orderStatus: 'CREATED',
      timestamp: '2026-05-01T00:00:00Z',
    };
    const envelope = { specversion: '1.0', id: 'e1', source: '/source', type: 'ORDER' };
    const judge = judgeOf(structured.payload);
    expect(judge({ ...envelope, data: body })).toBe(true);
    expect(judge({ ...envelope, data_base64: 'e30=' })).toBe(true);
    expect([judge(envelope), judge({ ...envelope, data: { ...body, orderStatus: 'GONE' } })]).toEqual([
      false,
      false,
    ]);
  });
});
