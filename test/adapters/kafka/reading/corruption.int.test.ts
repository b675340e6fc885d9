import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EventLog } from '../../../../src/ports/event-log.ts';
import { UNKNOWN_LEADER_EPOCH } from '../../../../src/ports/event-log.ts';
import { newRecord, TestMember, valueText } from '../../../contract/event-log-harness.ts';
import { services } from '../../../services/context.ts';
import { openTestLog, TopicOperator } from '../harness.ts';

const timeoutMs = 30_000;

describe.skipIf(services().lacks('kafka'))('a record batch that rotted on the broker’s disk', () => {
  let log: EventLog;
  let operator: TopicOperator;

  beforeAll(() => {
    ({ log } = openTestLog(services().kafka.brokers));
    operator = new TopicOperator(services().kafka.brokers);
  });
  afterAll(async () => {
    await log.close();
    await operator.close();
  });

  it('a corrupt record batch halts its partition, and the records before it are read', async ({ skip }) => {
    const topic = `corrupt-${randomUUID()}`;
    await log.createTopics([{ topic, partitions: 1 }]);
    const producer = log.producer();
    // Each append is answered before the next one is sent, so each is a record batch of its own.
    for (const value of ['sound 1', 'sound 2', 'rotten here', 'sound 3']) {
      await producer.append([newRecord(topic, 'k', value)]);
    }
    const folders = await operator.logFolders();
    const folder = folders.map((each) => join(each, `${topic}-0`)).find(existsSync);
    if (folder === undefined)
      skip(`the broker's files are not on this machine (it names ${folders.join(', ')})`);
    await flipByte(folder as string, 'rotten here');

    const consumer = log.consumer({
      group: `corrupt-${randomUUID()}`,
      topics: [topic],
      maxBufferedBytes: 1 << 20,
    });
    const member = new TestMember(consumer, timeoutMs);
    try {
      await (await member.start()).untilHolds(1);
      const read = await member.read([{ topic, partition: 0 }], 2);
      expect(read.map(valueText)).toEqual(['sound 1', 'sound 2']);
      await member.untilFaults(1);
      expect(member.faults).toEqual([
        { topic, partition: 0, kind: 'corrupt_batch', offset: 2n, detail: expect.stringContaining('CRC32C') },
      ]);
      const limits = { maxRecords: 10, maxBytes: 1_000 };
      expect(await consumer.take([{ topic, partition: 0 }], limits, AbortSignal.timeout(timeoutMs))).toEqual(
        [],
      );
      // An operator decides to go on behind the corrupt record batch.
      consumer.follow([{ topic, partition: 0, offset: 3n, leaderEpoch: UNKNOWN_LEADER_EPOCH }]);
      expect((await member.read([{ topic, partition: 0 }], 1)).map(valueText)).toEqual(['sound 3']);
    } finally {
      await consumer.close();
    }
  });
});

/** Flips one bit of the text in the partition's segment. */
async function flipByte(folder: string, text: string): Promise<void> {
  const segment = (await readdir(folder)).find((name) => name.endsWith('.log'));
  if (segment === undefined) throw new Error(`No segment in ${folder}.`);
  const file = await open(join(folder, segment), 'r+');
  try {
    const bytes = await file.readFile();
    const at = bytes.indexOf(text);
    if (at < 0) throw new Error(`"${text}" is not in ${segment}.`);
    await file.write(Buffer.from([(bytes[at] as number) ^ 1]), 0, 1, at);
    await file.sync();
  } finally {
    await file.close();
  }
}
