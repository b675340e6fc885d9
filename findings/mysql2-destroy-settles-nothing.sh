#!/bin/sh
# In mysql2 3.24.6 on Node 24, `connection.destroy()` settles none of the calls that are under way.
#
# A query that waits for its answer when the connection is destroyed never resolves and never rejects. This is true of
# the query that was sent and of the queries queued behind it, and the connection emits no error. A program that ends a
# silent connection with `destroy()` after a deadline, and then waits for the query to fail, waits for ever.
# (The server here is mysql2's own `createServer`. It accepts the connection and answers no query.)
#
# The script prints:
#   sent: pending, queued: pending, errors: 0, closed: true
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts mysql2@3.24.6 >/dev/null
cat > seen.mjs <<'JS'
import mysql from 'mysql2/promise';
import callbacks from 'mysql2';

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
  connection.on('query', () => {});
  connection.on('error', () => {});
});
await new Promise((resolve) => server.listen(0, resolve));
const { port } = server._server.address();
const connection = await mysql.createConnection({ host: '127.0.0.1', port, user: 'somebody' });
let errors = 0;
let closed = false;
connection.on('error', () => errors++);
connection.connection.stream.on('close', () => (closed = true));
const states = { sent: 'pending', queued: 'pending' };
for (const name of ['sent', 'queued'])
  connection.query('SELECT 1').then(
    () => (states[name] = 'resolved'),
    () => (states[name] = 'rejected'),
  );
await new Promise((resolve) => setTimeout(resolve, 500));
connection.destroy();
await new Promise((resolve) => setTimeout(resolve, 3_000));
console.log(`sent: ${states.sent}, queued: ${states.queued}, errors: ${errors}, closed: ${closed}`);
process.exit(0);
JS
seen=$(node seen.mjs)
echo "$seen"
[ "$seen" = "sent: pending, queued: pending, errors: 0, closed: true" ]
