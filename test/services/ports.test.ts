import { createServer } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { freePort, probeKafka } from './ports.ts';
import { startTestBroker, type TestBroker } from './test-broker.ts';

let broker: TestBroker | undefined;

afterEach(async () => {
  await broker?.close();
  broker = undefined;
});

describe('freePort', () => {
  test('returns a different port each time, on which a server can listen', async () => {
    const ports = await Promise.all(Array.from({ length: 20 }, freePort));
    expect(new Set(ports).size).toBe(ports.length);
    for (const port of ports) {
      const server = createServer();
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen(port, '127.0.0.1', resolve);
      });
      await new Promise((resolve) => server.close(resolve));
    }
  });
});

describe('probeKafka', () => {
  test('resolves when the broker answers ApiVersions', async () => {
    broker = await startTestBroker();
    await expect(probeKafka(broker.address)).resolves.toBeUndefined();
  });

  test('rejects when the answer has another correlation id', async () => {
    broker = await startTestBroker(0x48545450);
    await expect(probeKafka(broker.address)).rejects.toThrow('not as a Kafka broker does');
  });

  test('rejects with the address when no server listens', async () => {
    const address = `127.0.0.1:${await freePort()}`;
    await expect(probeKafka(address)).rejects.toThrow(`${address} cannot be reached`);
  });
});
