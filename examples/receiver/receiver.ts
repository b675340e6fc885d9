/**
 * The smallest correct target. It verifies signatures, and stores each delivery's id and its effect in one
 * transaction, so a delivery that arrives twice, late, or together with a newer one changes nothing. Copy it, and
 * replace its two tables with your own. Started as a program, it listens on port 3001:
 *
 *     RECEIVER_SECRET=whsec_... node examples/receiver/receiver.ts
 *
 * docs/being-a-target.md says what order-sync does after each answer.
 */
import { isUtf8 } from 'node:buffer';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { DatabaseSync } from 'node:sqlite';
import { buffer } from 'node:stream/consumers';
import { isSigned } from './signature.ts';

const FIELDS = ['order_id', 'order_status', 'payment_status', 'review_status', 'ready_to_send', 'version'];

export function createReceiver(file: string, secret: string): Server {
  if (!secret.startsWith('whsec_')) throw new Error('The receiver needs a secret: whsec_ and base64.');
  const database = new DatabaseSync(file);
  database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
    CREATE TABLE IF NOT EXISTS received (delivery_id TEXT PRIMARY KEY, payload TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS orders (order_id TEXT PRIMARY KEY, version INTEGER NOT NULL, row TEXT NOT NULL)`);
  const payloadOf = database.prepare('SELECT payload FROM received WHERE delivery_id = ?');
  const remember = database.prepare('INSERT INTO received VALUES (?, ?) ON CONFLICT DO NOTHING');
  const drop = database.prepare('DELETE FROM orders WHERE order_id = ? AND version = ?');
  const rowOf = database.prepare('SELECT row FROM orders WHERE order_id = ?');
  const apply = database.prepare(`INSERT INTO orders VALUES (?, ?, ?) ON CONFLICT DO UPDATE
    SET version = excluded.version, row = excluded.row WHERE excluded.version > orders.version`);

  /** Commits id and effect, then returns the status of the answer. It runs without `await`, one call after another. */
  function receive(deliveryId: string, state: Record<string, unknown> | null): number {
    const { order_id, version } = state ?? {};
    if (typeof order_id !== 'string' || typeof version !== 'number') return 400;
    const payload = JSON.stringify(state, FIELDS);
    database.exec('BEGIN IMMEDIATE');
    try {
      const isNew = remember.run(deliveryId, payload).changes === 1;
      const isSame = payloadOf.get(deliveryId)?.payload === payload;
      // A duplicate changes nothing if its row is right. A lost or damaged row of that version is written again.
      if (isSame && !isNew) drop.run(order_id, version);
      if (isSame) apply.run(order_id, version, payload);
      database.exec('COMMIT');
      return isSame ? 200 : 422;
    } catch (error) {
      database.exec('ROLLBACK');
      throw error;
    }
  }

  async function answer(request: IncomingMessage): Promise<[status: number, row?: unknown]> {
    if (request.method === 'GET') {
      // GET shows a stored order to everybody. In your copy, delete this branch or check an API key here.
      const found = rowOf.get(decodeURIComponent(request.url?.split('/').at(-1) ?? ''));
      return found === undefined ? [404] : [200, found.row];
    }
    if (!(Number(request.headers['content-length']) <= 65_536)) return [413];
    const body = await buffer(request);
    if (!isSigned(secret, request.headers, body)) return [401];
    const state = isUtf8(body) ? parse(body.toString()) : null;
    return [receive(String(request.headers['webhook-id']), state)];
  }

  const server = createServer((request, response) => {
    answer(request).then(
      ([status, row]) => response.writeHead(status).end(row),
      () => response.writeHead(500).end(),
    );
  });
  return server.on('close', () => database.close());
}

function parse(text: string): Record<string, unknown> | null {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

if (import.meta.main)
  createReceiver('receiver.sqlite', process.env.RECEIVER_SECRET ?? '').listen(3001, '127.0.0.1');
