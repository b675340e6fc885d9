import { describe, expect, it } from 'vitest';
import { checkpointsOf, readUpTo, StartOffsets } from '../../../src/pipeline/ask/following.ts';
import type { Checkpoint } from '../../../src/ports/checkpoints.ts';
import type { LogRecord, RecordsRange, RecordsRead, TopicDescription } from '../../../src/ports/event-log.ts';

const CHECKPOINT = { topic: 'orders', partition: 1, nextOffset: 10n };
const record = (offset: bigint): LogRecord => ({
  offset,
  timestampMs: 0,
  key: null,
  value: null,
  headers: [],
});

function logOf(read: RecordsRead) {
  const asked: RecordsRange[] = [];
  return {
    asked,
    readRecords: async (range: RecordsRange) => {
      asked.push(range);
      return read;
    },
  };
}

describe('a read up to a checkpoint', () => {
  it('asks for one page from the offset on', async () => {
    const log = logOf({ kind: 'read', records: [], nextOffset: 5n });
    await readUpTo(log, CHECKPOINT, 4n);
    expect(log.asked).toEqual([
      { topic: 'orders', partition: 1, offset: 4n, maxRecords: 500, maxBytes: 1_048_576 },
    ]);
  });

  it.each([
    ['goes on behind the last record', [4n, 5n], 6n, [4n, 5n], 6n],
    ['goes on behind offsets without records at the end of the page', [4n], 8n, [4n], 8n],
    ['leaves out what stands at the checkpoint and behind it', [8n, 9n, 10n, 11n], 12n, [8n, 9n], 10n],
    ['goes on behind an aborted transaction, which has no records', [], 7n, [], 7n],
    ['ends at the checkpoint if the next record lies behind it', [12n], 13n, [], 10n],
    ['passes a gap that the log has left up to the checkpoint', [], 4n, [], 10n],
  ])('%s', async (_, offsets, nextOffset, given, next) => {
    const log = logOf({ kind: 'read', records: offsets.map(record), nextOffset });
    expect(await readUpTo(log, CHECKPOINT, 4n)).toEqual({
      kind: 'records',
      records: given.map(record),
      next,
    });
  });

  it.each([
    ['the log begins before the checkpoint', 6n, 20n, 6n],
    ['the log begins at the checkpoint', 10n, 20n, 10n],
    ['the log begins behind the checkpoint', 15n, 20n, 10n],
    ['the log ends before the offset', 0n, 3n, 10n],
    ['the log begins at the offset and ends there', 4n, 4n, 10n],
  ])('tells which offsets are lost if %s', async (_, startOffset, endOffset, next) => {
    const log = logOf({ kind: 'out_of_range', startOffset, endOffset });
    expect(await readUpTo(log, CHECKPOINT, 4n)).toEqual({ kind: 'lost', next });
  });

  it('says why a partition cannot be read', async () => {
    const unreadable = { kind: 'unreadable', problem: 'has no leader' } as const;
    expect(await readUpTo(logOf(unreadable), CHECKPOINT, 4n)).toEqual(unreadable);
  });
});

describe('what a follower asks for', () => {
  it('the checkpoints are those of the topics that are followed', async () => {
    const stored = ['orders', 'others', 'payments'].map((topic) => ({ ...CHECKPOINT, topic }) as Checkpoint);
    const store = { checkpoints: async () => stored };
    const found = await checkpointsOf({ store, topics: ['payments', 'orders'] });
    expect(found.map(({ topic }) => topic)).toEqual(['orders', 'payments']);
  });

  it('the first offsets are asked for once, and those of unknown partitions are 0', async () => {
    let asked = 0;
    const describe = async (topics: readonly string[]) => {
      asked++;
      return topics.map((topic) => ({
        topic,
        partitions: [{ topic, partition: 1, startOffset: 7n, endOffset: 9n }],
      })) as unknown as TopicDescription[];
    };
    const starts = new StartOffsets({
      log: { describe, readRecords: async () => ({ kind: 'unreadable', problem: '' }) },
      topics: ['orders'],
    });
    expect(await starts.of({ topic: 'orders', partition: 1 })).toBe(7n);
    expect(await starts.of({ topic: 'orders', partition: 2 })).toBe(0n);
    expect(await starts.of({ topic: 'payments', partition: 1 })).toBe(0n);
    expect(asked).toBe(1);
  });
});
