import { createServer } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { freePort, probeKafka } from './ports.ts';
import { startTestBroker, type TestBroker } from './test-broker.ts';

let broker: TestBroker | undefined;

afterEach(async () => {
  await broker?.close();
  broker = undefined;
});

describe('free ports', () => {
  test('are different each time and can be listened on', async () => {
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

describe('probing a Kafka broker', () => {
  test('succeeds when ApiVersions is answered', async () => {
    broker = await startTestBroker();
    await expect(probeKafka(broker.address)).resolves.toBeUndefined();
  });

  test('fails on something that answers differently', async () => {
    broker = await startTestBroker(0x48545450);
    await expect(probeKafka(broker.address)).rejects.toThrow('not as a Kafka broker does');
  });

  test('fails when nobody listens, and names the address', async () => {
    const address = `127.0.0.1:${await freePort()}`;
    await expect(probeKafka(address)).rejects.toThrow(`${address} cannot be reached`);
  });
});
