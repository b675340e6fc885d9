// A server that answers ApiVersions like a Kafka broker, for tests of the search for services.

import { type AddressInfo, createServer } from 'node:net';

export interface TestBroker {
  readonly address: string;
  close(): Promise<void>;
}

/** Starts the server. It answers with `correlationId`; a real broker answers with the id of the request, which is 1. */
export async function startTestBroker(correlationId = 1): Promise<TestBroker> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => {
      const answer = Buffer.alloc(10);
      answer.writeInt32BE(6, 0);
      answer.writeInt32BE(correlationId, 4);
      socket.end(answer);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    address: `127.0.0.1:${port}`,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
