import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import { LOG_FILE } from '../../../src/adapters/embedded-log/file/schema.ts';
import type { EmbeddedLog } from '../../../src/adapters/embedded-log/index.ts';
import { systemClock } from '../../../src/adapters/system-clock.ts';
import type { Clock } from '../../../src/ports/clock.ts';
import { newRecord } from '../../contract/event-log-harness.ts';
import { newDataDir, openLog, startMember, timeoutMs } from './helpers.ts';

const topic = 'shared';
const never = new AbortController().signal;

async function placeWith(partitions: number, clock: Clock = systemClock) {
  const dataDir = await newDataDir();
  const log = openLog(dataDir, { clock });
  await log.createTopics([{ topic, partitions }]);
  const member = await (await startMember(log, topic)).untilHolds(partitions);
  return { dataDir, log, member, consumer: member.consumer };
}

async function appendTo(log: EmbeddedLog, key: string, records: number) {
  const producer = log.producer();
  const placed = await producer.append(Array.from({ length: records }, () => newRecord(topic, key, 'x')));
  await producer.close();
  return placed;
}

/** Two keys of different partitions, with one record each. */
async function twoKeys(log: EmbeddedLog): Promise<[string, string]> {
  const keys = new Map<number, string>();
  for (let number = 0; keys.size < 2; number++) {
    const [place] = await appendTo(log, `key-${number}`, 1);
    keys.set(place?.partition ?? -1, `key-${number}`);
  }
  return [...keys.values()] as [string, string];
}

const places = (count: number) =>
  Array.from({ length: count }, (_, partition) => ({ topic, partition, offset: 0n, leaderEpoch: -1 }));

describe('a take of the embedded log', { timeout: timeoutMs }, () => {
  it('brings the partitions forward side by side in time, and begins with another one each time', async () => {
    let nowMs = 1_000;
    const { log, consumer } = await placeWith(2, { ...systemClock, now: () => nowMs });
    const [early, late] = await twoKeys(log);
    for (const key of [early, late, early, late, early, late, early, late]) {
      nowMs += 1_000;
      await appendTo(log, key, 300);
    }
    consumer.follow(places(2));
    const takes: (readonly number[])[][] = [];
    for (let turn = 0; turn < 3; turn++) {
      const taken = await consumer.take(places(2), { maxRecords: 900, maxBytes: 1 << 20 }, never);
      takes.push(
        taken.map(({ partition, records }) => [
          partition,
          records.length,
          (records[0]?.timestampMs ?? 0) / 1e3,
        ]),
      );
    }
    const [first, second] = takes[0]?.[0]?.[0] === 0 ? [0, 1] : [1, 0];
    // Two record batches to find the partitions of the keys stand before them.
    expect(takes.map((take) => take.map(([partition]) => partition))).toEqual([
      [first, second, first],
      [second, first, second],
      [first, second],
    ]);
    const counts = takes.flat().map(([, records]) => records as number);
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(2_402);
    // No partition is ahead of the other by more than what it took first in a turn.
    const reached = [0, 0];
    for (const [partition = 0, records = 0] of takes.flat()) {
      reached[partition] = (reached[partition] ?? 0) + records;
      expect(Math.abs((reached[0] ?? 0) - (reached[1] ?? 0))).toBeLessThanOrEqual(900);
    }
  });

  it('comes to a partition whose records are far younger than those of the others', async () => {
    let nowMs = 1_000;
    const { log, consumer } = await placeWith(2, { ...systemClock, now: () => nowMs });
    const [old, young] = await twoKeys(log);
    for (let count = 0; count < 6; count++) await appendTo(log, old, 300);
    nowMs = 9e12;
    await appendTo(log, young, 300);
    consumer.follow(places(2));
    const firsts = new Set<number>();
    for (let turn = 0; turn < 2; turn++) {
      const [taken] = await consumer.take(places(2), { maxRecords: 300, maxBytes: 1 << 20 }, never);
      firsts.add(taken?.partition ?? -1);
    }
    expect(firsts.size).toBe(2);
  });

  it('keeps its limit of bytes over record batches', async () => {
    const { log, consumer } = await placeWith(1);
    const producer = log.producer();
    for (const value of ['a', 'b', 'c']) await producer.append([newRecord(topic, 'k', value.repeat(700))]);
    await producer.close();
    consumer.follow(places(1));
    for (let turn = 0; turn < 3; turn++)
      expect(await consumer.take(places(1), { maxRecords: 9, maxBytes: 1_000 }, never)).toMatchObject([
        { records: { length: 1 } },
      ]);
  });

  it('tells in the health that the file cannot be read, and nothing of it once it can be', async () => {
    const { dataDir, log, consumer } = await placeWith(1);
    const producer = log.producer();
    await producer.append([newRecord(topic, 'k', 'v')]);
    await producer.close();
    const database = new DatabaseSync(join(dataDir, LOG_FILE), { timeout: 1_000 });
    database.exec('ALTER TABLE record_batches RENAME TO moved');
    consumer.follow(places(1));
    const taking = consumer.take(places(1), { maxRecords: 9, maxBytes: 1 << 20 }, never);
    await vi.waitFor(
      () =>
        expect(consumer.health()).toMatchObject({
          ok: false,
          reason: expect.stringContaining('record_batches'),
        }),
      5_000,
    );
    database.exec('ALTER TABLE moved RENAME TO record_batches');
    database.close();
    expect(await taking).toMatchObject([{ records: { length: 1 } }]);
    expect(consumer.health()).toEqual({ ok: true });
  });
});

describe('a member of the embedded log', { timeout: timeoutMs }, () => {
  it('tells that it cannot look at its group, and nothing of it once it can', async () => {
    const { dataDir, log, consumer } = await placeWith(1);
    const database = new DatabaseSync(join(dataDir, LOG_FILE), { timeout: 1_000 });
    database.exec('ALTER TABLE members RENAME TO moved');
    consumer.follow(places(1));
    await vi.waitFor(
      () =>
        expect(consumer.health()).toMatchObject({ ok: false, reason: expect.stringContaining('members') }),
      5_000,
    );
    database.exec('ALTER TABLE moved RENAME TO members');
    database.close();
    await vi.waitFor(() => expect(consumer.health()).toEqual({ ok: true }), 5_000);
    await log.close();
  });

  it('tells the loss of a partition that somebody else owns', async () => {
    const { dataDir, log, member, consumer } = await placeWith(1);
    consumer.follow(places(1));
    const database = new DatabaseSync(join(dataDir, LOG_FILE), { timeout: 1_000 });
    database.exec("UPDATE owners SET member_id = 'another'");
    database.close();
    const producer = log.producer();
    await producer.append([newRecord(topic, 'k', 'v')]);
    await producer.close();
    const limits = { maxRecords: 9, maxBytes: 1 << 20 };
    expect(await consumer.take(places(1), limits, AbortSignal.timeout(200))).toEqual([]);
    await vi.waitFor(() => expect(member.calls.map(({ kind }) => kind)).toContain('lost'), 5_000);
  });
});

describe('the records of the embedded log', { timeout: timeoutMs }, () => {
  it('go up to the end of the partition at most when they are deleted', async () => {
    const { log } = await placeWith(1);
    const producer = log.producer();
    await producer.append([newRecord(topic, 'k', 'a'), newRecord(topic, 'k', 'b')]);
    await log.deleteRecords({ topic, partition: 0 }, 99n);
    expect(await log.describe([topic])).toMatchObject([{ partitions: [{ startOffset: 2n, endOffset: 2n }] }]);
    expect(await producer.append([newRecord(topic, 'k', 'c')])).toMatchObject([{ offset: 2n }]);
    await producer.close();
  });

  it('show the time of their own record batch to a look', async () => {
    const { log } = await placeWith(1);
    const producer = log.producer();
    for (const value of ['a', 'b', 'c']) {
      await producer.append([newRecord(topic, 'k', value)]);
      await setTimeout(3);
    }
    await producer.close();
    const range = { topic, partition: 0, maxRecords: 9, maxBytes: 1 << 20 };
    const read = await log.readRecords({ ...range, offset: 0n });
    const times = read.kind === 'read' ? read.records.map(({ timestampMs }) => timestampMs) : [];
    expect(new Set(times).size).toBe(3);
    for (const [index, timestampMs] of times.entries())
      expect(await log.peek([{ topic, partition: 0, offset: BigInt(index) }])).toMatchObject([
        { first: { kind: 'record', offset: BigInt(index), timestampMs } },
      ]);
  });

  it('belong to nobody once their topic is deleted and made anew', async () => {
    const { dataDir, log } = await placeWith(2);
    await log.deleteTopic(topic);
    const database = new DatabaseSync(join(dataDir, LOG_FILE), { readOnly: true });
    expect(database.prepare('SELECT count(*) AS count FROM owners').get()).toEqual({ count: 0 });
    database.close();
  });
});
