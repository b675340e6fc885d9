#!/bin/sh
# Software: @platformatic/kafka 2.12.1 and @kafkajs/confluent-schema-registry 4.1.0, both clients of a schema registry.
#
# Confluent's wire format of Protobuf has the place of the message in its file between the id of the schema and the message: one
# zero for the first message, else the number of indexes and each index
# (https://docs.confluent.io/platform/current/schema-registry/fundamentals/serdes-develop/index.html#wire-format).
# Both clients leave it out, also for a message that is not the first one of its file, and read only what they write themselves.
# A reader that follows the format takes the first bytes of the message for the place.
#
# What one may do: take a value whose first byte behind the id is over 6 for one without a place. No tag of a field is below 8.
#
# Seen:
#   platformatic, the first message of the file: 00 00000007 0a0161
#   platformatic, the second message of the file: 00 00000007 0a0161
#   kafkajs, the first message of the file: 00 00000007 0a0161
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --no-audit --no-fund --silent @platformatic/kafka@2.12.1 avsc@5.7.9 protobufjs@8.8.1 \
  @kafkajs/confluent-schema-registry@4.1.0
cat > look.mjs <<'JS'
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { ConfluentSchemaRegistry } from '@platformatic/kafka';

const { SchemaRegistry } = createRequire(import.meta.url)('@kafkajs/confluent-schema-registry');
const schema = 'syntax = "proto3"; message Order { string id = 1; } message Payment { string id = 1; }';
const server = createServer((_request, response) => {
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ schemaType: 'PROTOBUF', schema }));
});
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const host = `http://127.0.0.1:${server.address().port}`;
const shown = (bytes) =>
  [bytes.subarray(0, 1), bytes.subarray(1, 5), bytes.subarray(5)]
    .map((part) => Buffer.from(part).toString('hex'))
    .join(' ');

for (const [place, name] of [['first', 'Order'], ['second', 'Payment']]) {
  const registry = new ConfluentSchemaRegistry({ url: host, protobufTypeMapper: () => name });
  await new Promise((resolve, reject) => registry.fetchSchema(7, (error) => (error ? reject(error) : resolve())));
  const message = { metadata: { schemas: { value: 7 } } };
  const bytes = registry.getSerializers().value({ id: 'a' }, new Map(), message);
  console.log(`platformatic, the ${place} message of the file: ${shown(bytes)}`);
}
console.log(`kafkajs, the first message of the file: ${shown(await new SchemaRegistry({ host }).encode(7, { id: 'a' }))}`);
server.close();
server.closeAllConnections();
JS
node look.mjs | tee seen
cat > wanted <<'TEXT'
platformatic, the first message of the file: 00 00000007 0a0161
platformatic, the second message of the file: 00 00000007 0a0161
kafkajs, the first message of the file: 00 00000007 0a0161
TEXT
cmp -s seen wanted || { echo "The behaviour has changed." >&2; exit 1; }
