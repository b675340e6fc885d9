/** A gateway in front of order-mgt, which can refuse some orders, or be down. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { RunningCheck } from '../lib/command.ts';

export interface Gateway {
  readonly url: string;
  /** These orders are answered 422. */
  readonly refused: Set<string>;
  /** While it is down, each request is answered 503. */
  isDown: boolean;
}

/** Passes requests on to the order-mgt at this port. It is closed at the end of the check. */
export async function startGateway(check: RunningCheck, port: number): Promise<Gateway> {
  const gateway = { url: '', refused: new Set<string>(), isDown: false };
  const server = createServer((request, response) => {
    pass(request, response).catch(() => response.destroy());
  });
  async function pass(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    if (gateway.isDown) {
      response.writeHead(503, { 'content-type': 'text/plain' }).end('closed for maintenance');
      return;
    }
    const text = body.toString('utf8');
    if ([...gateway.refused].some((orderId) => text.includes(JSON.stringify(orderId)))) {
      response.writeHead(422, { 'content-type': 'text/plain' }).end('this customer is not known');
      return;
    }
    const { connection: _connection, host: _host, 'content-length': _length, ...headers } = request.headers;
    const answer = await fetch(`http://127.0.0.1:${port}${request.url}`, {
      method: request.method ?? 'GET',
      headers: headers as Record<string, string>,
      ...(body.length === 0 ? {} : { body }),
    });
    const {
      'content-encoding': _encoding,
      'transfer-encoding': _transfer,
      ...passed
    } = Object.fromEntries(answer.headers);
    response.writeHead(answer.status, passed).end(Buffer.from(await answer.arrayBuffer()));
  }
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  check.defer(() => {
    server.closeAllConnections();
    server.close();
  });
  gateway.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return gateway;
}
