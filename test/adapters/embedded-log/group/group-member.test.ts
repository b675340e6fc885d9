import { describe, expect, it } from 'vitest';
import { newRecord, partitionsOf, valueText } from '../../../contract/event-log-harness.ts';
import { Child, newDataDir, openLog, startMember, timeoutMs } from '../helpers.ts';

const topic = 'shared';
const neverMs = 2 ** 30;
const never = { sessionTimeoutMs: neverMs, handOverTimeoutMs: neverMs };
const quick = { memberCheckMs: 20, heartbeatMs: 50 };

describe('a group of the embedded log', { timeout: timeoutMs * 2 }, () => {
  it('the others get the partitions of a killed process at once, although its session would last for days', async () => {
    const dataDir = await newDataDir();
    const log = openLog(dataDir, never);
    await log.createTopics([{ topic, partitions: 4 }]);
    const child = new Child('member', dataDir, topic, JSON.stringify(never));
    await child.until(
      (messages) => messages.some(({ assigned }) => assigned?.length === 4),
      'all at the child',
    );
    const member = await (await startMember(log, topic)).untilHolds(2);
    child.process.kill('SIGKILL');
    await member.untilHolds(4);
    expect(member.calls.map(({ kind }) => kind)).not.toContain('lost');
  });

  it('the others get the partitions of a stopped process, which reports the loss when it wakes, and joins again', async () => {
    const dataDir = await newDataDir();
    const options = { ...quick, sessionTimeoutMs: 1_000 };
    const log = openLog(dataDir, options);
    await log.createTopics([{ topic, partitions: 2 }]);
    const child = new Child('member', dataDir, topic, JSON.stringify(options));
    const member = await (await startMember(log, topic)).untilHolds(1);
    await child.until(([first]) => first?.assigned !== undefined, 'a share at the child');
    child.process.stdin?.write('stop');
    await member.untilHolds(2);
    const before = child.messages.length;
    child.process.kill('SIGCONT');
    await child.until((messages) => messages.length > before + 1, 'loss and a new share');
    expect(child.messages.slice(before).map((message) => Object.keys(message)[0])).toEqual([
      'lost',
      'assigned',
    ]);
    await member.untilHolds(1);
    child.process.stdin?.end();
    expect(await child.exited()).toBe(0);
    await member.untilHolds(2);
  });

  it('a member that does not release a partition in time loses it', async () => {
    const dataDir = await newDataDir();
    const options = { ...quick, handOverTimeoutMs: 300 };
    const log = openLog(dataDir, options);
    await log.createTopics([{ topic, partitions: 2 }]);
    let letGo = () => {};
    const holding = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    const holder = await (await startMember(log, topic, { onRevoked: () => holding })).untilHolds(2);
    const other = await (await startMember(openLog(dataDir, options), topic)).untilHolds(1);
    const [taken] = [...other.held.values()];
    await log.producer().append(Array.from({ length: 40 }, (_, i) => newRecord(topic, `${i}`, `${i}`)));
    // The former owner still waits inside `revoked`, and reads no more records of the partition.
    const stale = await holder.consumer.take(
      [{ topic, partition: taken?.partition ?? -1 }],
      { maxRecords: 10, maxBytes: 1000 },
      AbortSignal.timeout(200),
    );
    expect(stale).toEqual([]);
    letGo();
    await holder.untilHolds(1);
    expect(holder.holds()).not.toEqual(other.holds());
  });

  it('a member gets partitions of a topic created after its start, and partitions that are added', async () => {
    const log = openLog(await newDataDir());
    const member = await startMember(log, topic);
    await log.createTopics([{ topic, partitions: 1 }]);
    await member.untilHolds(1);
    await log.addPartitions(topic, 3);
    await member.untilHolds(3);
    await log.producer().append(Array.from({ length: 30 }, (_, i) => newRecord(topic, `${i}`, `${i}`)));
    const read = await member.read(partitionsOf(topic, 3), 30);
    expect(new Set(read.map(({ partition }) => partition))).toEqual(new Set([0, 1, 2]));
    expect(read.map(valueText).sort()).toEqual(Array.from({ length: 30 }, (_, i) => `${i}`).sort());
  });

  it('a followed partition halts when its next records are deleted before they are read', async () => {
    const log = openLog(await newDataDir());
    await log.createTopics([{ topic, partitions: 1 }]);
    await log.producer().append(Array.from({ length: 10 }, (_, i) => newRecord(topic, 'k', `${i}`)));
    const member = await (await startMember(log, topic)).untilHolds(1);
    const limits = { maxRecords: 2, maxBytes: 1 << 20 };
    await member.consumer.take(partitionsOf(topic, 1), limits, AbortSignal.timeout(timeoutMs));
    await log.deleteRecords({ topic, partition: 0 }, 5n);
    expect(
      await member.consumer.take(partitionsOf(topic, 1), limits, AbortSignal.timeout(timeoutMs)),
    ).toEqual([]);
    await member.untilFaults(1);
    expect(member.faults[0]).toMatchObject({ kind: 'offset_out_of_range', offset: 2n });
  });
});
