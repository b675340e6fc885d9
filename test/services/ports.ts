import { connect, createServer } from 'node:net';

/** The range lies below the ports of outgoing connections, which begin at 32768 on Linux and 49152 on macOS. */
const lowestPort = 20_000;
const highestPort = 32_000;
const attempts = 200;
const handedOut = new Set<number>();

/**
 * Returns a random port of 127.0.0.1 that no server listens on and that this process has not returned before. It lies
 * below the range of outgoing connections, so no connection takes it before the service listens.
 */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    const port = lowestPort + Math.floor(Math.random() * (highestPort - lowestPort));
    if (handedOut.has(port) || !(await isFree(port))) continue;
    handedOut.add(port);
    return port;
  }
  throw new Error(`No free port of 127.0.0.1 between ${lowestPort} and ${highestPort} was found`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
  });
}

const apiVersionsKey = 18;
const probeTimeoutMs = 2_000;

/**
 * Resolves when a Kafka broker at `host:port` answers an ApiVersions request of version 0, which every broker knows. A
 * broker answers it only when it serves clients; its port is open before.
 */
export function probeKafka(address: string): Promise<void> {
  const separator = address.lastIndexOf(':');
  const host = address.slice(0, separator).replace(/^\[|\]$/g, '');
  const port = Number(address.slice(separator + 1));
  const request = Buffer.alloc(14);
  request.writeInt32BE(10, 0);
  request.writeInt16BE(apiVersionsKey, 4);
  request.writeInt32BE(1, 8);
  request.writeInt16BE(-1, 12);
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port });
    const fail = (why: string): void => {
      socket.destroy();
      reject(new Error(`${address} ${why}`));
    };
    socket.setTimeout(probeTimeoutMs, () => fail('does not answer in time'));
    socket.once('connect', () => socket.write(request));
    socket.once('error', (error) => fail(`cannot be reached: ${error.message}`));
    socket.once('close', () => fail('closed the connection without an answer'));
    socket.once('data', (answer) => {
      socket.destroy();
      // An answer begins with its length and the correlation id. A Kafka broker returns the id of the request, 1.
      if (answer.length >= 8 && answer.readInt32BE(4) === 1) resolve();
      else reject(new Error(`${address} answers, but not as a Kafka broker does`));
    });
  });
}
