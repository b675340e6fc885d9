/**
 * A target that accepts single states and records the moment of each request. It runs in a process of its own, so that
 * the check does not delay it. It answers the message `report` with a CountingReport.
 */
import { createServer } from 'node:http';

export interface CountingReport {
  /** The moment of every request in sequence, in milliseconds since the epoch. */
  readonly atMs: readonly number[];
  /** Each order with its highest version, and whether that version was ready. */
  readonly orders: readonly (readonly [orderId: string, version: number, isReady: boolean])[];
}

const atMs: number[] = [];
const orders = new Map<string, readonly [string, number, boolean]>();

const server = createServer((request, response) => {
  atMs.push(Date.now());
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const state = JSON.parse(Buffer.concat(chunks).toString('utf8')) as {
      order_id: string;
      version: number;
      ready_to_send: boolean;
    };
    const known = orders.get(state.order_id);
    if (known === undefined || known[1] < state.version) {
      orders.set(state.order_id, [state.order_id, state.version, state.ready_to_send]);
    }
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
  });
});
server.listen(Number(process.argv[2]), '127.0.0.1', () => process.send?.('listening'));
process.on('message', () => {
  const report: CountingReport = { atMs, orders: [...orders.values()] };
  process.send?.(report);
});
process.on('disconnect', () => process.exit(0));
