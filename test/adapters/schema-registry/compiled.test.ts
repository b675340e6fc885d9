import avro from 'avsc';
import protobuf from 'protobufjs';
import { describe, expect, it } from 'vitest';
import { compileAvro } from '../../../src/adapters/schema-registry/avro.ts';
import { compileProtobuf } from '../../../src/adapters/schema-registry/protobuf.ts';

const record = (...fields: object[]) =>
  JSON.stringify({ type: 'record', name: 'Order', namespace: 'shop', fields });

/** The value of one field, written as `bare` says and read as `type` says. */
function avroValue(type: unknown, bare: unknown, value: unknown): unknown {
  const writer = avro.Type.forSchema(JSON.parse(record({ name: 'x', type: bare })));
  const read = compileAvro(record({ name: 'x', type }), []).read(writer.toBuffer({ x: value }));
  return (read.value as { x: unknown }).x;
}

const logical = (type: string, logicalType: string, more = {}) => ({ type, logicalType, ...more });

describe('an Avro schema', () => {
  it.each([
    [
      'a time in milliseconds',
      logical('long', 'timestamp-millis'),
      'long',
      1_718_000_000_123,
      '2024-06-10T06:13:20.123Z',
    ],
    [
      'a time in microseconds',
      logical('long', 'timestamp-micros'),
      'long',
      1_718_000_000_123_456,
      '2024-06-10T06:13:20.123456Z',
    ],
    ['a time before 1970', logical('long', 'timestamp-millis'), 'long', -1, '1969-12-31T23:59:59.999Z'],
    [
      'a local time',
      logical('long', 'local-timestamp-millis'),
      'long',
      1_718_000_000_123,
      '2024-06-10T06:13:20.123',
    ],
    ['a date', logical('int', 'date'), 'int', 19_884, '2024-06-10'],
    [
      'a decimal',
      logical('bytes', 'decimal', { precision: 9, scale: 2 }),
      'bytes',
      Buffer.from('04d2', 'hex'),
      '12.34',
    ],
    [
      'a decimal below zero',
      logical('bytes', 'decimal', { precision: 9, scale: 2 }),
      'bytes',
      Buffer.from('ff', 'hex'),
      '-0.01',
    ],
    [
      'a decimal of no bytes',
      logical('bytes', 'decimal', { precision: 9, scale: 2 }),
      'bytes',
      Buffer.alloc(0),
      '0.00',
    ],
    [
      'a decimal without a fraction',
      logical('bytes', 'decimal', { precision: 4 }),
      'bytes',
      Buffer.from('04d2', 'hex'),
      '1234',
    ],
    ['bytes', 'bytes', 'bytes', Buffer.from([1, 2]), 'AQI='],
    ['a double', 'double', 'double', 1.5, 1.5],
    ['a double that JSON has no number for', 'double', 'double', Number.NaN, 'NaN'],
    ['an absent value', ['null', 'string'], ['null', 'string'], null, null],
    ['a value of a union', ['null', 'string'], ['null', 'string'], 'a', 'a'],
    [
      'an enum',
      { type: 'enum', name: 'S', symbols: ['CREATED'] },
      { type: 'enum', name: 'S', symbols: ['CREATED'] },
      'CREATED',
      'CREATED',
    ],
    ['a map', { type: 'map', values: 'int' }, { type: 'map', values: 'int' }, { a: 1 }, { a: 1 }],
    ['an array', { type: 'array', items: 'string' }, { type: 'array', items: 'string' }, ['a'], ['a']],
  ])('reads %s', (_name, type, bare, value, expected) => {
    expect(avroValue(type, bare, value)).toEqual(expected);
  });

  it('reads a long with all its digits', () => {
    expect(avroValue('long', 'bytes', Buffer.alloc(0))).toBe(0n);
    const payload = Buffer.from('feffffffffffffffff01', 'hex');
    expect(compileAvro(record({ name: 'x', type: 'long' }), []).read(payload).value).toEqual({
      x: 9_223_372_036_854_775_807n,
    });
  });

  it('reads nanoseconds with all their digits, also in a union', () => {
    const nanos = logical('long', 'timestamp-nanos');
    const value = 1_718_000_000_123_456_789n;
    let zigzag = value * 2n;
    const bytes: number[] = [];
    for (; zigzag >= 0x80n; zigzag >>= 7n) bytes.push(Number(zigzag & 0x7fn) | 0x80);
    bytes.push(Number(zigzag));
    const schema = record({ name: 'a', type: nanos }, { name: 'b', type: ['null', nanos] });
    expect(compileAvro(schema, []).read(Buffer.from([...bytes, 2, ...bytes])).value).toEqual({
      a: '2024-06-10T06:13:20.123456789Z',
      b: '2024-06-10T06:13:20.123456789Z',
    });
  });

  it('reads the one of several records that is there, without its name', () => {
    const made = { type: 'record', name: 'Made', fields: [{ name: 'a', type: 'int' }] };
    const paid = { type: 'record', name: 'Paid', fields: [{ name: 'b', type: 'int' }] };
    expect(avroValue([made, paid], [made, paid], { 'shop.Paid': { b: 1 } })).toEqual({ b: 1 });
  });

  it('knows the schemas that it refers to', () => {
    const line = JSON.stringify({
      type: 'record',
      name: 'Line',
      namespace: 'shop',
      fields: [{ name: 'sku', type: 'string' }],
    });
    const compiled = compileAvro(record({ name: 'line', type: 'shop.Line' }), [line]);
    expect(compiled.title).toBe('Avro shop.Order');
    expect(compiled.read(Buffer.from('0261', 'hex')).value).toEqual({ line: { sku: 'a' } });
  });

  it.each([
    ['a cut value', record({ name: 'x', type: 'string' }), '0a61'],
    ['bytes behind the value', record({ name: 'x', type: 'string' }), '026161'],
    ['a branch that is none', record({ name: 'x', type: ['null', 'string'] }), '08'],
  ])('refuses %s', (_name, schema, hex) => {
    expect(() => compileAvro(schema, []).read(Buffer.from(hex, 'hex'))).toThrow();
  });

  it.each([
    ['null', 'null'],
    ['a record of nulls', { type: 'record', name: 'Empty', fields: [{ name: 'n', type: 'null' }] }],
    ['nothing', { type: 'fixed', name: 'Nothing', size: 0 }],
  ])('refuses an array of items that take no bytes: %s', (_name, items) => {
    expect(() => compileAvro(record({ name: 'x', type: { type: 'array', items } }), [])).toThrow(
      'take no bytes',
    );
  });

  it('refuses a value that is nested more than 128 times', () => {
    const schema = record({ name: 'x', type: ['null', 'shop.Order'] });
    const nested = (times: number) => Buffer.concat([Buffer.alloc(times, 2), Buffer.from([0])]);
    expect(() => compileAvro(schema, []).read(nested(100))).not.toThrow();
    expect(() => compileAvro(schema, []).read(nested(200))).toThrow('nested too deeply');
    expect(() => compileAvro(schema, []).read(nested(2_000_000))).toThrow();
  });

  it.each(['__proto__', 'constructor', 'toString', 'unwrap'])('keeps a field of the name %s', (name) => {
    const fields = [
      { name, type: { type: 'record', name: 'Inner', fields: [{ name, type: 'string' }] } },
      { name: '__proto___', type: 'string' },
    ];
    const compiled = compileAvro(JSON.stringify({ type: 'record', name: 'Odd', fields }), []);
    const { value } = compiled.read(Buffer.from('02780279', 'hex'));
    expect(JSON.stringify(value)).toBe(`{"${name}":{"${name}":"x"},"__proto___":"y"}`);
  });

  it('refuses a schema that is no JSON', () => {
    expect(() => compileAvro('{', [])).toThrow();
  });
});

const PROTO = `syntax = "proto3";
package shop.v1;
import "google/protobuf/timestamp.proto";
import "shop/line.proto";
message Other { map<string, int32> counts = 1; message First { string a = 1; } message Second { string b = 1; } }
enum OrderStatus { ORDER_STATUS_UNSPECIFIED = 0; ORDER_STATUS_CREATED = 1; }
message Order {
  string order_id = 1;
  OrderStatus order_status = 2;
  google.protobuf.Timestamp timestamp = 3;
  int64 revision = 4;
  optional string note = 5;
  repeated shop.v1.Line lines = 6;
}`;
const LINE = `syntax = "proto3"; package shop.v1; message Line { string sku = 1; }`;
const REFERENCES = [{ name: 'shop/line.proto', schema: LINE }];

/** The bytes of a message of PROTO, behind the place of its type. */
function written(indexes: readonly number[], type: string, value: object): Buffer {
  const root = new protobuf.Root();
  const common = protobuf.common.get('google/protobuf/timestamp.proto');
  if (common?.nested !== undefined) root.addJSON(common.nested);
  protobuf.parse(LINE, root);
  protobuf.parse(PROTO, root);
  const message = root.lookupType(type);
  const writer = new protobuf.Writer();
  if (indexes.length === 1 && indexes[0] === 0) writer.sint32(0);
  else {
    writer.sint32(indexes.length);
    for (const index of indexes) writer.sint32(index);
  }
  return Buffer.concat([writer.finish(), message.encode(message.fromObject(value)).finish()]);
}

describe('a Protobuf schema', () => {
  const compiled = compileProtobuf(PROTO, REFERENCES);

  it('reads the message that the prefix names, in the JSON form of Protobuf', () => {
    const value = {
      orderId: 'a',
      orderStatus: 1,
      timestamp: { seconds: 1_718_000_000, nanos: 123_000_000 },
      revision: 7,
      lines: [{ sku: 'x' }],
    };
    expect(compiled.read(written([1], 'shop.v1.Order', value))).toEqual({
      hasTextNumbers: true,
      value: {
        orderId: 'a',
        orderStatus: 'ORDER_STATUS_CREATED',
        timestamp: '2024-06-10T06:13:20.123Z',
        revision: '7',
        lines: [{ sku: 'x' }],
      },
    });
  });

  it.each([
    [[0], 'shop.v1.Other', { counts: { a: 1 } }],
    [[0, 0], 'shop.v1.Other.First', { a: 'x' }],
    [[0, 1], 'shop.v1.Other.Second', { b: 'x' }],
  ] as const)('finds the message at the place %j', (indexes, type, value) => {
    expect(compiled.read(written(indexes, type, value)).value).toEqual(value);
  });

  it('takes a value without a place for the first message', () => {
    const first = written([0], 'shop.v1.Other', { counts: { a: 1 } }).subarray(1);
    expect(compiled.read(first).value).toEqual({ counts: { a: 1 } });
  });

  it.each([
    ['a place without a message', '020800'],
    ['more places than messages can have', `80${'01'}`],
    ['a cut value', '02020a05'],
    ['no bytes', ''],
  ])('refuses %s', (_name, hex) => {
    expect(() => compiled.read(Buffer.from(hex, 'hex'))).toThrow();
  });

  it('says which import is missing', () => {
    expect(() => compileProtobuf(PROTO, [])).toThrow(
      'it imports shop/line.proto, which is not among its references',
    );
  });
});
