import { describe, expect, it } from 'vitest';
import { TributaryError } from '../../../src/core/errors.ts';
import { orders } from '../../../src/orders/index.ts';
import { type Tailed, tail } from '../../../src/pipeline/ask/tail.ts';
import { createDecoder } from '../../../src/pipeline/decode/decoder.ts';
import type { Checkpoint } from '../../../src/ports/checkpoints.ts';
import type { LogRecord, RecordsRange, RecordsRead } from '../../../src/ports/event-log.ts';
import type { JournaledEvent } from '../../../src/ports/journal.ts';
import { type Body, created, TOPIC_NAMES } from '../../helpers/order-store.ts';

const TOPIC = 'order_events';
const BEGUN_MS = Date.UTC(2026, 0, 1);

/** A log of one partition, with what a journal and a checkpoint say of it. Record n has its time at n seconds. */
class Feed {
  readonly records: LogRecord[] = [];
  readonly journal = new Map<string, JournaledEvent[]>();
  readonly decoder = createDecoder(orders, { topicNames: TOPIC_NAMES });
  /** The checkpoints of the next looks; the last one stays. */
  readonly checkpoints: (bigint | Error)[] = [];
  startOffset = 0n;
  /** Why the partition is halted at each of these looks; the last one stays. */
  readonly halts: (string | null)[] = [];
  reads = 0;

  append(body: Body | string, key?: string): bigint {
    const offset = BigInt(this.records.length);
    const value = typeof body === 'string' ? body : JSON.stringify(body);
    this.records.push({
      offset,
      timestampMs: BEGUN_MS + Number(offset) * 1_000,
      key: Buffer.from(key ?? (typeof body === 'string' ? 'k' : String(body.orderId))),
      value: Buffer.from(value),
      headers: [],
    });
    return offset;
  }

  /** Puts the event of the record into the journal. */
  journaled(offset: bigint): void {
    const record = this.records[Number(offset)] as LogRecord;
    const decoded = this.decoder.decode(record, { topic: TOPIC, partition: 0 }, 0);
    if (decoded.kind === 'rejected') throw new Error(decoded.record.detail);
    const { entityId } = decoded.event;
    this.journal.set(entityId, [...(this.journal.get(entityId) ?? []), decoded.event]);
  }

  read({ offset, maxRecords }: RecordsRange): RecordsRead {
    this.reads++;
    const endOffset = BigInt(this.records.length);
    if (offset < this.startOffset || offset > endOffset)
      return { kind: 'out_of_range', startOffset: this.startOffset, endOffset };
    const records = this.records.slice(Number(offset), Number(offset) + maxRecords);
    return { kind: 'read', records, nextOffset: offset + BigInt(records.length) };
  }

  /** What the tail tells in this number of looks at the checkpoints. */
  async tell(looks: number, sinceMs: number | null = null): Promise<Tailed[]> {
    const stopping = new AbortController();
    let left = looks;
    const parts = {
      log: {
        describe: async () => [
          {
            topic: TOPIC,
            topicId: 'id',
            partitionCount: 1,
            partitions: [
              {
                topic: TOPIC,
                partition: 0,
                startOffset: this.startOffset,
                endOffset: BigInt(this.records.length),
              },
            ],
          },
        ],
        readRecords: async (range: RecordsRange) => this.read(range),
      },
      store: {
        checkpoints: async () => {
          const next = this.checkpoints.length > 1 ? this.checkpoints.shift() : this.checkpoints[0];
          if (next instanceof Error) throw next;
          const halt = (this.halts.length > 1 ? this.halts.shift() : this.halts[0]) ?? null;
          if (next === undefined) return [];
          return [
            { ...checkpointAt(next), haltReason: halt },
            { ...checkpointAt(9n), topic: 'other' },
          ];
        },
        readJournals: async () => this.journal,
      },
      decoder: this.decoder,
      clock: {
        now: () => BEGUN_MS,
        async sleep() {
          if (--left <= 0) stopping.abort();
        },
      },
      topics: [TOPIC],
    };
    const told: Tailed[] = [];
    for await (const tailed of tail(parts, { sinceMs, signal: stopping.signal })) told.push(tailed);
    return told;
  }
}

function checkpointAt(nextOffset: bigint): Checkpoint {
  return {
    topic: TOPIC,
    partition: 0,
    topicId: 'id',
    nextOffset,
    leaderEpoch: -1,
    epoch: 1n,
    haltReason: null,
    isNew: false,
  };
}

function outline(told: readonly Tailed[]): unknown[] {
  return told.map((tailed) =>
    tailed.kind === 'note' ? tailed.text : [tailed.offset, tailed.outcome, tailed.entityId],
  );
}

describe('the tail of what is journaled', () => {
  it('tells the records behind which the checkpoint moves from now on, each once', async () => {
    const feed = new Feed();
    for (const id of ['a', 'b', 'c', 'd']) feed.journaled(feed.append(created(id, '10:00')));
    feed.checkpoints.push(1n, 1n, 3n, 3n, 4n);
    expect(outline(await feed.tell(6))).toEqual([
      [1n, 'journaled', 'b'],
      [2n, 'journaled', 'c'],
      [3n, 'journaled', 'd'],
    ]);
  });

  it('tells no record before the checkpoint has passed it, although the log has it', async () => {
    const feed = new Feed();
    feed.append(created('a', '10:00'));
    feed.checkpoints.push(0n);
    expect(await feed.tell(3)).toEqual([]);
  });

  it('tells duplicates, refused records with the reason, and events that it cannot look up', async () => {
    const feed = new Feed();
    feed.journaled(feed.append(created('a', '10:00')));
    feed.append(created('a', '10:00'));
    feed.append('{"eventType":');
    feed.append(created('long', '10:00'));
    feed.checkpoints.push(0n, 4n);
    const told = await feed.tell(2);
    expect(outline(told)).toEqual([
      [0n, 'journaled', 'a'],
      [1n, 'duplicate', 'a'],
      [2n, 'quarantined', 'k'],
      [3n, 'not_checked', 'long'],
    ]);
    expect(told[0]).toMatchObject({ event: { eventType: 'ORDER' }, refusal: null });
    expect(told[2]).toMatchObject({ event: null, refusal: { reason: 'json_invalid' } });
  });

  it('reads many records in pages', async () => {
    const feed = new Feed();
    for (let n = 0; n < 1_200; n++) feed.append(created(`order ${n}`, '10:00'));
    feed.checkpoints.push(0n, 1_200n);
    expect(await feed.tell(2)).toHaveLength(1_200);
    expect(feed.reads).toBe(3);
  });

  it('begins at the first record since a moment, and finds it without reading all', async () => {
    const feed = new Feed();
    for (let n = 0; n < 1_000; n++) feed.append(created(`order ${n}`, '10:00'));
    feed.checkpoints.push(1_000n);
    const told = await feed.tell(1, BEGUN_MS + 997_500);
    expect(told.map((tailed) => tailed.kind === 'record' && tailed.offset)).toEqual([998n, 999n]);
    expect(feed.reads).toBeLessThan(15);
  });

  it('begins at a record whose time is that moment', async () => {
    const feed = new Feed();
    for (let n = 0; n < 20; n++) feed.append(created(`order ${n}`, '10:00'));
    feed.checkpoints.push(20n);
    const told = await feed.tell(1, BEGUN_MS + 17_000);
    expect(told.map((tailed) => tailed.kind === 'record' && tailed.offset)).toEqual([17n, 18n, 19n]);
  });

  it('tells a partition that comes later from its beginning', async () => {
    const feed = new Feed();
    feed.append(created('a', '10:00'));
    feed.checkpoints.push(1n);
    let looks = 0;
    const { checkpoints } = feed;
    Object.defineProperty(feed, 'checkpoints', {
      get: () => (looks++ < 2 ? [] : checkpoints),
    });
    expect(outline(await feed.tell(3))).toEqual([[0n, 'not_checked', 'a']]);
  });

  it('says which offsets the log has lost, and goes on behind them', async () => {
    const feed = new Feed();
    for (const id of ['a', 'b', 'c']) feed.journaled(feed.append(created(id, '10:00')));
    feed.startOffset = 2n;
    feed.checkpoints.push(0n, 3n);
    expect(outline(await feed.tell(2))).toEqual([
      'order_events/0: the log no longer has the offsets 0 to 1.',
      [2n, 'journaled', 'c'],
    ]);
  });

  it('tells the records again that are journaled again after the store went back', async () => {
    const feed = new Feed();
    for (const id of ['a', 'b']) feed.journaled(feed.append(created(id, '10:00')));
    feed.checkpoints.push(2n, 1n, 2n);
    expect(outline(await feed.tell(3))).toEqual([
      'order_events/0: the checkpoint went back from offset 2 to 1.',
      [1n, 'journaled', 'b'],
    ]);
  });

  it.each([null, BEGUN_MS])(
    'says once that a partition is halted before the start of the log, and then what it has lost (since %s)',
    async (sinceMs) => {
      const feed = new Feed();
      for (const id of ['a', 'b', 'c', 'd']) feed.journaled(feed.append(created(id, '10:00')));
      feed.startOffset = 3n;
      feed.checkpoints.push(1n, 1n, 1n, 4n);
      feed.halts.push('offset_out_of_range: it is gone.', 'offset_out_of_range: it is gone.', 'again', null);
      expect(outline(await feed.tell(5, sinceMs))).toEqual([
        'order_events/0 is halted at offset 1; the log starts at 3. order-sync partitions shows how it can go on.',
        'order_events/0: the log no longer has the offsets 1 to 2.',
        [3n, 'journaled', 'd'],
      ]);
    },
  );

  it('says why a partition is halted inside the log', async () => {
    const feed = new Feed();
    feed.append(created('a', '10:00'));
    feed.checkpoints.push(0n);
    feed.halts.push('corrupt_batch: offset 0\u202e is damaged.');
    expect(outline(await feed.tell(3))).toEqual([
      'order_events/0 is halted at offset 0: corrupt_batch: offset 0\\u202e is damaged. order-sync partitions shows how it can go on.',
    ]);
  });

  it('says that it cannot follow just now, and goes on; an error that does not pass ends it', async () => {
    const feed = new Feed();
    feed.journaled(feed.append(created('a', '10:00')));
    feed.checkpoints.push(0n, new TributaryError('store_unreachable', 'It is gone.'), 1n);
    expect(outline(await feed.tell(3))).toEqual([
      'Cannot follow just now: It is gone.',
      [0n, 'journaled', 'a'],
    ]);
    feed.checkpoints.splice(0, 3, new TributaryError('store_refused', 'No right.'));
    await expect(feed.tell(1)).rejects.toMatchObject({ code: 'store_refused' });
  });
});
