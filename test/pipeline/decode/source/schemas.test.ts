import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import avro from 'avsc';
import protobuf from 'protobufjs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openValueSchemas } from '../../../../src/adapters/schema-registry/index.ts';
import type { SourceOptions } from '../../../../src/pipeline/decode/source/options.ts';
import { AVRO_ORDER, PROTO_ORDER } from '../../../adapters/schema-registry/registry.ts';
import { ORDER_SOURCE, ordersDecoder, recordOf } from '../records.ts';

/** A decoder of records behind a prefix, whose schemas are in a folder. */
function decoderWith(options: SourceOptions = {}) {
  const path = mkdtempSync(join(tmpdir(), 'tributary-source-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  writeFileSync(join(path, '7.avsc'), AVRO_ORDER);
  writeFileSync(join(path, '8.proto'), PROTO_ORDER);
  writeFileSync(join(path, '9.avsc'), '"string"');
  writeFileSync(join(path, '10.json'), '{}');
  const schemas = openValueSchemas({ clock: { now: () => 0 }, folder: { path, settingName: 'FOLDER' } });
  const source = { kind: 'schema-registry', ...options } as const;
  return ordersDecoder({ schemas, sources: { [ORDER_SOURCE.topic]: source } });
}

/** The event of the record, or its reason and detail. */
async function read(options: SourceOptions, parts: Parameters<typeof recordOf>[0]) {
  const decoder = decoderWith(options);
  const record = recordOf(parts);
  await decoder.prepare([record], ORDER_SOURCE.topic);
  const decoded = decoder.decode(record, ORDER_SOURCE, 7);
  return decoded.kind === 'event' ? decoded.event : `${decoded.record.reason}: ${decoded.record.detail}`;
}

const framed = (id: number, payload: Uint8Array | string) =>
  Buffer.concat([Buffer.from([0, 0, 0, 0, id]), Buffer.from(payload)]);

const ORDER = {
  eventType: 'ORDER',
  orderId: 'order123',
  orderStatus: 'CREATED',
  timestamp: 1_743_820_000_123,
  revision: 3,
};
// The times are written as plain longs.
const AVRO = avro.Type.forSchema(JSON.parse(AVRO_ORDER.replace(/,"logicalType":"[^"]*"/, '')));

function protoOrder(value: object): Buffer {
  const root = new protobuf.Root();
  const common = protobuf.common.get('google/protobuf/timestamp.proto');
  if (common?.nested !== undefined) root.addJSON(common.nested);
  protobuf.parse(PROTO_ORDER, root);
  const type = root.lookupType('shop.Order');
  return Buffer.concat([Buffer.from([0]), type.encode(type.fromObject(value)).finish()]);
}

const PROTO = {
  orderId: 'order123',
  orderStatus: 1,
  timestamp: { seconds: 1_743_820_000, nanos: 123_000_000 },
  revision: 3,
};
const PROTO_OPTIONS: SourceOptions = {
  type: 'ORDER',
  values: new Map([['ORDER_STATUS_CREATED', 'CREATED']]),
};

describe('a source behind schemas', () => {
  it('makes an event of an Avro record, and the journal keeps it as JSON', async () => {
    expect(await read({}, { value: framed(7, AVRO.toBuffer(ORDER)) })).toMatchObject({
      entityId: 'order123',
      revision: 3,
      occurredAtMs: ORDER.timestamp,
      data: '{"eventType":"ORDER","orderId":"order123","orderStatus":"CREATED","timestamp":"2025-04-05T02:26:40.123Z","revision":3}',
    });
  });

  it('takes null of a union as absent', async () => {
    const value = framed(7, AVRO.toBuffer({ ...ORDER, revision: null }));
    expect(await read({}, { value })).toMatchObject({ revision: null });
  });

  it('makes an event of a Protobuf message, with the names and numbers of the domain', async () => {
    const value = framed(8, protoOrder(PROTO));
    expect(await read(PROTO_OPTIONS, { value })).toMatchObject({
      entityId: 'order123',
      eventType: 'ORDER',
      revision: 3,
      occurredAtMs: ORDER.timestamp,
    });
    expect(await read({ type: 'ORDER' }, { value })).toMatch(/^value_unknown: /);
    expect(await read({ values: PROTO_OPTIONS.values as never }, { value })).toMatch(/^event_type_missing: /);
  });

  it('reads JSON by its schema, and JSON without a prefix', async () => {
    const json = JSON.stringify({ ...ORDER, timestamp: '2025-04-05T02:26:40Z' });
    expect(await read({}, { value: framed(10, json) })).toMatchObject({ entityId: 'order123' });
    expect(await read({}, { value: json })).toMatchObject({ entityId: 'order123' });
  });

  it('reads the key behind its own schema', async () => {
    const value = framed(7, AVRO.toBuffer(ORDER));
    const key = (id: string) => framed(9, avro.Type.forSchema('string').toBuffer(id));
    expect(await read({}, { key: key('order123'), value })).toMatchObject({ entityId: 'order123' });
    expect(await read({}, { key: key('order124'), value })).toMatch(/^key_/);
  });

  it.each([
    ['an id that nobody knows', framed(99, 'x'), 'schema_unknown: The folder of schemas has no schema 99.'],
    [
      'bytes of another form',
      framed(7, 'x'),
      'schema_mismatch: The bytes behind the prefix are no value of the schema 7 (Avro shop.Order).',
    ],
    ['no prefix', Buffer.from([5, 6, 7]), 'binary_format: '],
  ])('refuses %s', async (_name, value, refusal) => {
    expect(await read({}, { value })).toContain(refusal);
  });

  it('waits for no schema of topics that have none', () => {
    const decoder = decoderWith();
    expect(decoder.prepare([recordOf({ value: framed(7, 'x') })], 'payments.v1')).toBeNull();
    expect(decoder.prepare([recordOf({})], ORDER_SOURCE.topic)).toBeNull();
    expect(ordersDecoder().prepare([recordOf({ value: framed(7, 'x') })], ORDER_SOURCE.topic)).toBeNull();
  });
});

describe('a source of Kafka Connect whose converter writes behind schemas', () => {
  const text = avro.Type.forSchema('string');
  const JSON_ORDER = JSON.stringify({ ...ORDER, timestamp: '2025-04-05T02:26:40.123Z' });
  const asText = framed(9, text.toBuffer(JSON_ORDER));
  const key = framed(9, text.toBuffer('order123'));

  it.each([
    ['schema-registry', null],
    ['connect-json', null],
    ['debezium-outbox', 'event-1'],
  ] as const)('makes an event of a text with JSON in it: %s', async (kind, eventId) => {
    const headers = [['id', 'event-1']] as const;
    const event = { data: JSON_ORDER, ...(eventId === null ? {} : { eventId }) };
    expect(await read({ kind }, { key, value: asText, headers })).toMatchObject(event);
  });

  it('makes events of an outbox whose payload is a record, with the id in the header', async () => {
    const value = framed(7, AVRO.toBuffer(ORDER));
    const outbox = { kind: 'debezium-outbox' } as const;
    expect(await read(outbox, { key, value, headers: [['id', 'event-1']] })).toMatchObject({
      entityId: 'order123',
      eventId: 'event-1',
      occurredAtMs: ORDER.timestamp,
    });
    expect(await read(outbox, { key, value })).toMatch(/^source_mismatch: .* no header id/);
    expect(await read(outbox, { value: framed(99, 'x'), headers: [['id', 'event-1']] })).toMatch(
      /^schema_unknown: /,
    );
  });

  it('makes events of change events', async () => {
    const change = { op: 'c', before: null, after: { id: 'event-1', payload: JSON_ORDER }, source: {} };
    const json = framed(10, JSON.stringify(change));
    expect(await read({ kind: 'debezium-table' }, { key, value: json })).toMatchObject({
      eventId: 'event-1',
      data: JSON_ORDER,
    });
  });

  it('reads JSON behind a prefix without any schemas', () => {
    const decoder = ordersDecoder({ sources: { [ORDER_SOURCE.topic]: { kind: 'debezium-outbox' } } });
    const record = (value: Buffer) => recordOf({ value, headers: [['id', 'event-1']] });
    expect(decoder.decode(record(framed(10, JSON_ORDER)), ORDER_SOURCE, 7)).toMatchObject({
      event: { eventId: 'event-1' },
    });
    expect(decoder.decode(record(asText), ORDER_SOURCE, 7)).toMatchObject({
      record: { reason: 'schema_registry_prefix' },
    });
  });
});

describe('a source whose serializer names the schemas in headers', () => {
  const text = avro.Type.forSchema('string');
  const value = AVRO.toBuffer(ORDER);
  const id = (number: number) => Buffer.from([0, 0, 0, 0, 0, 0, 0, number]);
  const GUID = 'b26b3bd5-3fc2-4d1c-8a3f-0c9ab3a0e4f1';

  it.each([
    ['apicurio.value.contentId', id(7)],
    ['apicurio.value.globalId', id(7)],
    ['__value_schema_id', Buffer.from([0, 0, 0, 0, 7])],
  ])('reads the value by the schema that the header %s names', async (name, schema) => {
    const headers = [
      ['id', 'event-1'],
      [name, schema],
    ] as const;
    for (const kind of ['schema-registry', 'debezium-outbox'] as const)
      expect(await read({ kind }, { value, headers })).toMatchObject({ occurredAtMs: ORDER.timestamp });
    const json = JSON.stringify({ ...ORDER, timestamp: '2025-04-05T02:26:40.123Z' });
    expect(await read({}, { value: json, headers })).toMatchObject({ occurredAtMs: ORDER.timestamp });
  });

  it('reads the key by the schema of its own header', async () => {
    const headers = [
      ['apicurio.value.contentId', id(7)],
      ['apicurio.key.contentId', id(9)],
    ] as const;
    const key = text.toBuffer('order123');
    expect(await read({}, { key, value, headers })).toMatchObject({ entityId: 'order123' });
    expect(await read({}, { key: text.toBuffer('order12'), value, headers })).toMatch(/^key_/);
  });

  it.each([
    ['apicurio.value.contentId', id(99), 'schema_unknown: The folder of schemas has no schema 99.'],
    ['__value_schema_id', Buffer.from(`01${GUID.replaceAll('-', '')}`, 'hex'), `has no schema ${GUID}.`],
    ['apicurio.value.contentId', Buffer.from([7]), 'The value'],
  ])('refuses a value whose schema nobody knows: %s', async (name, schema, refusal) => {
    expect(await read({}, { value, headers: [[name, schema]] })).toContain(refusal);
  });

  it('names the header when a topic without a source refuses the value', () => {
    const record = recordOf({ value, headers: [['apicurio.value.contentId', id(7)]] });
    expect(ordersDecoder().decode(record, ORDER_SOURCE, 7)).toMatchObject({
      record: {
        reason: 'schema_registry_prefix',
        detail: expect.stringContaining('The header apicurio.value.contentId names a schema of a registry'),
      },
    });
  });
});

describe('a source with other values', () => {
  const body = {
    eventType: 'order',
    orderId: 123,
    orderStatus: 'Created',
    timestamp: '2025-04-05T02:26:40Z',
  };
  const read = (options: SourceOptions, value: object, key = '123') => {
    const decoded = ordersDecoder({ sources: { [ORDER_SOURCE.topic]: options } }).decode(
      recordOf({ key, value }),
      ORDER_SOURCE,
      7,
    );
    return decoded.kind === 'event' ? decoded.event : `${decoded.record.reason}: ${decoded.record.detail}`;
  };
  const values = new Map([
    ['order', 'ORDER'],
    ['Created', 'CREATED'],
  ]);

  it('reads the id as the digits of a number, and values under other names', () => {
    expect(read({ id: 'number', values }, body)).toMatchObject({
      entityId: '123',
      data: '{"eventType":"ORDER","orderId":"123","orderStatus":"CREATED","timestamp":"2025-04-05T02:26:40Z"}',
    });
    expect(read({ values }, body)).toMatch(/^field_type_wrong: .*orderId/);
    expect(read({ id: 'number' }, body)).toMatch(/^event_type_unknown: /);
  });

  it.each([-1, 1.5, true, null])('leaves an id alone that is no whole number: %j', (orderId) => {
    expect(read({ id: 'number', values }, { ...body, orderId })).toMatch(/^field_|^entity_id/);
  });

  it('keeps the digits of an id beyond 2^53', () => {
    const text = JSON.stringify(body).replace('123', '9007199254740993');
    const decoder = ordersDecoder({ sources: { [ORDER_SOURCE.topic]: { id: 'number', values } } });
    const decoded = decoder.decode(recordOf({ key: '9007199254740993', value: text }), ORDER_SOURCE, 7);
    expect(decoded).toMatchObject({ kind: 'event', event: { entityId: '9007199254740993' } });
  });

  it('leaves values of other fields alone', () => {
    const event = read({ id: 'number', values }, { ...body, note: 'Created', customer: 'order' });
    expect(event).toMatchObject({ data: expect.stringContaining('"note":"Created","customer":"order"') });
  });

  it('gives a type to bodies that name none, and to no others', () => {
    const { eventType: _none, ...untyped } = { ...body, orderId: '123', orderStatus: 'CREATED' };
    expect(read({ type: 'ORDER' }, untyped)).toMatchObject({ eventType: 'ORDER' });
    expect(read({ type: 'ORDER' }, { ...untyped, eventType: null })).toMatchObject({ eventType: 'ORDER' });
    expect(read({ type: 'ORDER' }, { ...untyped, eventType: 'OTHER' })).toMatch(/^event_type_unknown: /);
  });
});
