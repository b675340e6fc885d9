import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Followed } from '../../../../src/adapters/kafka/reading/followed.ts';
import { OpenRecordBatches } from '../../../../src/adapters/kafka/reading/open-record-batches.ts';
import {
  CorruptRecordBatchError,
  type RecordBatch,
  readRecordBatches,
} from '../../../../src/adapters/kafka/wire/record-batch-reader.ts';
import { type LogRecord, UNKNOWN_LEADER_EPOCH } from '../../../../src/ports/event-log.ts';
import {
  type BuiltRecordBatch,
  bomb,
  buildRecord,
  buildRecordBatch,
  type Compression,
  compressed,
  compressions,
  headOf,
  storedRecordBatch,
  varint,
} from '../wire/record-batch-builder.ts';

const codecs = Object.keys(compressions) as Compression[];
const limit = 1 << 20;

const everything = { maxRecords: 1_000, maxBytes: limit };

function followed(open = new OpenRecordBatches(limit)): Followed {
  return followedFrom(0n, open);
}

function followedFrom(offset: bigint, open = new OpenRecordBatches(limit)): Followed {
  return new Followed(
    { topic: 't', partition: 0, offset, leaderEpoch: UNKNOWN_LEADER_EPOCH, topicId: 'id' },
    open,
  );
}

function pushStored(partition: Followed, baseOffset: bigint, values: readonly string[]): void {
  const bytes = storedRecordBatch(baseOffset, values);
  for (const recordBatch of readRecordBatches(bytes)) partition.push(recordBatch, true);
}

function pushed(built: BuiltRecordBatch, partition = followed()): Followed {
  for (const recordBatch of readRecordBatches(buildRecordBatch(built))) partition.push(recordBatch, true);
  return partition;
}

/** `count` records with one byte each. */
const small = (count: number): Buffer =>
  Buffer.concat(Array.from({ length: count }, (_, index) => buildRecord(index, Buffer.from('x'))));

describe('a followed partition', () => {
  it('a take moves the next offset past record batches without committed records, alone or after others', () => {
    const partition = followed();
    partition.push(headOf(0n, 4), false);
    expect(partition.take(everything, true)?.fetched).toMatchObject({ records: [], nextOffset: 4n });
    pushStored(partition, 4n, ['a']);
    partition.push(headOf(5n, 3), false);
    expect(partition.take(everything, true)?.fetched).toMatchObject({ nextOffset: 8n });
    expect(partition.take(everything, true)).toBeUndefined();
    expect(partition.queuedBytes).toBe(0);
  });

  it('a take returns the records before one that cannot be decoded, and the fault names its offset', () => {
    const partition = followed();
    pushStored(partition, 0n, ['sound']);
    partition.push({ ...headOf(1n, 1), records: Buffer.from([200, 1, 0]) }, true);
    expect(partition.take(everything, true)?.fetched).toMatchObject({ nextOffset: 1n });
    expect(partition.fault).toMatchObject({
      kind: 'corrupt_batch',
      offset: 1n,
      detail: expect.stringMatching(/ Reading can go on at offset 2\.$/),
    });
    expect(partition.take(everything, true)).toBeUndefined();
  });

  it('a partition that is followed from the middle of a record batch gives only the records from there on', () => {
    const partition = followedFrom(11n);
    pushStored(partition, 10n, ['a', 'b', 'c']);
    const taken = partition.take(everything, true)?.fetched;
    expect(taken?.records.map(({ offset }) => offset)).toEqual([11n, 12n]);
  });
});

describe('a record batch over the limit', () => {
  it.each(codecs)(
    'a small record batch that holds 256 MiB does not fill the memory of the process (%s)',
    (codec) => {
      const script = join(import.meta.dirname, 'bomb-process.ts');
      const stdout = execFileSync(
        process.execPath,
        ['--disable-warning=ExperimentalWarning', script, codec],
        {
          encoding: 'utf8',
        },
      );
      const { fault, growthMegabytes } = JSON.parse(stdout) as { fault: unknown; growthMegabytes: number };
      expect(fault).toMatchObject({ kind: 'batch_too_large', offset: '0' });
      expect(growthMegabytes).toBeLessThan(180);
    },
    120_000,
  );

  it.each(codecs)(
    'a record batch over the limit becomes a fault once the records before it are taken (%s)',
    (codec) => {
      const partition = pushed({ recordCount: 1, records: buildRecord(0, Buffer.from('sound')) });
      pushed(
        { baseOffset: 1n, recordCount: 1, compression: compressions[codec], records: bomb(2, codec) },
        partition,
      );
      const limits = { maxRecords: 10, maxBytes: limit };
      expect(partition.take(limits, true)?.fetched).toMatchObject({ nextOffset: 1n });
      expect(partition.fault).toMatchObject({
        kind: 'batch_too_large',
        offset: 1n,
        detail: expect.stringContaining(
          `from offset 1 to 1 is too large to be opened: it decompresses to more than ${limit} bytes`,
        ),
      });
      expect([partition.queue.length, partition.queuedBytes]).toEqual([0, 0]);
    },
  );
});

describe('a record batch with many records', () => {
  it('a record batch is taken in pieces of at most the number asked for, each record once', () => {
    const records = compressed(small(1_000), 'zstd');
    const partition = pushed({ recordCount: 1_000, compression: compressions.zstd, records });
    const taken: LogRecord[] = [];
    const sizes: number[] = [];
    for (let next = take(); next !== undefined; next = take()) {
      taken.push(...next.fetched.records);
      sizes.push(next.fetched.records.length);
      expect(next.fetched.nextOffset).toBe((taken.at(-1)?.offset ?? -2n) + 1n);
    }
    function take() {
      return partition.take({ maxRecords: 300, maxBytes: limit }, true);
    }
    expect(sizes).toEqual([300, 300, 300, 100]);
    expect(taken.map(({ offset }) => offset)).toEqual(
      Array.from({ length: 1_000 }, (_, index) => BigInt(index)),
    );
    expect(partition.queuedBytes).toBe(0);
  });

  it('only the first record batch of a take is split, so that no partition runs ahead of those beside it', () => {
    const partition = pushed({ recordCount: 6, records: small(6) });
    pushed({ baseOffset: 6n, recordCount: 6, records: small(6) }, partition);
    const limits = { maxRecords: 10, maxBytes: limit };
    expect(partition.take(limits, true)?.fetched.nextOffset).toBe(6n);
    expect(partition.take({ ...limits, maxRecords: 5 }, false)).toBeUndefined();
    expect(partition.take({ ...limits, maxRecords: 4 }, true)?.fetched.nextOffset).toBe(10n);
    expect(partition.take({ ...limits, maxRecords: 2 }, false)?.fetched.nextOffset).toBe(12n);
  });

  it('an open record batch counts decompressed, and goes on where it was after another one had to be opened', () => {
    const open = new OpenRecordBatches(10_000);
    const built = {
      recordCount: 1_000,
      compression: compressions.gzip,
      records: compressed(small(1_000), 'gzip'),
    };
    const [first, second] = [pushed(built, followed(open)), pushed(built, followed(open))];
    const closedBytes = first.queuedBytes;
    const limits = { maxRecords: 10, maxBytes: limit };
    expect(first.take(limits, true)?.fetched.nextOffset).toBe(10n);
    expect(first.queuedBytes).toBe(closedBytes + small(1_000).length);
    expect(second.take(limits, true)?.fetched.nextOffset).toBe(10n);
    expect(first.queuedBytes).toBe(closedBytes);
    expect(first.take(limits, true)?.fetched.records.map(({ offset }) => offset)[0]).toBe(10n);
    expect(second.queuedBytes).toBe(closedBytes);
    first.drop();
    second.drop();
    expect([first.queuedBytes, second.queuedBytes]).toEqual([0, 0]);
  });

  it('a take stops at the bytes asked for, after one record at least', () => {
    const value = Buffer.alloc(1_000);
    const records = Buffer.concat([0, 1, 2, 3].map((index) => buildRecord(index, value)));
    const partition = pushed({ recordCount: 4, records });
    const sizes = [1, 1_500, 10_000].map(
      (maxBytes) => partition.take({ maxRecords: 10, maxBytes }, true)?.fetched.records.length,
    );
    expect(sizes).toEqual([1, 2, 1]);
  });
});

describe('a record batch that lies', () => {
  const lies: readonly (readonly [string, BuiltRecordBatch])[] = [
    ['fewer records than it has', { recordCount: 1, lastOffsetDelta: 1, records: small(2) }],
    ['more records than it has', { recordCount: 3, records: small(2) }],
    ['two billion records', { recordCount: 2 ** 31 - 1, records: small(2) }],
    ['the same offset twice', { recordCount: 2, records: Buffer.concat([small(1), small(1)]) }],
    ['an offset beyond its last', { recordCount: 1, records: buildRecord(5, null) }],
    ['a negative offset', { recordCount: 1, records: buildRecord(-1, null) }],
    [
      'a record longer than the batch',
      { recordCount: 1, records: Buffer.concat([varint(1_000), Buffer.alloc(10)]) },
    ],
    [
      'a record of negative length',
      { recordCount: 1, records: Buffer.concat([varint(-7), Buffer.alloc(10)]) },
    ],
    [
      'a value longer than the record',
      { recordCount: 1, records: record([0, 0, 0, ...varint(-1), ...varint(99), 1, 2, 0]) },
    ],
    [
      'a value of 2^52 bytes',
      { recordCount: 1, records: record([0, 0, 0, ...varint(-1), ...varint(2 ** 52), 0]) },
    ],
    [
      'a billion headers',
      { recordCount: 1, records: record([0, 0, 0, ...varint(-1), ...varint(-1), ...varint(1e9)]) },
    ],
    [
      'minus one header',
      { recordCount: 1, records: record([0, 0, 0, ...varint(-1), ...varint(-1), ...varint(-1)]) },
    ],
    ['a varint without an end', { recordCount: 1, records: Buffer.alloc(20, 0xff) }],
  ];

  function record(body: readonly number[]): Buffer {
    return Buffer.concat([varint(body.length), Buffer.from(body)]);
  }

  it.each(lies)(
    'a record batch that lies about %s becomes a fault, and none of its records is skipped in silence',
    (_, built) => {
      const partition = pushed(built);
      let offset = 0n;
      for (;;) {
        const taken = partition.take({ maxRecords: 10, maxBytes: limit }, true);
        if (taken === undefined) break;
        offset = taken.fetched.nextOffset;
      }
      expect(partition.fault).toMatchObject({ kind: 'corrupt_batch', offset });
      expect(partition.queuedBytes).toBe(0);
    },
  );

  it('a record batch with a negative number of records is refused at once', () => {
    expect(() => [
      ...readRecordBatches(buildRecordBatch({ recordCount: -1, lastOffsetDelta: 0, records: small(1) })),
    ]).toThrow(CorruptRecordBatchError);
  });

  it('a record batch without records, which compaction leaves behind, is accepted', () => {
    const [recordBatch] = [
      ...readRecordBatches(
        buildRecordBatch({ recordCount: 0, lastOffsetDelta: 9, records: Buffer.alloc(0) }),
      ),
    ] as [RecordBatch];
    const partition = followed();
    partition.push(recordBatch, true);
    expect(partition.take({ maxRecords: 10, maxBytes: limit }, true)?.fetched).toMatchObject({
      records: [],
      nextOffset: 10n,
    });
    expect(partition.fault).toBeUndefined();
  });
});

describe('the leader epochs of what was read', () => {
  const limits = { maxRecords: 10, maxBytes: limit };

  it('records that are taken together have one leader epoch', () => {
    const partition = followed();
    for (const [index, leaderEpoch] of [3, 3, 4, 4, 6].entries()) {
      pushed(
        { baseOffset: BigInt(index), leaderEpoch, recordCount: 1, records: buildRecord(0, null) },
        partition,
      );
    }
    const taken = [1, 2, 3].map(() => partition.take(limits, true)?.fetched);
    expect(taken.map((some) => [some?.nextOffset, some?.leaderEpoch, some?.records.length])).toEqual([
      [2n, 3, 2],
      [4n, 4, 2],
      [5n, 6, 1],
    ]);
    expect(partition.lastEpoch).toBe(6);
  });

  it('an offset that moves on without records has its own leader epoch', () => {
    const partition = followed();
    pushed({ leaderEpoch: 3, recordCount: 1, records: buildRecord(0, null) }, partition);
    const [marker] = [
      ...readRecordBatches(
        buildRecordBatch({ baseOffset: 1n, leaderEpoch: 5, recordCount: 1, records: small(1) }),
      ),
    ];
    partition.push(marker as RecordBatch, false);
    const taken = [1, 2].map(() => partition.take(limits, true)?.fetched);
    expect(taken.map((some) => [some?.nextOffset, some?.leaderEpoch, some?.records.length])).toEqual([
      [1n, 3, 1],
      [2n, 5, 0],
    ]);
  });
});

describe('header names', () => {
  it('a header name is a string if it is UTF-8, and its bytes if it is not', () => {
    const names = [
      Buffer.from('é'),
      Buffer.from('\ufffd'),
      Buffer.from([0x61, 0xff]),
      Buffer.from([0x61, 0xfe]),
    ];
    const headers = names.map((name) => Buffer.concat([varint(name.length), name, varint(-1)]));
    const body = Buffer.concat([
      Buffer.from([0, 0, 0]),
      varint(-1),
      varint(-1),
      varint(names.length),
      ...headers,
    ]);
    const partition = pushed({ recordCount: 1, records: Buffer.concat([varint(body.length), body]) });
    const [record] = partition.take({ maxRecords: 1, maxBytes: limit }, true)?.fetched.records ?? [];
    expect(record?.headers.map(([name]) => name)).toEqual(['é', '\ufffd', names[2], names[3]]);
  });
});
