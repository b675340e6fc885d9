import { randomUUID } from 'node:crypto';
import { describe, expect, it, onTestFinished } from 'vitest';
import { partitionName } from '../../src/core/offset.ts';
import {
  type EventLogSuite,
  eventually,
  generousLimits,
  newRecord,
  partitionsOf,
  valueText,
} from './event-log-harness.ts';

/** The tests of groups and of closing: a part of the suite in `event-log.ts`. */
export function describeGroups(suite: EventLogSuite): void {
  describe('groups', () => {
    it('the only member gets all partitions, with ids and ranges, and is healthy', async () => {
      const topics = [await suite.newTopic(3), await suite.newTopic(2)];
      await suite.append([newRecord(topics[1] ?? '', 'k', 'v')]);
      const member = await (await suite.newMember(topics).start()).untilHolds(5);
      for (const description of await suite.log.describe(topics)) {
        for (const range of description.partitions) {
          expect(member.held.get(partitionName(range))).toEqual({ ...range, topicId: description.topicId });
        }
      }
      expect(member.consumer.health()).toEqual({ ok: true });
      expect(member.mostCallsAtOnce).toBe(1);
    });

    it('a member that has not joined is not healthy, and says why', async () => {
      const health = suite.newMember([await suite.newTopic(1)]).consumer.health();
      expect(health).toEqual({ ok: false, reason: expect.any(String) });
    });

    it('a second member gets its share only after the first one has revoked it', async () => {
      const topic = await suite.newTopic(4);
      const group = `contract-${randomUUID()}`;
      const sequence: string[] = [];
      let release = () => {};
      const released = new Promise<void>((resolve) => {
        release = resolve;
      });
      const first = await (
        await suite
          .newMember([topic], {
            group,
            onRevoked: async (partitions) => {
              sequence.push(`revoking ${partitions.length > 0}`);
              await released;
              sequence.push('revoked');
            },
          })
          .start()
      ).untilHolds(4);
      const second = await suite
        .newMember([topic], {
          group,
          on: await suite.harness.openAnother(),
          startAt: (partition) => {
            sequence.push('assigned');
            return partition.startOffset;
          },
        })
        .start();
      await eventually(
        () => sequence.length > 0,
        suite.timeoutMs,
        () => 'the first member is asked to revoke',
      );
      // For 300 ms nothing may be assigned, because the first member still holds its partitions.
      await new Promise((resolve) => setTimeout(resolve, 300));
      expect(sequence).toEqual(['revoking true']);
      release();
      await second.untilHolds(2);
      await first.untilHolds(2);
      expect(sequence.slice(0, 3)).toEqual(['revoking true', 'revoked', 'assigned']);
      expect([...first.holds(), ...second.holds()].sort()).toEqual(partitionsOf(topic, 4).map(partitionName));
      expect(first.mostCallsAtOnce).toBe(1);
      expect(second.mostCallsAtOnce).toBe(1);
    });

    it('a member reads the partitions that it keeps, and no record of those that it revoked', async () => {
      const topic = await suite.newTopic(4);
      const group = `contract-${randomUUID()}`;
      const first = await (await suite.newMember([topic], { group }).start()).untilHolds(4);
      const second = await (await suite.newMember([topic], { group }).start()).untilHolds(2);
      await first.untilHolds(2);
      const values = Array.from({ length: 80 }, (_, i) => `${i}`);
      await suite.append(values.map((value) => newRecord(topic, value, value)));
      const ends = await suite.rangesOf(topic);
      const shares = await Promise.all(
        [first, second].map((member) => {
          const own = [...member.held.values()];
          const count = own.reduce((sum, { partition }) => sum + Number(ends[partition]?.[1]), 0);
          return member.read(partitionsOf(topic, 4), count);
        }),
      );
      expect(shares.flat().map(valueText).sort()).toEqual([...values].sort());
    });

    it('one member gets partition p of all topics with equal counts', async () => {
      const topics = [await suite.newTopic(4), await suite.newTopic(4)];
      const group = `contract-${randomUUID()}`;
      const pair = [suite.newMember(topics, { group }), suite.newMember(topics, { group })];
      for (const member of pair) await member.start();
      for (const member of pair) await member.untilHolds(4);
      for (const member of pair) {
        const numbers = topics.map((topic) =>
          [...member.held.values()]
            .filter((held) => held.topic === topic)
            .map(({ partition }) => partition)
            .sort(),
        );
        expect(numbers[0]).toEqual(numbers[1]);
      }
    });

    it('topics of unequal counts are shared so that each partition has one owner', async () => {
      const topics = [await suite.newTopic(3), await suite.newTopic(5)];
      const group = `contract-${randomUUID()}`;
      const trio = [
        suite.newMember(topics, { group }),
        suite.newMember(topics, { group }),
        suite.newMember(topics, { group }),
      ];
      for (const member of trio) await member.start();
      const all = [...partitionsOf(topics[0] ?? '', 3), ...partitionsOf(topics[1] ?? '', 5)]
        .map(partitionName)
        .sort();
      await eventually(
        () => {
          const held = trio.flatMap((member) => member.holds()).sort();
          return held.join() === all.join() && trio.every((member) => member.held.size > 0);
        },
        suite.timeoutMs,
        () => `one owner each: ${trio.map((member) => member.holds().join(' ')).join(' | ')}`,
      );
    });

    it('a member that closes revokes its partitions, and the others get them', async () => {
      const topic = await suite.newTopic(4);
      const group = `contract-${randomUUID()}`;
      const first = await (await suite.newMember([topic], { group }).start()).untilHolds(4);
      const second = await (await suite.newMember([topic], { group }).start()).untilHolds(2);
      await first.untilHolds(2);
      await first.consumer.close();
      expect(first.held.size).toBe(0);
      expect(first.calls.at(-1)?.kind).toBe('revoked');
      await second.untilHolds(4);
      expect(second.calls.map(({ kind }) => kind)).not.toContain('lost');
    });

    it('each group reads all records', async () => {
      const topic = await suite.newTopic(2);
      await suite.append(Array.from({ length: 10 }, (_, i) => newRecord(topic, `${i}`, `${i}`)));
      const pair = [suite.newMember([topic]), suite.newMember([topic])];
      for (const member of pair) await (await member.start()).untilHolds(2);
      for (const member of pair) {
        expect(await member.read(partitionsOf(topic, 2), 10)).toHaveLength(10);
      }
    });

    it('a member commits its offsets, and the next one does not start from them', async () => {
      const topic = await suite.newTopic(1);
      const group = `contract-${randomUUID()}`;
      await suite.append(Array.from({ length: 5 }, (_, i) => newRecord(topic, 'k', `${i}`)));
      const first = await (await suite.newMember([topic], { group }).start()).untilHolds(1);
      await first.consumer.commit([{ topic, partition: 0, offset: 3n }]);
      await first.consumer.commit([]);
      await first.consumer.close();
      const second = await (await suite.newMember([topic], { group }).start()).untilHolds(1);
      expect((await second.read(partitionsOf(topic, 1), 5)).map(valueText)).toEqual([
        '0',
        '1',
        '2',
        '3',
        '4',
      ]);
    });
  });

  describe('closing', () => {
    it('every object may be closed twice, and a close ends a waiting take with an empty list', async () => {
      const another = await suite.harness.openAnother();
      const topic = await suite.newTopic(1);
      const producer = another.producer();
      await producer.append([newRecord(topic, 'k', 'v')]);
      const member = await (await suite.newMember([topic], { on: another }).start()).untilHolds(1);
      await member.read(partitionsOf(topic, 1), 1);
      const waiting = member.consumer.take(
        partitionsOf(topic, 1),
        generousLimits,
        new AbortController().signal,
      );
      await Promise.all([member.consumer.close(), member.consumer.close()]);
      await member.consumer.close();
      expect(await waiting).toEqual([]);
      expect(member.consumer.health().ok).toBe(false);
      await producer.close();
      await producer.close();
      await another.close();
      await another.close();
    });

    it('a consumer that never started can be closed', async () => {
      const { consumer } = suite.newMember([await suite.newTopic(1)]);
      await consumer.close();
      expect(consumer.health().ok).toBe(false);
    });

    it('closing the log closes its consumers', async () => {
      const another = await suite.harness.openAnother();
      onTestFinished(() => another.close());
      const topic = await suite.newTopic(1);
      const member = await (await suite.newMember([topic], { on: another }).start()).untilHolds(1);
      await another.close();
      expect(member.held.size).toBe(0);
    });
  });
}
