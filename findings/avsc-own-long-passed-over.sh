#!/bin/sh
# Software: avsc 5.7.9.
#
# A type of one's own for `long`, given in the registry under its name, is used where a schema says "long". It is not used where the
# same type is written as an object, {"type": "long"}, which is the only form that can have a logical type. So the values of one
# record differ in their JavaScript type, and a time of today in nanoseconds is an error although bigints were asked for.
#
# What one may do: give a typeHook that returns the own type for each object whose type is long.
#
# Seen:
#   plain: bigint 7
#   as an object: number 7
#   under a logical type: number 7
#   nanoseconds: Error: potential precision loss
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --no-audit --no-fund --silent avsc@5.7.9
cat > look.js <<'JS'
const avro = require('avsc');
const long = avro.types.LongType.__with({
  fromBuffer: (bytes) => bytes.readBigInt64LE(),
  toBuffer: (value) => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(value);
    return bytes;
  },
  fromJSON: BigInt,
  toJSON: Number,
  isValid: (value) => typeof value === 'bigint',
  compare: (left, right) => (left < right ? -1 : left > right ? 1 : 0),
});
class Seen extends avro.types.LogicalType {
  _fromValue(value) {
    return value;
  }
  _toValue(value) {
    return value;
  }
}
const seven = Buffer.from([14]);
const read = (type, bytes) => {
  const record = { type: 'record', name: 'R', fields: [{ name: 'x', type }] };
  const options = { registry: { long }, logicalTypes: { 'timestamp-nanos': Seen } };
  try {
    const { x } = avro.Type.forSchema(record, options).fromBuffer(bytes);
    return `${typeof x} ${x}`;
  } catch (error) {
    return `Error: ${error.message}`;
  }
};
const varint = (value) => {
  const bytes = [];
  let rest = value * 2n;
  for (; rest >= 128n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return Buffer.from([...bytes, Number(rest)]);
};
const nanos = { type: 'long', logicalType: 'timestamp-nanos' };
console.log(`plain: ${read('long', seven)}`);
console.log(`as an object: ${read({ type: 'long' }, seven)}`);
console.log(`under a logical type: ${read(nanos, seven)}`);
console.log(`nanoseconds: ${read(nanos, varint(1718000000123456789n))}`);
JS
node look.js | tee seen.txt
cat > wanted.txt <<'TEXT'
plain: bigint 7
as an object: number 7
under a logical type: number 7
nanoseconds: Error: potential precision loss
TEXT
diff wanted.txt seen.txt
