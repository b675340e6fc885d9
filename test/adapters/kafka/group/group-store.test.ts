import { describe, expect, it } from 'vitest';
import type { GroupMemberState } from '../../../../src/adapters/kafka/group/assignment.ts';
import { GroupStore, noteOf } from '../../../../src/adapters/kafka/group/group-store.ts';
import { encodeAssignment } from '../../../../src/adapters/kafka/wire/group-formats.ts';

const OURS = '0b0f5b7e-8d6e-4c8a-9d63-5a3f0b6c7d01';
const THEIRS = '7d6c3a52-13f4-4a0e-8f0d-1c2b3a4d5e6f';

const member = (
  memberId: string,
  store: string | undefined,
  owned: GroupMemberState['owned'] = [],
): GroupMemberState => ({ memberId, store, owned });

/** The leader of a group whose offsets were committed with these notes. */
function leader(notes: readonly string[]): GroupStore {
  return new GroupStore({
    group: 'order-sync',
    topics: ['order_events'],
    store: OURS,
    requests: {
      committed: async () =>
        notes.map((note, partition) => ({ topic: 'order_events', partition, offset: 7n, note })) as never,
    },
  });
}

const idsOf = (members: readonly GroupMemberState[]) => members.map(({ memberId }) => memberId);

describe('the leader of a group', () => {
  it('the leader gives partitions to members of its own store in a group that has committed nothing and holds nothing', async () => {
    const { own, note } = await leader([]).members(1, [
      member('a', OURS),
      member('b', THEIRS),
      member('c', OURS),
    ]);
    expect(idsOf(own)).toEqual(['a', 'c']);
    expect(note).toBe(noteOf(OURS));
  });

  it('the leader gives partitions to members of the store whose members hold some already, even if its own store is another', async () => {
    const holding = member('b', THEIRS, [{ topic: 'order_events', partition: 0 }]);
    const { own, note } = await leader([]).members(1, [member('a', OURS), holding]);
    expect(idsOf(own)).toEqual(['b']);
    expect(note).toBe(noteOf(THEIRS));
  });

  it('the leader gives partitions to members of the store that the committed offsets name, even if members of another hold some', async () => {
    const holding = member('b', THEIRS, [{ topic: 'order_events', partition: 0 }]);
    const { own, note } = await leader([noteOf(OURS)]).members(1, [member('a', OURS), holding]);
    expect(idsOf(own)).toEqual(['a']);
    expect(note).toBe(noteOf(OURS));
  });

  it('the leader gives partitions to members of older versions, which name no store', async () => {
    const { own } = await leader([]).members(1, [member('a', OURS), member('old', undefined)]);
    expect(idsOf(own)).toEqual(['a', 'old']);
  });

  it('a leader without a store gives partitions to all members', async () => {
    const withoutStore = new GroupStore({
      group: 'order-sync',
      topics: ['order_events'],
      store: undefined,
      requests: { committed: async () => [] },
    });
    const { own, note } = await withoutStore.members(1, [member('a', OURS), member('b', THEIRS)]);
    expect(idsOf(own)).toEqual(['a', 'b']);
    expect(note).toBeUndefined();
  });
});

describe('a member that starts', () => {
  it('a member is refused before it joins if the offsets name another store', async () => {
    await expect(leader([noteOf(THEIRS)]).check(1)).rejects.toMatchObject({
      code: 'group_of_another_store',
      message: expect.stringContaining('take-group'),
    });
  });

  it('a member joins if one of the offsets names its store and others an earlier one', async () => {
    await leader([noteOf(THEIRS), noteOf(OURS)]).check(1);
  });

  it('a member joins if the notes of the offsets name no store', async () => {
    await leader(['', 'tributary-store=nonsense', 'a note of somebody else']).check(1);
  });

  it('a member joins whatever store the offsets of topics name that it does not read', async () => {
    const others = { topic: 'other_events', partition: 0, offset: 7n, note: noteOf(THEIRS) };
    const member = new GroupStore({
      group: 'order-sync',
      topics: ['order_events'],
      store: OURS,
      requests: { committed: async () => [others] },
    });
    await member.check(1);
  });

  it('a member leaves a group whose leader gives partitions to the members of another store', () => {
    const given = (note: string | undefined) =>
      encodeAssignment([{ topic: 'order_events', partition: 0 }], note);
    expect(() => leader([]).checkAssignment(given(noteOf(THEIRS)))).toThrow(
      expect.objectContaining({ code: 'group_of_another_store' }),
    );
    leader([]).checkAssignment(given(noteOf(OURS)));
    leader([]).checkAssignment(given(undefined));
  });
});
