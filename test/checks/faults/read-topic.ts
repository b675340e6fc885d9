/** Reads a topic from its beginning to its end, with the client library only. */
import { randomUUID } from 'node:crypto';
import { Consumer, MessagesStreamModes } from '@platformatic/kafka';
import { endOffsets } from '../lib/kafka-client.ts';

export interface ReadRecord {
  readonly key: string;
  readonly value: Buffer | null;
  readonly headers: ReadonlyMap<string, string>;
  readonly offset: bigint;
}

const PATIENCE_MS = 30_000;

export async function readTopic(brokers: readonly string[], topic: string): Promise<ReadRecord[]> {
  const ends = await endOffsets(brokers, new Map([[topic, 1]]));
  let left = [...ends.values()].reduce((sum, end) => sum + end, 0n);
  if (left === 0n) return [];
  const consumer = new Consumer<Buffer, Buffer, Buffer, Buffer>({
    clientId: 'check',
    groupId: `check-${randomUUID()}`,
    bootstrapBrokers: [...brokers],
  });
  const records: ReadRecord[] = [];
  try {
    const stream = await consumer.consume({
      topics: [topic],
      mode: MessagesStreamModes.EARLIEST,
      autocommit: false,
    });
    const timer = setTimeout(() => void stream.close(), PATIENCE_MS);
    for await (const { key, value, headers, offset } of stream) {
      const texts = [...headers].map(
        ([name, text]) => [name.toString('utf8'), text.toString('utf8')] as const,
      );
      records.push({ key: key.toString('utf8'), value: value ?? null, headers: new Map(texts), offset });
      if (--left === 0n) break;
    }
    clearTimeout(timer);
  } finally {
    await consumer.close(true);
  }
  return records;
}
