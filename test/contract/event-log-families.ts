import { describe, expect, it } from 'vitest';
import type { ProducerFamily } from '../../src/ports/event-log.ts';
import { type EventLogSuite, newRecord, partitionsOf } from './event-log-harness.ts';

/** A family in memory, as a store keeps one for all instances. */
class Family implements ProducerFamily {
  readonly joined: string[] = [];

  async join(producer: string): Promise<void> {
    this.joined.push(producer);
  }

  async members(): Promise<readonly string[]> {
    return [...this.joined];
  }

  async leave(producer: string): Promise<void> {
    this.joined.splice(this.joined.indexOf(producer), 1);
  }
}

/** The tests of `ProducerFamily`: a part of the suite in `event-log.ts`. */
export function describeFamilies(suite: EventLogSuite): void {
  describe('a family of producers', () => {
    async function valuesOf(topic: string, partitions = 1): Promise<string[]> {
      const ranges = await suite.rangesOf(topic);
      const count = ranges.reduce((sum, [start, end]) => sum + Number(end - start), 0);
      const member = await (await suite.newMember([topic]).start()).untilHolds(partitions);
      const read = await member.read(partitionsOf(topic, partitions), count);
      return read.map(({ value }) => Buffer.from(value ?? []).toString());
    }

    it('a producer joins its family before it appends, and leaves it when it closes', async () => {
      const topic = await suite.newTopic(1);
      const family = new Family();
      const producer = suite.log.producer({ family });
      await producer.append([newRecord(topic, 'k', 'v')]);
      expect(family.joined).toHaveLength(1);
      await producer.close();
      expect(family.joined).toEqual([]);
    });

    it('a producer appends nothing while it cannot join its family, and goes on when it can', async () => {
      const topic = await suite.newTopic(1);
      const family = new Family();
      let isDown = true;
      const producer = suite.log.producer({
        family: {
          join: async (name) =>
            isDown ? Promise.reject(new Error('The store is down.')) : family.join(name),
          members: () => family.members(),
          leave: (name) => family.leave(name),
        },
      });
      const appending = producer.append([newRecord(topic, 'k', 'v')]).catch(() => 'rejected');
      await new Promise((resolve) => setTimeout(resolve, 200));
      expect(await suite.rangesOf(topic)).toEqual([[0n, 0n]]);
      isDown = false;
      if ((await appending) === 'rejected') await producer.append([newRecord(topic, 'k', 'v')]);
      expect(await suite.rangesOf(topic)).toEqual([[0n, 1n]]);
      await producer.close();
    });

    it('a producer that was shut out appends nothing after its successor', async () => {
      const topic = await suite.newTopic(1);
      const family = new Family();
      const another = await suite.harness.openAnother();
      const frozen = suite.log.producer({ family });
      const successor = another.producer({ family });
      await frozen.append([newRecord(topic, 'k', 'version 1')]);
      await successor.append([newRecord(topic, 'k', 'version 2')], { shutsOut: true });
      await expect(frozen.append([newRecord(topic, 'k', 'too late')])).rejects.toMatchObject({
        code: 'log_shut_out',
      });
      await expect(frozen.append([newRecord(topic, 'k', 'too late again')])).rejects.toMatchObject({
        code: 'log_shut_out',
      });
      await successor.append([newRecord(topic, 'k', 'version 3')]);
      const values = await valuesOf(topic);
      expect([...new Set(values)]).toEqual(['version 1', 'version 2', 'version 3']);
      await Promise.all([frozen.close(), successor.close()]);
      await another.close();
    });

    it('a producer is also shut out of a partition to which it has never appended', async () => {
      const topic = await suite.newTopic(1);
      const elsewhere = await suite.newTopic(1);
      const family = new Family();
      const frozen = suite.log.producer({ family });
      const successor = suite.log.producer({ family });
      await frozen.append([newRecord(elsewhere, 'k', 'joined')]);
      await successor.append([newRecord(topic, 'k', 'version 2')], { shutsOut: true });
      await expect(frozen.append([newRecord(topic, 'k', 'too late')])).rejects.toMatchObject({
        code: 'log_shut_out',
      });
      expect([...new Set(await valuesOf(topic))]).toEqual(['version 2']);
      await Promise.all([frozen.close(), successor.close()]);
    });

    it('several successors shut the same producer out at once, and again later', async () => {
      const topic = await suite.newTopic(1);
      const family = new Family();
      const frozen = suite.log.producer({ family });
      await frozen.append([newRecord(topic, 'k', 'version 1')]);
      const dead = [...family.joined];
      const successors = [0, 1, 2].map(() =>
        suite.log.producer({
          // Each successor knows the dead producer only. Otherwise they would shut out each other as well.
          family: { join: (name) => family.join(name), members: async () => dead, leave: async () => {} },
        }),
      );
      await Promise.all(
        successors.map((successor, index) =>
          successor.append(
            Array.from({ length: index + 1 }, () => newRecord(topic, 'k', 'version 2')),
            { shutsOut: true },
          ),
        ),
      );
      await expect(frozen.append([newRecord(topic, 'k', 'too late')])).rejects.toMatchObject({
        code: 'log_shut_out',
      });
      for (const successor of successors)
        await successor.append([newRecord(topic, 'k', 'version 3')], { shutsOut: true });
      const values = await valuesOf(topic);
      expect(values.at(-1)).toBe('version 3');
      expect(values).not.toContain('too late');
      await Promise.all([frozen, ...successors].map((producer) => producer.close()));
    });
  });
}
