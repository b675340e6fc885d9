import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { EventLogSuite } from './event-log-harness.ts';

/** The store that the members of a group share: part of the suite of `event-log.ts`. */
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
      // A log that keeps the store beside its offsets has it once these are committed.
      await first.consumer.commit([{ topic, partition: 0, offset: 0n }]);
      return { topic, group, ours, theirs, member, first };
    }

    it('refuses a member of another store, which the first one does not notice', async () => {
      const { ours, theirs, member, first } = await begin();
      const stranger = member(theirs);
      const refused = await stranger.start().catch((error: unknown) => error);
      expect(refused).toMatchObject({ code: 'group_of_another_store', retryable: false });
      expect(String(refused)).toContain(theirs);
      expect(String(refused)).toContain(ours);
      expect(stranger.calls).toEqual([]);
      expect(first.calls.map(({ kind }) => kind)).toEqual(['assigned']);
      expect(first.holds()).toHaveLength(2);
      expect(first.consumer.health()).toEqual({ ok: true });
    });

    it('shares the partitions among members of one store, and with one that names none', async () => {
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

    it('still refuses a member of another store when all members have left', async () => {
      const { theirs, member, first } = await begin();
      await first.consumer.close();
      await expect(member(theirs).start()).rejects.toMatchObject({ code: 'group_of_another_store' });
    });

    it('is another one once somebody has handed the group over, which nobody can while it has members', async () => {
      const { group, ours, theirs, member, first } = await begin();
      await expect(suite.log.handGroupTo(group, theirs)).rejects.toMatchObject({ code: 'usage' });
      await first.consumer.close();
      expect(await suite.log.handGroupTo(group, theirs)).toEqual({ former: ours });
      await (await member(theirs).start()).untilHolds(2);
      await expect(member(ours).start()).rejects.toMatchObject({ code: 'group_of_another_store' });
    });
  });
}
