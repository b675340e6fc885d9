import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import { openEmbeddedLog } from '../../../src/adapters/embedded-log/index.ts';
import { systemClock } from '../../../src/adapters/system-clock.ts';
import { UNKNOWN_LEADER_EPOCH } from '../../../src/ports/event-log.ts';
import { eventually, newRecord, partitionsOf, valueText } from '../../contract/event-log-harness.ts';
import { newDataDir, openLog, startMember, timeoutMs } from './helpers.ts';

const topic = 'kept';

function open(dataDir: string) {
  return openEmbeddedLog({ dataDir, clock: systemClock });
}

describe("the embedded log's file", { timeout: timeoutMs * 2 }, () => {
  it('is made with its folder, and keeps topics, records and offsets from one opening to the next', async () => {
    const dataDir = join(await newDataDir(), 'new', 'folder');
    const first = open(dataDir);
    await first.createTopics([{ topic, partitions: 1 }]);
    await first.producer().append([newRecord(topic, 'k', '1')]);
    const described = await first.describe([topic]);
    await first.close();
    expect(existsSync(join(dataDir, 'event-log.sqlite'))).toBe(true);
    const second = openLog(dataDir);
    expect(await second.describe([topic])).toEqual(described);
    expect(await second.producer().append([newRecord(topic, 'k', '2')])).toEqual([
      { topic, partition: 0, offset: 1n },
    ]);
  });

  it('is refused if it is not a SQLite file', async () => {
    const dataDir = await newDataDir();
    await writeFile(
      join(dataDir, 'event-log.sqlite'),
      'not a database, and long enough to be sure of it. '.repeat(40),
    );
    expect(() => open(dataDir)).toThrowError(
      expect.objectContaining({ code: 'log_damaged', retryable: false }),
    );
  });

  it("is refused, and left as it was, if it is another program's", async () => {
    const dataDir = await newDataDir();
    const foreign = new DatabaseSync(join(dataDir, 'event-log.sqlite'));
    foreign.exec('CREATE TABLE theirs (a)');
    expect(() => open(dataDir)).toThrowError(expect.objectContaining({ code: 'log_damaged' }));
    expect(foreign.prepare('PRAGMA journal_mode').get()).toEqual({ journal_mode: 'delete' });
    foreign.close();
  });

  it('is refused if a newer program made it', async () => {
    const dataDir = await newDataDir();
    await open(dataDir).close();
    const file = new DatabaseSync(join(dataDir, 'event-log.sqlite'));
    file.exec('PRAGMA user_version = 99');
    file.close();
    expect(() => open(dataDir)).toThrowError(
      expect.objectContaining({ code: 'schema_too_new', retryable: false }),
    );
  });

  it('is read again by itself after a time in which it could not be, and health tells of that time', async () => {
    const dataDir = await newDataDir();
    const log = openLog(dataDir);
    await log.createTopics([{ topic, partitions: 1 }]);
    await log.producer().append([newRecord(topic, 'k', 'v')]);
    const member = await (await startMember(log, topic, { startAt: () => null })).untilHolds(1);
    const file = new DatabaseSync(join(dataDir, 'event-log.sqlite'));
    file.exec('ALTER TABLE record_batches RENAME TO moved');
    member.consumer.follow([{ topic, partition: 0, offset: 0n, leaderEpoch: UNKNOWN_LEADER_EPOCH }]);
    const reading = member.read(partitionsOf(topic, 1), 1);
    await eventually(
      () => !member.consumer.health().ok,
      timeoutMs,
      () => 'health that tells of the trouble',
    );
    file.exec('ALTER TABLE moved RENAME TO record_batches');
    file.close();
    expect((await reading).map(valueText)).toEqual(['v']);
    expect(member.consumer.health()).toEqual({ ok: true });
  });

  it('is read to the record within the limits of a take, and fairly over the partitions', async () => {
    const log = openLog(await newDataDir());
    await log.createTopics([{ topic, partitions: 2 }]);
    await log
      .producer()
      .append(Array.from({ length: 400 }, (_, i) => newRecord(topic, `${i}`, 'x'.repeat(100))));
    const member = await (await startMember(log, topic)).untilHolds(2);
    const take = async (maxRecords: number, maxBytes: number) => {
      const signal = AbortSignal.timeout(timeoutMs);
      const taken = await member.consumer.take(partitionsOf(topic, 2), { maxRecords, maxBytes }, signal);
      return taken.map(({ records }) => records.length);
    };
    expect(await take(7, 1 << 20)).toEqual([4, 3]);
    expect(await take(1, 1 << 20)).toEqual([1]);
    expect(await take(100, 1)).toEqual([1]);
    const [first = 0, second = 0] = await take(100, 4000);
    expect(Math.min(first, second)).toBeGreaterThan(10);
    expect((first + second) * 100).toBeLessThan(4000);
  });

  it('holds no read open between takes, so that its write-ahead log can be emptied', async () => {
    const dataDir = await newDataDir();
    const log = openLog(dataDir);
    await log.createTopics([{ topic, partitions: 1 }]);
    await log.producer().append(Array.from({ length: 2000 }, (_, i) => newRecord(topic, 'k', `${i}`)));
    const member = await (await startMember(log, topic)).untilHolds(1);
    const limits = { maxRecords: 10, maxBytes: 1 << 20 };
    expect(
      await member.consumer.take(partitionsOf(topic, 1), limits, AbortSignal.timeout(timeoutMs)),
    ).toHaveLength(1);
    await log.producer().append([newRecord(topic, 'k', 'after')]);
    const file = new DatabaseSync(join(dataDir, 'event-log.sqlite'));
    expect(file.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get()).toEqual({
      busy: 0,
      log: 0,
      checkpointed: 0,
    });
    file.close();
  });

  it('halts a partition before a batch whose bytes have changed, and gives out what lies before it', async () => {
    const dataDir = await newDataDir();
    const log = openLog(dataDir);
    await log.createTopics([{ topic, partitions: 1 }]);
    const producer = log.producer();
    for (const value of ['sound', 'damaged', 'beyond']) await producer.append([newRecord(topic, 'k', value)]);
    const file = new DatabaseSync(join(dataDir, 'event-log.sqlite'));
    const row = file.prepare('SELECT packed FROM record_batches WHERE base_offset = 1').get();
    const packed = Buffer.from(row?.packed as Uint8Array);
    packed.write('dAmaged', packed.indexOf('damaged'));
    file.prepare('UPDATE record_batches SET packed = ? WHERE base_offset = 1').run(packed);
    file.close();
    const member = await (await startMember(log, topic)).untilHolds(1);
    expect((await member.read(partitionsOf(topic, 1), 1)).map(valueText)).toEqual(['sound']);
    await member.untilFaults(1);
    expect(member.faults[0]).toMatchObject({ kind: 'corrupt_batch', offset: 1n, topic, partition: 0 });
    member.consumer.follow([{ topic, partition: 0, offset: 2n, leaderEpoch: UNKNOWN_LEADER_EPOCH }]);
    expect((await member.read(partitionsOf(topic, 1), 1)).map(valueText)).toEqual(['beyond']);
  });
});

describe("the embedded log's producer", { timeout: timeoutMs * 2 }, () => {
  it('waits for the write lock without holding up the process', async () => {
    const dataDir = await newDataDir();
    const log = openLog(dataDir);
    await log.createTopics([{ topic, partitions: 1 }]);
    const other = new DatabaseSync(join(dataDir, 'event-log.sqlite'));
    other.exec('BEGIN IMMEDIATE');
    const appended = log.producer().append([newRecord(topic, 'k', 'v')]);
    // The lock goes by a timer of this same process: a wait that blocks it would never end.
    setTimeout(() => other.exec('COMMIT'), 100);
    expect(await appended).toEqual([{ topic, partition: 0, offset: 0n }]);
    other.close();
  });

  it('gives up after the lock timeout, says that nobody need change anything, and has written nothing', async () => {
    const dataDir = await newDataDir();
    const log = openLog(dataDir, { lockTimeoutMs: 100 });
    await log.createTopics([{ topic, partitions: 1 }]);
    const other = new DatabaseSync(join(dataDir, 'event-log.sqlite'));
    other.exec('BEGIN IMMEDIATE');
    await expect(log.producer().append([newRecord(topic, 'k', 'v')])).rejects.toMatchObject({
      code: 'log_append_failed',
      retryable: true,
    });
    other.exec('COMMIT');
    other.close();
    expect((await log.describe([topic]))[0]?.partitions[0]?.endOffset).toBe(0n);
  });

  it('puts the appends of one turn into one transaction, and fails of them only the one that must', async () => {
    const dataDir = await newDataDir();
    const log = openLog(dataDir);
    await log.createTopics([{ topic, partitions: 1 }]);
    const other = new DatabaseSync(join(dataDir, 'event-log.sqlite'));
    const producers = [log.producer(), log.producer()];
    const outcomes = await Promise.allSettled([
      ...Array.from({ length: 100 }, (_, i) => producers[i % 2]?.append([newRecord(topic, 'k', `${i}`)])),
      producers[0]?.append([newRecord('missing', 'k', 'v')]),
    ]);
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(100);
    expect(outcomes.at(-1)).toMatchObject({ status: 'rejected', reason: { code: 'topic_missing' } });
    // A transaction writes one batch for each partition: so many rows, so many transactions.
    expect(other.prepare('SELECT count(*) AS batches FROM record_batches').get()).toEqual({ batches: 1 });
    other.close();
  });

  it('refuses a record over the limit and appends none of its companions', async () => {
    const log = openLog(await newDataDir(), { maxRecordBytes: 100 });
    await log.createTopics([{ topic, partitions: 1 }]);
    const records = [newRecord(topic, 'k', 'small'), newRecord(topic, 'k', 'x'.repeat(100))];
    await expect(log.producer().append(records)).rejects.toMatchObject({
      code: 'log_record_too_large',
      retryable: false,
    });
    expect((await log.describe([topic]))[0]?.partitions[0]?.endOffset).toBe(0n);
  });

  it('refuses to append once it or its log is closed, after answering what was under way', async () => {
    const log = openLog(await newDataDir());
    await log.createTopics([{ topic, partitions: 1 }]);
    const producer = log.producer();
    const underWay = producer.append([newRecord(topic, 'k', 'v')]);
    await log.close();
    expect(await underWay).toHaveLength(1);
    const refused = { code: 'log_append_failed', retryable: false };
    await expect(producer.append([newRecord(topic, 'k', 'v')])).rejects.toMatchObject(refused);
    await producer.close();
    await expect(producer.append([newRecord(topic, 'k', 'v')])).rejects.toMatchObject(refused);
    await expect(log.describe([topic])).rejects.toMatchObject({ code: 'log_unreachable', retryable: false });
  });
});
