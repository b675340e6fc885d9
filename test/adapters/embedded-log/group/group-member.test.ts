import { describe, expect, it, onTestFinished } from 'vitest';
import { LogDatabase } from '../../../../src/adapters/embedded-log/file/database.ts';
import {
  assignPartitions,
  beat,
  claim,
  expel,
  join,
  type MemberRow,
  readGroup,
  release,
} from '../../../../src/adapters/embedded-log/group/membership.ts';
import { ownIdentity } from '../../../../src/adapters/embedded-log/group/process-identity.ts';
import { resolveOptions } from '../../../../src/adapters/embedded-log/options.ts';
import { createTopics, type PartitionRow } from '../../../../src/adapters/embedded-log/topics.ts';
import { systemClock } from '../../../../src/adapters/system-clock.ts';
import { newRecord, partitionsOf, valueText } from '../../../contract/event-log-harness.ts';
import { Child, newDataDir, openLog, startMember, timeoutMs } from '../helpers.ts';

const topic = 'shared';
const neverMs = 2 ** 30;
const never = { sessionTimeoutMs: neverMs, handOverTimeoutMs: neverMs };
const quick = { memberCheckMs: 20, heartbeatMs: 50 };

describe('a group of the embedded log', { timeout: timeoutMs * 2 }, () => {
  it('gives on what a killed process held, although its session would last for days', async () => {
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

  it('gives on what a stopped process held, which learns of its loss when it wakes and comes back', async () => {
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

  it('takes partitions from a member that lives but does not let go, and tells it so', async () => {
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
    // Still waiting inside `revoked`, the old owner gets nothing more of what it should have let go.
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

  it('assigns a topic that is made after the member has started, and partitions that are added', async () => {
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

  it('halts a followed partition whose oldest records are deleted before they were read', async () => {
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

describe('the owners of a group', () => {
  it('change only as the claimant saw them, and only for a member', async () => {
    const options = resolveOptions({ dataDir: await newDataDir(), clock: systemClock });
    const database = new LogDatabase(options);
    onTestFinished(() => database.close());
    await createTopics(database, [{ topic, partitions: 1 }], systemClock.uuid);
    const partitionId = readGroup(database, 'g', [topic]).partitions[0]?.partitionId ?? -1;
    for (const memberId of ['a', 'b']) {
      await join(database, 'g', { memberId, identity: ownIdentity(), topics: [topic] });
    }
    const owner = () => readGroup(database, 'g', [topic]).owners.get(partitionId);
    expect(await claim(database, 'g', 'a', [{ partitionId, from: null }])).toHaveLength(1);
    expect(await claim(database, 'g', 'b', [{ partitionId, from: null }])).toEqual([]);
    expect(await claim(database, 'g', 'stranger', [{ partitionId, from: 'a' }])).toEqual([]);
    await release(database, 'g', 'b', [partitionId]);
    expect(owner()).toBe('a');
    expect(await claim(database, 'g', 'b', [{ partitionId, from: 'a' }])).toHaveLength(1);
    expect(owner()).toBe('b');
    const seen = readGroup(database, 'g', [topic]).members;
    await beat(database, 'g', 'b');
    expect(await expel(database, 'g', seen)).toBe(1);
    expect(owner()).toBe('b');
    expect(await beat(database, 'g', 'a')).toBe(false);
  });
});

describe('the assignment', () => {
  const member = (memberId: string, topics: string[]): MemberRow => ({
    memberId,
    topics,
    heartbeat: 0,
    identity: { pid: 1, scope: '', start: '' },
  });
  const rows = (name: string, count: number, firstId: number): PartitionRow[] =>
    partitionsOf(name, count).map(({ partition }) => ({
      partitionId: firstId + partition,
      topic: name,
      topicId: name,
      partition,
      startOffset: 0,
      endOffset: 0,
    }));

  it('puts partition p of every topic at the same member, whatever the counts', () => {
    const members = [member('a', ['x', 'y']), member('b', ['x', 'y']), member('c', ['x', 'y'])];
    const assignment = assignPartitions({ members, partitions: [...rows('x', 3, 0), ...rows('y', 8, 100)] });
    expect([0, 1, 2].map((p) => assignment.get(p))).toEqual(['a', 'b', 'c']);
    expect([0, 1, 2, 3, 4, 5, 6, 7].map((p) => assignment.get(100 + p)).join('')).toBe('abcabcab');
  });

  it('gives a topic only to members that want it, and a topic that nobody wants to nobody', () => {
    const members = [member('a', ['x']), member('b', ['x', 'y'])];
    const partitions = [...rows('x', 2, 0), ...rows('y', 2, 10), ...rows('z', 1, 20)];
    expect([...assignPartitions({ members, partitions })]).toEqual([
      [0, 'a'],
      [1, 'b'],
      [10, 'b'],
      [11, 'b'],
    ]);
  });
});
