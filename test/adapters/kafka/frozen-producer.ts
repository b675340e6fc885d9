// A producer of a family as a process of its own, for a test that freezes it: prints the name by which it has joined,
// and appends one number after the other, with several calls under way. Arguments: brokers, topic.

import { openKafkaLog } from '../../../src/adapters/kafka/index.ts';
import { systemClock } from '../../../src/adapters/system-clock.ts';
import { quickOptions } from './harness.ts';

const [brokers, topic] = process.argv.slice(2) as [string, string];
const CALLS = 8;

const log = openKafkaLog({
  brokers: brokers.split(','),
  clock: systemClock,
  log: (level, message) => process.stderr.write(`${level} ${message}\n`),
  ...quickOptions,
});
const producer = log.producer({
  family: {
    join: async (name) => {
      process.stdout.write(`${name}\n`);
    },
    members: async () => [],
    leave: async () => {},
  },
});

let number = 0;

async function keepAppending(): Promise<void> {
  for (;;) {
    const value = Buffer.from(`frozen ${number++}`);
    try {
      await producer.append([{ topic, key: Buffer.from('k'), value, headers: [] }]);
    } catch {
      await systemClock.sleep(50);
    }
  }
}

await Promise.all(Array.from({ length: CALLS }, keepAppending));
