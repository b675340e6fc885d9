import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import { newRecord } from '../../contract/event-log-harness.ts';
import { newDataDir, openLog, timeoutMs } from './helpers.ts';

const topic = 'kept';

describe("the embedded log's producer", { timeout: timeoutMs * 2 }, () => {
  it('an append waits for the write lock without blocking the process', async () => {
    const dataDir = await newDataDir();
    const log = openLog(dataDir);
    await log.createTopics([{ topic, partitions: 1 }]);
    const other = new DatabaseSync(join(dataDir, 'event-log.sqlite'));
    other.exec('BEGIN IMMEDIATE');
    const appended = log.producer().append([newRecord(topic, 'k', 'v')]);
    // A timer of this process releases the lock, so a wait that blocks the process would never end.
    setTimeout(() => other.exec('COMMIT'), 100);
    expect(await appended).toEqual([{ topic, partition: 0, offset: 0n }]);
    other.close();
  });

  it('an append that gets no lock in time rejects as retryable, and has written nothing', async () => {
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

  it('the appends of one turn go into one transaction, in which only an invalid one is rejected', async () => {
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
    // A transaction writes one row for each partition, so one row means one transaction.
    expect(other.prepare('SELECT count(*) AS rows FROM record_batches').get()).toEqual({ rows: 1 });
    other.close();
  });

  it('an append with a record over the limit is rejected as a whole', async () => {
    const log = openLog(await newDataDir(), { maxRecordBytes: 100 });
    await log.createTopics([{ topic, partitions: 1 }]);
    const records = [newRecord(topic, 'k', 'small'), newRecord(topic, 'k', 'x'.repeat(100))];
    await expect(log.producer().append(records)).rejects.toMatchObject({
      code: 'log_record_too_large',
      retryable: false,
    });
    expect((await log.describe([topic]))[0]?.partitions[0]?.endOffset).toBe(0n);
  });

  it('a closed producer rejects appends, after settling those that were under way', async () => {
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
