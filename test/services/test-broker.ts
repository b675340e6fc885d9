// Something that answers ApiVersions as a Kafka broker does, for tests of how services are found.

import { type AddressInfo, createServer } from 'node:net';

export interface TestBroker {
  readonly address: string;
  close(): Promise<void>;
}

/** `correlationId` is what it answers with; a broker answers with the request's, which is 1. */
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
