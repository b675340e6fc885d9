import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { newRecord, partitionsOf, valueText } from '../../contract/event-log-harness.ts';
import { Child, newDataDir, openLog, startMember, timeoutMs } from './helpers.ts';

describe('the embedded log in several processes', { timeout: timeoutMs * 2 }, () => {
  it('several processes append at once, and a follower reads each record once and in sequence', async () => {
    const dataDir = await newDataDir();
    const topic = `several-${randomUUID()}`;
    const [writers, appends, each] = [3, 60, 7];
    const children = Array.from(
      { length: writers },
      (_, i) => new Child('append', dataDir, topic, `writer-${i}`, `${appends}`, `${each}`),
    );
    const log = openLog(dataDir);
    await log.createTopics([{ topic, partitions: 2 }]);
    const member = await (await startMember(log, topic)).untilHolds(2);
    const read = await member.read(partitionsOf(topic, 2), writers * appends * each);
    for (const child of children) expect(await child.exited()).toBe(0);

    const acknowledged = children.flatMap((child) =>
      child.messages.flatMap((message) => message.acknowledged ?? []),
    );
    const found = read.map((record) => [record.partition, Number(record.offset), valueText(record)]);
    expect(found.sort()).toEqual(acknowledged.sort());
    for (let i = 0; i < writers; i += 1) {
      const values = read.map(valueText).filter((value) => value.startsWith(`writer-${i}:`));
      expect(values).toEqual(Array.from({ length: appends * each }, (_, n) => `writer-${i}:${n}`));
    }
  });

  it('an append wakes a follower in another process without a poll', async () => {
    const dataDir = await newDataDir();
    // In both processes the first poll would come after days, so only the append itself can wake them.
    const log = openLog(dataDir, { pollMs: 2 ** 30 });
    await log.createTopics([
      { topic: 'ping', partitions: 1 },
      { topic: 'pong', partitions: 1 },
    ]);
    const child = new Child('echo', dataDir, 'ping', 'pong');
    const member = await (await startMember(log, 'pong')).untilHolds(1);
    await child.until((messages) => messages.some(({ ready }) => ready === true), 'the child to be ready');
    const producer = log.producer();
    for (let round = 0; round < 50; round += 1) {
      await producer.append([newRecord('ping', 'k', `${round}`)]);
      const [record] = await member.read(partitionsOf('pong', 1), 1);
      expect(record && valueText(record)).toBe(`${round}`);
    }
    await producer.append([newRecord('ping', 'k', 'end')]);
    expect(await child.exited()).toBe(0);
  });

  it('every append that resolved survives a kill of its process, and no other is kept in part', async () => {
    const dataDir = await newDataDir();
    const topic = `killed-${randomUUID()}`;
    const child = new Child('append', dataDir, topic, 'writer', '1000000', '10');
    await child.until((messages) => messages.length >= 30, '30 acknowledged appends');
    child.process.kill('SIGKILL');
    await child.exited();

    const log = openLog(dataDir);
    const [description] = await log.describe([topic]);
    const count = (description?.partitions ?? []).reduce((sum, { endOffset }) => sum + Number(endOffset), 0);
    const member = await (await startMember(log, topic)).untilHolds(2);
    const read = await member.read(partitionsOf(topic, 2), count);
    // One key means one partition. It holds whole appends of ten, in sequence and without a gap.
    expect(read.map(valueText)).toEqual(Array.from({ length: count }, (_, n) => `writer:${n}`));
    expect(count % 10).toBe(0);
    const acknowledged = child.messages.flatMap((message) => message.acknowledged ?? []);
    expect(count).toBeGreaterThanOrEqual(acknowledged.length);
    const next = await log.producer().append([newRecord(topic, 'writer', 'next')]);
    expect(next[0]?.offset).toBe(BigInt(count));
  });

  it('many processes that open a new folder at once create one log', async () => {
    const dataDir = await newDataDir();
    const topic = `opened-${randomUUID()}`;
    const children = Array.from(
      { length: 5 },
      (_, i) => new Child('append', dataDir, topic, `${i}`, '1', '1'),
    );
    for (const child of children) expect(await child.exited()).toBe(0);
    const [description] = await openLog(dataDir).describe([topic]);
    expect((description?.partitions ?? []).reduce((sum, { endOffset }) => sum + endOffset, 0n)).toBe(5n);
  });
});
