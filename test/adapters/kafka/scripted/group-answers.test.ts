import { randomUUID } from 'node:crypto';
import { describe, expect, it, vi } from 'vitest';
import { Code, type CodeName } from './codes.ts';
import type { ApiName } from './messages.ts';
import type { Place } from './places.ts';
import { possibleErrors, withoutThose } from './possible-errors.ts';
import type { Reader } from './reader.ts';
import type { ActiveRule } from './script.ts';
import { inWorld, sessionMs, values, type World } from './world.ts';

vi.setConfig({ maxConcurrency: 8, testTimeout: 90_000 });

/** After these answers others may have the member's partitions. */
const isOut: readonly CodeName[] = ['UNKNOWN_MEMBER_ID', 'ILLEGAL_GENERATION', 'FENCED_INSTANCE_ID'];

/** The requests that a member needs to get into its group, and the places of their error codes. */
const joining = [
  ['FindCoordinator', 'key', possibleErrors.FindCoordinator.key],
  ['JoinGroup', 'top', possibleErrors.JoinGroup.top],
  ['SyncGroup', 'top', possibleErrors.SyncGroup.top],
] as const;
const joiningCases = joining.flatMap(([api, at, names]) =>
  withoutThose(names).map(([name, code]) => ({ api, at, name, code })),
);

function refuse(world: World, api: ApiName, at: Place, code: number, times: number): ActiveRule {
  return world.script.add({ api, times, does: { kind: 'error', at, code } });
}

let written = 0;

/** More records come, and all of them are read. */
async function expectReadsOn(world: World): Promise<void> {
  for (const place of world.places) world.cluster.write(place, values(written++, 2));
  await world.allRead();
}

/** The member has all partitions, and its place in the group. */
async function expectWell(world: World, reader: Reader): Promise<void> {
  const isWell = () => reader.held.size === world.places.length && reader.consumer.health().ok;
  await world.until(isWell, 'the member is well');
  await expectReadsOn(world);
  expect(reader.faults).toEqual([]);
}

describe('a member that is refused when it joins', () => {
  it.concurrent.each(joiningCases)(
    'a member tries $api again after $name, and says so',
    ({ api, at, name, code }) =>
      inWorld({}, async (world) => {
        const rule = refuse(world, api, at, code, 3);
        const reader = await world.reader().start();
        await expectWell(world, reader);
        expect(rule.hits).toBe(3);
        const reasons = [...reader.reasons].filter((reason) => !reason.includes('not been joined yet'));
        // The coordinator gives out ids by an error code, and asks for another join by some others.
        if (name !== 'MEMBER_ID_REQUIRED')
          expect(reasons.join('\n')).toMatch(/can't be joined|member of the group/);
        expect(new Set(reader.kinds)).toEqual(new Set(['assigned']));
      }),
  );

  it.concurrent('a member says what to do where another program is in the group', () =>
    inWorld({}, async (world) => {
      refuse(world, 'JoinGroup', 'top', Code.INCONSISTENT_GROUP_PROTOCOL, 3);
      const reader = await world.reader().start();
      await expectWell(world, reader);
      expect([...reader.reasons].join()).toContain('another program is a member of the group readers');
    }));

  it.concurrent('a member says what to do where it may not read the group', () =>
    inWorld({}, async (world) => {
      refuse(world, 'FindCoordinator', 'key', Code.GROUP_AUTHORIZATION_FAILED, 3);
      const reader = await world.reader().start();
      await expectWell(world, reader);
      expect([...reader.reasons].join()).toContain('allow it READ on that group');
    }));
});

describe('a member that is refused when it joins again', () => {
  it.concurrent.each(joiningCases.filter(({ name }) => !isOut.includes(name)))(
    'a member keeps what it holds, and reads on, while $api is answered with $name',
    ({ api, at, code }) =>
      inWorld({}, async (world) => {
        const reader = await world.onlyReader();
        await expectReadsOn(world);
        const rule = refuse(world, api, at, code, Number.POSITIVE_INFINITY);
        world.cluster.group(world.group).rebalance();
        await world.until(() => rule.hits >= 1, 'a refusal');
        await expectReadsOn(world);
        await world.until(() => rule.hits >= 3, 'three refusals');
        rule.end();
        await expectWell(world, reader);
        expect(new Set(reader.kinds)).toEqual(new Set(['assigned']));
        expect(reader.told.length).toBe(2);
      }),
  );

  it.concurrent.each(joiningCases.filter(({ name }) => isOut.includes(name)))(
    'a member loses what it holds, and gets it again, where $api is answered with $name',
    ({ api, at, code }) =>
      inWorld({}, async (world) => {
        const reader = await world.onlyReader();
        await expectReadsOn(world);
        const rule = refuse(world, api, at, code, 1);
        world.cluster.group(world.group).rebalance();
        await world.until(() => rule.hits === 1, 'a refusal');
        await world.until(() => reader.kinds.includes('lost'), 'the loss');
        await expectWell(world, reader);
        expect(reader.kinds).not.toContain('revoked');
        const lost = reader.told.filter(([kind]) => kind === 'lost').flatMap(([, ...names]) => names);
        expect(lost.sort()).toEqual(['orders/0', 'orders/1']);
      }),
  );

  it.concurrent.each([
    ['FindCoordinator', 'key'],
    ['JoinGroup', 'top'],
    ['SyncGroup', 'top'],
  ] as const)('a member loses what it holds where %s is refused for longer than a session', (api, at) =>
    inWorld({}, async (world) => {
      const reader = await world.onlyReader();
      const rule = refuse(world, api, at, Code.COORDINATOR_NOT_AVAILABLE, Number.POSITIVE_INFINITY);
      const startedAtMs = world.clock.monotonicMs();
      world.cluster.group(world.group).rebalance();
      await world.until(() => reader.kinds.includes('lost'), 'the loss');
      const tookMs = world.clock.monotonicMs() - startedAtMs;
      expect(tookMs).toBeGreaterThan(0.8 * sessionMs);
      // Besides the session, a pause between two joins may pass.
      expect(tookMs).toBeLessThan(1.5 * sessionMs);
      expect(reader.consumer.health()).toMatchObject({ ok: false });
      rule.end();
      await expectWell(world, reader);
      expect(reader.kinds).not.toContain('revoked');
    }),
  );
});

describe('a heartbeat that is answered with an error', () => {
  const cases = withoutThose(possibleErrors.Heartbeat.top);

  it.concurrent.each(cases.filter(([name]) => !isOut.includes(name)))(
    'a member keeps what it holds, and joins again, after %s',
    (_, code) =>
      inWorld({}, async (world) => {
        const reader = await world.onlyReader();
        await expectReadsOn(world);
        const joins = world.script.requests('JoinGroup').length;
        const rule = refuse(world, 'Heartbeat', 'top', code, 4);
        await world.until(() => rule.hits === 4, 'four refusals');
        await expectWell(world, reader);
        expect(world.script.requests('JoinGroup').length).toBeGreaterThan(joins);
        expect(new Set(reader.kinds)).toEqual(new Set(['assigned']));
        expect(reader.told.length).toBe(2);
      }),
  );

  it.concurrent.each(cases.filter(([name]) => isOut.includes(name)))(
    'a member loses what it holds, and gets it again, after %s',
    (name, code) =>
      inWorld({}, async (world) => {
        const { cluster, script, group } = world;
        const reader = await world.onlyReader();
        await expectReadsOn(world);
        const [memberId = ''] = cluster.group(group).memberIds;
        script.add({
          api: 'Heartbeat',
          does: {
            kind: 'first',
            run: () => {
              if (name === 'UNKNOWN_MEMBER_ID') cluster.group(group).evict(memberId);
            },
          },
        });
        refuse(world, 'Heartbeat', 'top', code, 1);
        await world.until(() => reader.kinds.includes('lost'), 'the loss');
        await expectWell(world, reader);
        const names = reader.told.filter(([kind]) => kind === 'lost').flatMap(([, ...each]) => each);
        expect(names.sort()).toEqual(['orders/0', 'orders/1']);
        expect(reader.kinds).not.toContain('revoked');
        expect([...reader.reasons].join()).toContain('the group went on without this member');
        // It does not join under an id that it was just told is gone.
        expect([...reader.reasons].join()).not.toContain("can't be joined");
      }),
  );
});

describe('a commit of offsets that is refused', () => {
  it.concurrent.each(withoutThose(possibleErrors.OffsetCommit.partition))(
    'a commit only logs %s, and the member stays in its group',
    (_, code) =>
      inWorld({}, async (world) => {
        const { cluster, group } = world;
        const reader = await world.onlyReader();
        await expectReadsOn(world);
        const { generation } = cluster.group(group);
        refuse(world, 'OffsetCommit', 'partition', code, 1);
        const offsets = world.places.map((place) => ({ ...place, offset: 2n }));
        await reader.consumer.commit(offsets);
        expect(world.lines.map(({ message }) => message).join('\n')).toContain(
          'The offsets of the group readers could not be committed',
        );
        expect(cluster.group(group).committed.size).toBe(0);
        await reader.consumer.commit(offsets);
        expect(cluster.group(group).committed.get(world.topic)?.get(1)?.offset).toBe(2n);
        await expectWell(world, reader);
        expect(cluster.group(group).generation).toBe(generation);
        expect(reader.told.length).toBe(2);
      }),
  );
});

describe('the handing over of a group that is refused', () => {
  const refused: readonly CodeName[] = ['UNKNOWN_MEMBER_ID', 'ILLEGAL_GENERATION', 'REBALANCE_IN_PROGRESS'];

  it.concurrent.each(withoutThose(possibleErrors.OffsetCommit.partition))(
    'a group keeps its store after %s',
    (name, code) =>
      inWorld({}, async (world) => {
        const { cluster, group, topic } = world;
        const [ours, theirs] = [randomUUID(), randomUUID()];
        const metadata = `tributary-store=${ours}`;
        cluster.group(group).commit(topic, 0, { offset: 7n, leaderEpoch: -1, metadata });
        refuse(world, 'OffsetCommit', 'partition', code, 1);
        const expected = refused.includes(name) ? 'usage' : 'log_unreachable';
        await expect(world.log.handGroupTo(group, theirs)).rejects.toMatchObject({ code: expected });
        expect(cluster.group(group).committed.get(topic)?.get(0)).toMatchObject({ offset: 7n, metadata });
      }),
  );
});

describe('a leave that is refused', () => {
  const cases = [
    ...withoutThose(possibleErrors.LeaveGroup.top).map(([name, code]) => ({
      at: 'top' as const,
      name,
      code,
    })),
    ...withoutThose(possibleErrors.LeaveGroup.member).map(([name, code]) => ({
      at: 'member' as const,
      name,
      code,
    })),
  ];

  it.concurrent.each(cases)(
    'a member that closes has revoked all, and another one gets it, after $name at the $at',
    ({ at, code }) =>
      inWorld({}, async (world) => {
        const first = await world.onlyReader();
        await expectReadsOn(world);
        const rule = refuse(world, 'LeaveGroup', at, code, 1);
        await first.close();
        expect(rule.hits).toBe(1);
        expect(first.held.size).toBe(0);
        expect(first.kinds).toContain('revoked');
        expect(first.kinds).not.toContain('lost');
        const second = await world.reader().start();
        await expectWell(world, second);
      }),
  );
});

describe('the offsets of a group that cannot be read', () => {
  const cases = [
    ...withoutThose(possibleErrors.OffsetFetch.group).map(([name, code]) => ({
      at: 'group' as const,
      name,
      code,
    })),
    ...withoutThose(possibleErrors.OffsetFetch.partition).map(([name, code]) => ({
      at: 'partition' as const,
      name,
      code,
    })),
  ];

  it.concurrent.each(cases)(
    'a member with a store does not start after $name at the $at, and may try again',
    ({ at, code }) =>
      inWorld({}, async (world) => {
        const { cluster, group, topic } = world;
        const store = randomUUID();
        cluster
          .group(group)
          .commit(topic, 0, { offset: 0n, leaderEpoch: -1, metadata: `tributary-store=${store}` });
        refuse(world, 'OffsetFetch', at, code, 1);
        const reader = world.reader({ store });
        await expect(reader.start()).rejects.toMatchObject({
          code: 'log_unreachable',
          retryable: true,
          message: expect.stringMatching(/can't be joined|allow it READ on that group/),
        });
        await reader.start();
        await expectWell(world, reader);
      }),
  );

  it.concurrent.each(cases)('a member with a store joins again after $name at the $at', ({ at, code }) =>
    inWorld({}, async (world) => {
      const { cluster, group, topic } = world;
      const store = randomUUID();
      cluster
        .group(group)
        .commit(topic, 0, { offset: 0n, leaderEpoch: -1, metadata: `tributary-store=${store}` });
      const reader = world.reader({ store });
      const rule = world.script.add({
        api: 'OffsetFetch',
        skip: 1,
        times: 3,
        does: { kind: 'error', at, code },
      });
      await reader.start();
      await expectWell(world, reader);
      expect(rule.hits).toBe(3);
    }),
  );

  it.concurrent.each(cases)('a group is not handed over after $name at the $at', ({ at, code }) =>
    inWorld({}, async (world) => {
      const { cluster, group, topic } = world;
      const [ours, theirs] = [randomUUID(), randomUUID()];
      cluster
        .group(group)
        .commit(topic, 0, { offset: 7n, leaderEpoch: -1, metadata: `tributary-store=${ours}` });
      refuse(world, 'OffsetFetch', at, code, 1);
      await expect(world.log.handGroupTo(group, theirs)).rejects.toMatchObject({ retryable: true });
      expect(await world.log.handGroupTo(group, theirs)).toEqual({ former: ours });
      expect(cluster.group(group).committed.get(topic)?.get(0)).toMatchObject({
        offset: 7n,
        metadata: `tributary-store=${theirs}`,
      });
    }),
  );
});
