import { describe, expect, it } from 'vitest';
import type { RecordsRange, RecordsRead } from '../../src/ports/event-log.ts';
import { bytesOf, type EventLogSuite, newRecord, valueText } from './event-log-harness.ts';

/** Tests that records are read without a group. */
export function describeRecords(suite: EventLogSuite): void {
  describe('records that are read without a group', () => {
    async function filled(count: number): Promise<{ topic: string; read: typeof readAt }> {
      const topic = await suite.newTopic(1);
      const records = Array.from({ length: count }, (_, n) => newRecord(topic, `key ${n}`, `value ${n}`));
      // Two appends, so that the log has more than one record batch.
      await suite.append(records.slice(0, Math.ceil(count / 2)));
      await suite.append(records.slice(Math.ceil(count / 2)));
      const readAt = (offset: bigint, facts: Partial<RecordsRange> = {}): Promise<RecordsRead> =>
        suite.log.readRecords({ topic, partition: 0, offset, maxRecords: 100, maxBytes: 1 << 20, ...facts });
      return { topic, read: readAt };
    }

    const values = (read: RecordsRead) => (read.kind === 'read' ? read.records.map(valueText) : read.kind);

    it('reads them in pages of any size, from any offset on, until none is left', {
      timeout: suite.timeoutMs,
    }, async () => {
      const { read } = await filled(7);
      for (const maxRecords of [1, 3, 100]) {
        const found: unknown[] = [];
        for (let offset = 0n; ; ) {
          const page = await read(offset, { maxRecords });
          if (page.kind !== 'read') throw new Error(page.kind);
          if (page.records.length === 0 && page.nextOffset === offset) break;
          expect(page.records.length).toBeLessThanOrEqual(maxRecords);
          found.push(...page.records.map(valueText));
          offset = page.nextOffset;
        }
        expect(found).toEqual(Array.from({ length: 7 }, (_, n) => `value ${n}`));
      }
      expect(values(await read(5n))).toEqual(['value 5', 'value 6']);
      expect(await read(7n)).toEqual({ kind: 'read', records: [], nextOffset: 7n });
    });

    it('gives at least one record whatever its size, with key, value and headers', async () => {
      const topic = await suite.newTopic(1);
      const large = newRecord(topic, 'key', 'x'.repeat(200_000), [['name', null]]);
      await suite.append([large, newRecord(topic, 'key', 'second')]);
      const read = await suite.log.readRecords({
        topic,
        partition: 0,
        offset: 0n,
        maxRecords: 9,
        maxBytes: 10,
      });
      if (read.kind !== 'read') throw new Error(read.kind);
      expect(read.records).toHaveLength(1);
      const [record] = read.records;
      expect(record === undefined ? null : bytesOf(record)).toEqual(bytesOf(large));
      expect(read.nextOffset).toBe(1n);
    });

    it('says that the log ends before an offset, and that a partition does not exist', async () => {
      const { topic, read } = await filled(2);
      expect(await read(3n)).toEqual({ kind: 'out_of_range', startOffset: 0n, endOffset: 2n });
      expect((await read(0n, { partition: 1 })).kind).toBe('unreadable');
      expect((await read(0n, { topic: `${topic}-none` })).kind).toBe('unreadable');
    });

    it('says that the log begins behind an offset', async ({ skip }) => {
      const { deleteRecords } = suite.harness;
      if (deleteRecords === null) skip('this log under test offers no way to delete its oldest records');
      const { topic, read } = await filled(6);
      await deleteRecords?.({ topic, partition: 0 }, 4n);
      expect(await read(1n)).toEqual({ kind: 'out_of_range', startOffset: 4n, endOffset: 6n });
      expect(values(await read(4n))).toEqual(['value 4', 'value 5']);
    });

    it('takes no partition from a group that reads them, and leaves no group behind', async () => {
      const { topic, read } = await filled(3);
      const member = await suite.newMember([topic]).start();
      await member.untilHolds(1);
      expect(values(await read(0n))).toHaveLength(3);
      expect(await member.read([{ topic, partition: 0 }], 3)).toHaveLength(3);
      expect(member.holds()).toHaveLength(1);
    });
  });
}
