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
import { partitionsOf } from '../../../contract/event-log-harness.ts';
import { newDataDir } from '../helpers.ts';

const topic = 'shared';

describe('the owners of a group', () => {
  it('a claim takes effect only for a member, and only while the owner is the one that it saw', async () => {
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

  it('one member gets partition p of every topic, whatever the counts', () => {
    const members = [member('a', ['x', 'y']), member('b', ['x', 'y']), member('c', ['x', 'y'])];
    const assignment = assignPartitions({ members, partitions: [...rows('x', 3, 0), ...rows('y', 8, 100)] });
    expect([0, 1, 2].map((p) => assignment.get(p))).toEqual(['a', 'b', 'c']);
    expect([0, 1, 2, 3, 4, 5, 6, 7].map((p) => assignment.get(100 + p)).join('')).toBe('abcabcab');
  });

  it('only members that read a topic get its partitions', () => {
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
