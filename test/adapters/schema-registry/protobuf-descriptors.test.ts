import protobuf from 'protobufjs';
import { describe, expect, it } from 'vitest';
import { compileProtobuf } from '../../../src/adapters/schema-registry/protobuf.ts';

/*
 * What protoc makes of
 *   syntax = "proto3"; package shop; import "google/protobuf/timestamp.proto";
 *   enum Status { STATUS_UNSPECIFIED = 0; STATUS_CREATED = 1; }
 *   message Other { string name = 1; message Inner { int64 count = 1; } }
 *   message Order { string order_id = 1; Status order_status = 2; google.protobuf.Timestamp timestamp = 3;
 *                   optional int64 revision = 4; }
 */
const DESCRIPTOR =
  'CgtzbWFsbC5wcm90bxIEc2hvcBofZ29vZ2xlL3Byb3RvYnVmL3RpbWVzdGFtcC5wcm90byI6CgVPdGhlchISCgRuYW1lGAEgASgJUgRuYW1lGh0KBUlu' +
  'bmVyEhQKBWNvdW50GAEgASgDUgVjb3VudCK7AQoFT3JkZXISGQoIb3JkZXJfaWQYASABKAlSB29yZGVySWQSLwoMb3JkZXJfc3RhdHVzGAIgASgOMgwu' +
  'c2hvcC5TdGF0dXNSC29yZGVyU3RhdHVzEjgKCXRpbWVzdGFtcBgDIAEoCzIaLmdvb2dsZS5wcm90b2J1Zi5UaW1lc3RhbXBSCXRpbWVzdGFtcBIfCghy' +
  'ZXZpc2lvbhgEIAEoA0gAUghyZXZpc2lvbogBAUILCglfcmV2aXNpb24qNAoGU3RhdHVzEhYKElNUQVRVU19VTlNQRUNJRklFRBAAEhIKDlNUQVRVU19D' +
  'UkVBVEVEEAFiBnByb3RvMw==';

const ORDER = {
  orderId: 'a',
  orderStatus: 'STATUS_CREATED',
  timestamp: '2024-06-10T06:13:20.123Z',
  revision: '7',
};

/** The bytes of ORDER as a message, behind the place of its type. */
function order(place: string): Buffer {
  const writer = new protobuf.Writer();
  writer.uint32(10).string('a').uint32(16).int32(1).uint32(26).fork();
  writer.uint32(8).int64(1_718_000_000).uint32(16).int32(123_000_000).ldelim().uint32(32).int64(7);
  return Buffer.concat([Buffer.from(place, 'hex'), writer.finish()]);
}

describe('a Protobuf schema that a client has registered as a descriptor in base64', () => {
  it('reads messages with the names of the .proto file', () => {
    const compiled = compileProtobuf(DESCRIPTOR, []);
    expect(compiled.read(order('0202')).value).toEqual(ORDER);
    expect(compiled.read(Buffer.from('04000008'.concat('05'), 'hex')).value).toEqual({ count: '5' });
  });

  it('takes what it imports from references, as descriptors or as texts', () => {
    const text = 'syntax = "proto3"; package shop; import "small.proto"; message Bag { Order first = 1; }';
    const compiled = compileProtobuf(text, [{ name: 'small.proto', schema: DESCRIPTOR }]);
    const inner = order('');
    const bag = Buffer.concat([Buffer.from([0, 10, inner.length]), inner]);
    expect(compiled.read(bag).value).toEqual({ first: ORDER });
    expect(() => compileProtobuf(text, [])).toThrow('it imports small.proto');
  });

  it.each(['AAAA', 'Cg==', 'x'.repeat(64)])('refuses base64 that is no descriptor: %s', (text) => {
    expect(() => compileProtobuf(text, []).read(order('0202'))).toThrow();
  });
});

describe("the message's place in plain varints, as older clients write it", () => {
  const compiled = compileProtobuf(DESCRIPTOR, []);

  it('differs from one in zigzag varints by its odd length', () => {
    expect(compiled.read(order('0101')).value).toEqual(ORDER);
    expect(compiled.read(Buffer.from([1, 0, 10, 1, 0x61])).value).toEqual({ name: 'a' });
  });

  it('refuses a place without a message', () => {
    expect(() => compiled.read(order('0107'))).toThrow('the file has no message at the place 7');
  });
});
