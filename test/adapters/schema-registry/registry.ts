import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

/** What a registry has under a path, or the status and the text that it answers. */
export type Answers = Record<
  string,
  object | { readonly status: number; readonly text: string; readonly type?: string }
>;

/** An HTTP server that answers as Confluent's Schema Registry does. It ends with the test. */
export async function startRegistry(answers: Answers) {
  const asked: { readonly path: string; readonly headers: IncomingMessage['headers'] }[] = [];
  const server = createServer((request, response) => {
    const path = request.url ?? '';
    asked.push({ path, headers: request.headers });
    const answer = answers[path.split('?')[0] ?? ''];
    if (answer === undefined) {
      response.writeHead(404, { 'content-type': 'application/json' });
      response.end('{"error_code":40403,"message":"Schema not found"}');
    } else if ('status' in answer) {
      response.writeHead(answer.status, 'type' in answer ? { 'content-type': answer.type } : {});
      response.end(answer.text);
    } else response.end(JSON.stringify(answer));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(
    () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  );
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

/** An order as an Avro record. The time has a logical type. */
export const AVRO_ORDER = JSON.stringify({
  type: 'record',
  name: 'Order',
  namespace: 'shop',
  fields: [
    { name: 'eventType', type: 'string' },
    { name: 'orderId', type: 'string' },
    { name: 'orderStatus', type: { type: 'enum', name: 'OrderStatus', symbols: ['CREATED'] } },
    { name: 'timestamp', type: { type: 'long', logicalType: 'timestamp-millis' } },
    { name: 'revision', type: ['null', 'long'] },
  ],
});

export const PROTO_ORDER = `syntax = "proto3";
package shop;
import "google/protobuf/timestamp.proto";
enum OrderStatus { ORDER_STATUS_UNSPECIFIED = 0; ORDER_STATUS_CREATED = 1; }
message Order {
  string order_id = 1;
  OrderStatus order_status = 2;
  google.protobuf.Timestamp timestamp = 3;
  optional int64 revision = 4;
}`;
