#!/bin/sh
# In mysql2 3.24.6 on Node 24, a prepared statement keeps an object for each of its parameters as long as it is open.
#
# The server describes every parameter of a prepared statement, and the driver keeps the descriptions in
# `statement.parameters`: an object, a Buffer and a list each, about 320 bytes, although it only ever looks at a few
# of their fields. An INSERT of 512 rows with 6 columns has 3,072 parameters. A pool whose connections each keep some
# such statements open holds tens of thousands of these objects, which a program that limits its heap has to reckon with.
# (The server here is mysql2's own `createServer`, which answers as MySQL does.)
#
# The script prints:
#   parameters kept: 3072, more than 250 bytes each: true
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts mysql2@3.24.6 >/dev/null
cat > seen.mjs <<'JS'
import callbacks from 'mysql2';

const PARAMETERS = 3_072;
/** A packet of the protocol, without its header. */
function send(connection, ...parts) {
  const body = Buffer.concat(parts.map((part) => Buffer.from(part)));
  connection.stream.write(
    Buffer.concat([Buffer.from([body.length, body.length >> 8, 0, connection.next++ & 0xff]), body]),
  );
}
const text = (value) => [value.length, ...Buffer.from(value)];
const server = callbacks.createServer();
server.on('connection', (connection) => {
  connection.serverHandshake({
    protocolVersion: 10,
    serverVersion: '8.0.0',
    connectionId: 1,
    statusFlags: 2,
    characterSet: 8,
    capabilityFlags: 0xffffff & ~0x800,
    authCallback: (_, answer) => answer(null),
  });
  connection.on('error', () => {});
  connection.on('stmt_prepare', () => {
    connection.next = 1;
    send(connection, [0, 1, 0, 0, 0, 0, 0, PARAMETERS & 0xff, PARAMETERS >> 8, 0, 0, 0]);
    for (let index = 0; index < PARAMETERS; index++)
      send(connection, text('def'), [0, 0, 0], text('?'), [0, 12, 63, 0, 0, 0, 0, 0, 253, 128, 0, 0, 0, 0]);
    send(connection, [0xfe, 0, 0, 2, 0]);
  });
});
await new Promise((resolve) => server.listen(0, resolve));
const { port } = server._server.address();
const connection = callbacks.createConnection({ host: '127.0.0.1', port, user: 'somebody' });
await new Promise((resolve) => connection.on('connect', resolve));
gc();
const before = process.memoryUsage();
const statement = await new Promise((resolve, reject) =>
  connection.prepare('INSERT INTO t VALUES (?)', (error, prepared) =>
    error ? reject(error) : resolve(prepared),
  ),
);
gc();
const after = process.memoryUsage();
const bytes = after.heapUsed + after.external - before.heapUsed - before.external;
const kept = statement.parameters.length;
console.log(`parameters kept: ${kept}, more than 250 bytes each: ${bytes / kept > 250}`);
process.stderr.write(`${Math.round(bytes / kept)} bytes each\n`);
process.exit(0);
JS
seen=$(node --expose-gc seen.mjs)
echo "$seen"
[ "$seen" = "parameters kept: 3072, more than 250 bytes each: true" ]
