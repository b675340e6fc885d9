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
  it('the file is created with its folder, and keeps topics, records and offsets between two openings', async () => {
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

  it('a file that is no SQLite file is refused', async () => {
    const dataDir = await newDataDir();
    await writeFile(
      join(dataDir, 'event-log.sqlite'),
      'not a database, and long enough to be sure of it. '.repeat(40),
    );
    expect(() => open(dataDir)).toThrowError(
      expect.objectContaining({ code: 'log_damaged', retryable: false }),
    );
  });

  it('a SQLite file of another program is refused, and not changed', async () => {
    const dataDir = await newDataDir();
    const foreign = new DatabaseSync(join(dataDir, 'event-log.sqlite'));
    foreign.exec('CREATE TABLE theirs (a)');
    expect(() => open(dataDir)).toThrowError(expect.objectContaining({ code: 'log_damaged' }));
    expect(foreign.prepare('PRAGMA journal_mode').get()).toEqual({ journal_mode: 'delete' });
    foreign.close();
  });

  it('a file of a newer program is refused', async () => {
    const dataDir = await newDataDir();
    await open(dataDir).close();
    const file = new DatabaseSync(join(dataDir, 'event-log.sqlite'));
    file.exec('PRAGMA user_version = 99');
    file.close();
    expect(() => open(dataDir)).toThrowError(
      expect.objectContaining({ code: 'schema_too_new', retryable: false }),
    );
  });

  it('reading goes on by itself after a time without readable records, and health reports that time', async () => {
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

  it('a take stays within its limits to the record, over all partitions', async () => {
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
    expect(await take(7, 1 << 20)).toEqual([7]);
    expect(await take(1, 1 << 20)).toEqual([1]);
    expect(await take(100, 1)).toEqual([1]);
    const some = (await take(100, 4000)).reduce((sum, count) => sum + count, 0);
    expect(some).toBeGreaterThan(20);
    expect(some * 100).toBeLessThan(4000);
    const rest = await take(1_000, 1 << 20);
    expect(rest).toHaveLength(2);
    expect(rest.reduce((sum, count) => sum + count, 0)).toBe(400 - 7 - 1 - 1 - some);
  });

  it('no read stays open between two takes, so that the write-ahead log can be emptied', async () => {
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

  it('a record batch whose bytes have changed halts its partition, and the records before it are read', async () => {
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

  it('a record batch that is missing from the file halts its partition, and no record behind it is read', async () => {
    const dataDir = await newDataDir();
    const log = openLog(dataDir);
    await log.createTopics([{ topic, partitions: 1 }]);
    const producer = log.producer();
    for (const value of ['sound', 'missing', 'beyond']) await producer.append([newRecord(topic, 'k', value)]);
    const file = new DatabaseSync(join(dataDir, 'event-log.sqlite'));
    file.exec('DELETE FROM record_batches WHERE base_offset = 1');
    file.close();
    const member = await (await startMember(log, topic)).untilHolds(1);
    expect((await member.read(partitionsOf(topic, 1), 1)).map(valueText)).toEqual(['sound']);
    await member.untilFaults(1);
    expect(member.faults[0]).toMatchObject({ kind: 'corrupt_batch', offset: 1n, topic, partition: 0 });
  });
});
