import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { EventLogSuite } from './event-log-harness.ts';

/** The tests of the store that a group belongs to: a part of the suite in `event-log.ts`. */
export function describeGroupStores(suite: EventLogSuite): void {
  describe('the store of a group', () => {
    /** A group whose first member reads two partitions into the store `ours`. */
    async function begin() {
      const topic = await suite.newTopic(2);
      const group = `contract-${randomUUID()}`;
      const [ours, theirs] = [randomUUID(), randomUUID()];
      const member = (store: string | undefined) =>
        suite.newMember([topic], { group, ...(store === undefined ? {} : { store }) });
      const first = await (await member(ours).start()).untilHolds(2);
      // Kafka keeps the store beside the group's offsets, so one has to be committed.
      await first.consumer.commit([{ topic, partition: 0, offset: 0n }]);
      return { topic, group, ours, theirs, member, first };
    }

    it('a group refuses a member of another store, and its first member does not notice', async () => {
      const { ours, theirs, member, first } = await begin();
      const stranger = member(theirs);
      const refused = await stranger.start().catch((error: unknown) => error);
      expect(refused).toMatchObject({ code: 'group_of_another_store', retryable: false });
      expect(String(refused)).toContain(theirs);
      expect(String(refused)).toContain(ours);
      expect(stranger.calls).toEqual([]);
      // The partitions of different leaders may be assigned by different calls.
      expect(new Set(first.calls.map(({ kind }) => kind))).toEqual(new Set(['assigned']));
      expect(first.holds()).toHaveLength(2);
      expect(first.consumer.health()).toEqual({ ok: true });
    });

    it('members of one store share the partitions, also with a member that names no store', async () => {
      const { ours, member, first } = await begin();
      const second = await member(ours).start();
      await second.untilHolds(1);
      await first.untilHolds(1);
      await second.consumer.close();
      await first.untilHolds(2);
      const older = await member(undefined).start();
      await older.untilHolds(1);
      await first.untilHolds(1);
    });

    it('a group without members still refuses a member of another store', async () => {
      const { theirs, member, first } = await begin();
      await first.consumer.close();
      await expect(member(theirs).start()).rejects.toMatchObject({ code: 'group_of_another_store' });
    });

    it('a group without members can be handed to another store, and a group with members cannot', async () => {
      const { group, ours, theirs, member, first } = await begin();
      await expect(suite.log.handGroupTo(group, theirs)).rejects.toMatchObject({ code: 'usage' });
      await first.consumer.close();
      expect(await suite.log.handGroupTo(group, theirs)).toEqual({ former: ours });
      await (await member(theirs).start()).untilHolds(2);
      await expect(member(ours).start()).rejects.toMatchObject({ code: 'group_of_another_store' });
    });
  });
}
