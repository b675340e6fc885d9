// Runs a producer of a family in a process of its own, for a test that freezes it. Prints the name by which it joins.
// Appends one number after the other, with 8 calls at a time, until it is shut out, and once more 5 s later.
// Arguments: brokers, topic.

import { openKafkaLog } from '../../../../src/adapters/kafka/index.ts';
import { systemClock } from '../../../../src/adapters/system-clock.ts';
import { messageOf, TributaryError } from '../../../../src/core/errors.ts';
import { quickOptions } from '../harness.ts';

const [brokers, topic] = process.argv.slice(2) as [string, string];
const CALLS = 8;

const log = openKafkaLog({
  brokers: brokers.split(','),
  clock: systemClock,
  logger: (level, message) => process.stderr.write(`${level} ${message}\n`),
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

async function append(value: string): Promise<void> {
  await producer.append([{ topic, key: Buffer.from('k'), value: Buffer.from(value), headers: [] }]);
}

async function appendUntilShutOut(): Promise<void> {
  for (;;) {
    try {
      await append(`frozen ${number++}`);
    } catch (error) {
      if (error instanceof TributaryError && error.code === 'log_shut_out') return;
      process.stderr.write(`${messageOf(error)}\n`);
    }
  }
}

await Promise.all(Array.from({ length: CALLS }, appendUntilShutOut));
await systemClock.sleep(5_000);
await append('begun anew');
