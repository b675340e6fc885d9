#!/bin/sh
# protobufjs 8.8.1 loads a .proto text whose import is missing, and refuses the descriptor of the same file.
#
# `protobuf.parse` leaves names open until somebody asks for them, so the imported files may be added afterwards.
# `Root.fromDescriptor` resolves all names at once, and takes no root that has them: a descriptor set of one file, which is
# what protoc writes without --include_imports, cannot be loaded, not even if the import is the well-known Timestamp that
# protobufjs has itself. A schema registry gives the descriptors of some clients file by file in just that way. What helps:
# `Type.fromDescriptor` and `Enum.fromDescriptor` for each declaration, added to a root, which stay open as the text does.
#
# The script prints:
#   text: loaded, with the import added later: google.protobuf.Timestamp
#   descriptor: no such Type or Enum '.google.protobuf.Timestamp' in Type .shop.Order
#   types of the descriptor: loaded, with the import added later: google.protobuf.Timestamp
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts protobufjs@8.8.1 >/dev/null
cat > seen.mjs <<'JS'
import protobuf from 'protobufjs';
import descriptor from 'protobufjs/ext/descriptor.js';

const text = `syntax = "proto3";
package shop;
import "google/protobuf/timestamp.proto";
message Order { string id = 1; google.protobuf.Timestamp at = 2; }`;
const file = {
  name: 'shop.proto',
  package: 'shop',
  syntax: 'proto3',
  dependency: ['google/protobuf/timestamp.proto'],
  messageType: [
    {
      name: 'Order',
      field: [
        { name: 'id', number: 1, label: 1, type: 9 },
        { name: 'at', number: 2, label: 1, type: 11, typeName: '.google.protobuf.Timestamp' },
      ],
    },
  ],
};
const bytes = descriptor.FileDescriptorSet.encode({ file: [file] }).finish();

function typeOfAt(root) {
  root.addJSON(protobuf.common.get('google/protobuf/timestamp.proto').nested);
  const { resolvedType } = root.lookupType('shop.Order').fields.at.resolve();
  return `loaded, with the import added later: ${resolvedType.fullName.slice(1)}`;
}
function tried(load) {
  try {
    return typeOfAt(load());
  } catch (error) {
    return error.message;
  }
}
const said = {
  text: tried(() => protobuf.parse(text, new protobuf.Root()).root),
  descriptor: tried(() => protobuf.Root.fromDescriptor(bytes)),
  'types of the descriptor': tried(() => {
    const root = new protobuf.Root();
    const [first] = descriptor.FileDescriptorSet.decode(bytes).file;
    for (const type of first.messageType)
      root.define(first.package).add(protobuf.Type.fromDescriptor(type, first.syntax));
    return root;
  }),
};
for (const [way, what] of Object.entries(said)) console.log(`${way}: ${what}`);
JS
seen=$(node seen.mjs)
echo "$seen"
[ "$seen" = "text: loaded, with the import added later: google.protobuf.Timestamp
descriptor: no such Type or Enum '.google.protobuf.Timestamp' in Type .shop.Order
types of the descriptor: loaded, with the import added later: google.protobuf.Timestamp" ]
