import { describe, expect, it } from 'vitest';
import type { Peek } from '../../src/ports/event-log.ts';
import { type EventLogSuite, newRecord } from './event-log-harness.ts';

/** The tests of looking at partitions without a group: a part of the suite in `event-log.ts`. */
export function describePeek(suite: EventLogSuite): void {
  const at = (topic: string, offset: bigint, partition = 0) => ({ topic, partition, offset });
  const firstOffsets = (peeks: readonly Peek[]) =>
    peeks.map((peek) =>
      peek.kind === 'peeked' && peek.first.kind === 'record' ? peek.first.offset : `${peek.kind}`,
    );

  describe('a look at partitions', () => {
    it('finds the first record at or behind each offset, with its time, its kind of time and the ends', async () => {
      const topic = await suite.newTopic(2);
      const beforeMs = Date.now();
      const [first] = await suite.append(
        Array.from({ length: 5 }, (_, index) => newRecord(topic, 'k', `${index}`)),
      );
      const partition = first?.partition ?? 0;
      const [peek] = await suite.log.peek([at(topic, 3n, partition)]);
      const [described] = await suite.log.describe([topic]);
      expect(peek).toMatchObject({
        kind: 'peeked',
        topic,
        partition,
        topicId: described?.topicId,
        startOffset: 0n,
        endOffset: 5n,
        highWatermark: 5n,
        first: { kind: 'record', offset: 3n, timestampType: expect.stringMatching(/^(log_append|create)$/) },
        openTransaction: null,
      });
      const timestampMs =
        peek?.kind === 'peeked' && peek.first.kind === 'record' ? peek.first.timestampMs : 0;
      expect(timestampMs).toBeGreaterThanOrEqual(beforeMs - 50);
      expect(timestampMs).toBeLessThanOrEqual(Date.now() + 50);
      for (const offset of [0n, 4n])
        expect(firstOffsets(await suite.log.peek([at(topic, offset, partition)]))).toEqual([offset]);
    });

    it('finds nothing at the end of a partition, in an empty one, and behind the end', async () => {
      const topic = await suite.newTopic(1);
      const empty = await suite.newTopic(1);
      await suite.append([newRecord(topic, 'k', 'a')]);
      for (const [place, endOffset] of [
        [at(topic, 1n), 1n],
        [at(topic, 9n), 1n],
        [at(empty, 0n), 0n],
      ] as const)
        expect(await suite.log.peek([place])).toMatchObject([
          { kind: 'peeked', first: { kind: 'none' }, endOffset, openTransaction: null },
        ]);
    });

    it('looks from the start of a log that begins behind the offset', async ({ skip }) => {
      const { deleteRecords } = suite.harness;
      if (deleteRecords === null) skip('this log under test offers no way to delete its oldest records');
      const topic = await suite.newTopic(1);
      await suite.append(Array.from({ length: 10 }, (_, index) => newRecord(topic, 'k', `${index}`)));
      await deleteRecords?.({ topic, partition: 0 }, 4n);
      const [peek] = await suite.log.peek([at(topic, 1n)]);
      expect(peek).toMatchObject({ startOffset: 4n, first: { kind: 'record', offset: 4n } });
    });

    it('says that a partition cannot be read, and answers for the others', async () => {
      const topic = await suite.newTopic(1);
      await suite.append([newRecord(topic, 'k', 'a')]);
      const peeks = await suite.log.peek([at('no-such-topic', 0n), at(topic, 0n), at(topic, 0n, 7)]);
      expect(firstOffsets(peeks)).toEqual(['unreadable', 0n, 'unreadable']);
      expect(await suite.log.peek([])).toEqual([]);
    });
  });
}
