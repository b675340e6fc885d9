import { MultipleErrors, ProtocolError } from '@platformatic/kafka';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Cluster, TopicMetadata } from '../../../../src/adapters/kafka/cluster/cluster.ts';
import { GroupMember } from '../../../../src/adapters/kafka/group/group-member.ts';
import type { GroupRequests } from '../../../../src/adapters/kafka/group/group-requests.ts';
import { resolveOptions } from '../../../../src/adapters/kafka/options.ts';
import {
  decodeOwned,
  encodeAssignment,
  encodeSubscription,
} from '../../../../src/adapters/kafka/wire/group-formats.ts';
import { SeededClock } from '../../../../src/adapters/seeded-clock.ts';
import { partitionName, type TopicPartition } from '../../../../src/core/offset.ts';

const TOPIC = 'orders';
const SESSION_MS = 1_000;
const REFRESH_MS = 400;

const refused = (code: string, response: object = {}) =>
  Object.assign(new MultipleErrors('a request', [new ProtocolError(code as never)]), { response });

/** The clock of a machine on which every pause is as long as it can be, and which may be paused for a time itself. */
class PatientClock extends SeededClock {
  pausedMs = 0;

  override monotonicMs(): number {
    return super.monotonicMs() + this.pausedMs;
  }

  override random(): number {
    return 0.999;
  }
}

/** A member, and a coordinator that answers as the test says. Each time stands still until `clock.advance`. */
function memberOf({ isLeader = false } = {}) {
  const clock = new PatientClock({ seed: 1 });
  const options = resolveOptions({
    brokers: [],
    clock,
    logger: () => {},
    sessionTimeoutMs: SESSION_MS,
    heartbeatIntervalMs: 100,
    metadataRefreshMs: REFRESH_MS,
  });
  const script = {
    partitions: 4,
    share: [0, 1] as readonly number[],
    /** What each next join meets; null is an answer. */
    joins: [] as ((() => Promise<never>) | Error | null)[],
    heartbeat: null as Error | null,
    revoking: Promise.resolve(),
  };
  const asked: { readonly atMs: number; readonly memberId: string; readonly owned: readonly number[] }[] = [];
  const told: string[] = [];
  let brokenOff = (_: Error) => {};
  const topics = async (): Promise<Map<string, TopicMetadata>> => {
    const partitions = Array.from({ length: script.partitions }, () => ({ leader: 1, leaderEpoch: 0 }));
    return new Map([[TOPIC, { topic: TOPIC, topicId: 'id', partitions }]]);
  };
  const metadata = encodeSubscription([TOPIC], []);
  const requests: Partial<GroupRequests> = {
    async join(coordinator, memberId, subscription) {
      const owned = decodeOwned(subscription).map(({ partition }) => partition);
      asked.push({ atMs: clock.monotonicMs(), memberId, owned });
      const fate = script.joins.shift() ?? null;
      if (typeof fate === 'function')
        await Promise.race([fate(), new Promise<never>((_, reject) => (brokenOff = reject))]);
      if (fate instanceof Error) throw fate;
      const members = isLeader ? [{ memberId: 'me', metadata }] : [];
      return { coordinator, generation: asked.length, memberId: 'me', isLeader, members };
    },
    sync: async () => encodeAssignment(script.share.map((partition) => ({ topic: TOPIC, partition }))),
    async heartbeat() {
      if (script.heartbeat !== null) throw script.heartbeat;
    },
    committed: async () => [],
    async ask() {},
    async leave() {
      told.push('left');
    },
    breakOff: () => brokenOff(refused('REBALANCE_IN_PROGRESS')),
  };
  const tell =
    (kind: string, until: () => Promise<void>) => async (partitions: readonly TopicPartition[]) => {
      await until();
      told.push(`${kind} ${partitions.map(partitionName).join(' ')}`);
    };
  const member = new GroupMember(
    { options, coordinatorOf: async () => 1, topics } as unknown as Cluster,
    'group',
    [TOPIC],
    {
      assigned: tell('assigned', async () => {}),
      revoked: tell('revoked', () => script.revoking),
      lost: tell('lost', async () => {}),
      refreshed() {},
    },
    undefined,
    requests as GroupRequests,
  );
  member.start();
  onTestFinished(async () => {
    const closed = member.close();
    for (let step = 0; step < 20; step++) await clock.advance(100);
    await closed;
  });
  return { clock, script, asked, told, member };
}

describe('a member of a group', () => {
  it('a member takes new partitions only once it has given back the others', async () => {
    const { clock, script, told } = memberOf();
    await clock.advance(10);
    const revoked = Promise.withResolvers<void>();
    script.revoking = revoked.promise;
    script.share = [1, 2];
    script.heartbeat = refused('REBALANCE_IN_PROGRESS');
    await clock.advance(100);
    script.heartbeat = null;
    await clock.advance(300);
    expect(told).toEqual(['assigned orders/0 orders/1']);
    revoked.resolve();
    await clock.advance(10);
    expect(told.slice(1)).toEqual(['revoked orders/0', 'assigned orders/2']);
  });

  it('a member joins again as soon as it has revoked partitions, so that others get them', async () => {
    const { clock, script, asked } = memberOf();
    await clock.advance(10);
    script.share = [1, 2];
    script.heartbeat = refused('REBALANCE_IN_PROGRESS');
    await clock.advance(100);
    script.heartbeat = null;
    await clock.advance(20);
    expect(asked.map(({ owned }) => owned)).toEqual([[], [0, 1], [1, 2]]);
  });

  it.each(['UNKNOWN_MEMBER_ID', 'ILLEGAL_GENERATION', 'FENCED_INSTANCE_ID'])(
    'a member whose heartbeat is answered with %s has lost what it held, and joins with nothing',
    async (code) => {
      const { clock, script, asked, told } = memberOf();
      await clock.advance(10);
      script.heartbeat = refused(code);
      await clock.advance(100);
      script.heartbeat = null;
      await clock.advance(200);
      expect(told.slice(0, 2)).toEqual(['assigned orders/0 orders/1', 'lost orders/0 orders/1']);
      expect(asked.at(-1)?.owned).toEqual([]);
    },
  );

  it.each(['UNKNOWN_MEMBER_ID', 'ILLEGAL_GENERATION', 'FENCED_INSTANCE_ID'])(
    'a member whose join is answered with %s has lost what it held',
    async (code) => {
      const { clock, script, asked, told } = memberOf();
      await clock.advance(10);
      script.heartbeat = refused('REBALANCE_IN_PROGRESS');
      script.joins = [refused(code)];
      await clock.advance(100);
      script.heartbeat = null;
      await clock.advance(400);
      expect(told[1]).toBe('lost orders/0 orders/1');
      expect(asked.slice(1).map(({ owned }) => owned)).toEqual([[0, 1], []]);
    },
  );

  it('a member keeps what it holds while the coordinator is away, until its session must have ended', async () => {
    const { clock, script, asked, told, member } = memberOf();
    await clock.advance(10);
    script.heartbeat = refused('NOT_COORDINATOR');
    script.joins = Array.from({ length: 50 }, () => refused('COORDINATOR_NOT_AVAILABLE'));
    await clock.advance(100);
    await clock.advance(500);
    expect(told).toEqual(['assigned orders/0 orders/1']);
    expect(asked.at(-1)?.owned).toEqual([0, 1]);
    await clock.advance(4_000);
    expect(told[1]).toBe('lost orders/0 orders/1');
    expect(asked.filter(({ atMs, owned }) => atMs > SESSION_MS + 10 && owned.length > 0)).toEqual([]);
    expect(asked.at(-1)?.owned).toEqual([]);
    expect(member.isAlive()).toBe(false);
    expect(member.problem()).toContain("the group group can't be joined");
  });

  it('a member that holds nothing any more joins at once although its last session is over', async () => {
    const { clock, script, told } = memberOf();
    await clock.advance(10);
    script.heartbeat = new Error('No answer came.');
    await clock.advance(SESSION_MS);
    script.heartbeat = null;
    await clock.advance(SESSION_MS);
    expect(told).toEqual([
      'assigned orders/0 orders/1',
      'lost orders/0 orders/1',
      'assigned orders/0 orders/1',
    ]);
  });

  it('the pause before a join grows with the failures in a row, and begins anew after a membership', async () => {
    const { clock, script, asked } = memberOf();
    await clock.advance(0);
    const away = () => refused('COORDINATOR_NOT_AVAILABLE');
    script.joins = [away(), away(), away(), away(), away()];
    script.heartbeat = refused('REBALANCE_IN_PROGRESS');
    await clock.advance(100);
    script.heartbeat = null;
    await clock.advance(10_000);
    const pauses = () => asked.slice(1).map(({ atMs }, index) => atMs - (asked[index]?.atMs ?? 0));
    const growing = pauses();
    expect(growing.slice(1).map((ms) => Math.round(ms))).toEqual([99, 199, 399, 799, 1_598]);
    script.joins = [away()];
    script.heartbeat = refused('REBALANCE_IN_PROGRESS');
    await clock.advance(100);
    script.heartbeat = null;
    await clock.advance(200);
    expect(Math.round(pauses().at(-1) ?? 0)).toBe(99);
  });

  it('a member joins with the id that the coordinator gives it, and with none once that is unknown', async () => {
    const { clock, script, asked } = memberOf();
    script.joins = [refused('MEMBER_ID_REQUIRED', { memberId: 'given' }), refused('UNKNOWN_MEMBER_ID'), null];
    await clock.advance(1_000);
    expect(asked.map(({ memberId }) => memberId)).toEqual(['', 'given', '']);
  });

  it('a member that closes revokes what it holds and leaves', async () => {
    const { clock, told, member } = memberOf();
    await clock.advance(10);
    const closed = member.close();
    await clock.advance(100);
    await closed;
    expect(told.slice(1)).toEqual(['revoked orders/0 orders/1', 'left']);
    expect(member.isAlive()).toBe(true);
  });

  it('a member that closes after its session has ended has lost what it held', async () => {
    const { clock, script, told, member } = memberOf();
    await clock.advance(10);
    script.heartbeat = refused('REBALANCE_IN_PROGRESS');
    script.joins = [() => new Promise<never>(() => {})];
    await clock.advance(100);
    script.heartbeat = new Error('No answer came.');
    await clock.advance(3 * SESSION_MS);
    const closed = member.close();
    await clock.advance(100);
    await closed;
    expect(told.slice(1)).toEqual(['lost orders/0 orders/1', 'left']);
  });

  it('a member that closes right after a long pause of its machine has lost what it held', async () => {
    const { clock, told, member } = memberOf();
    await clock.advance(10);
    clock.pausedMs = 2 * SESSION_MS;
    const closed = member.close();
    await clock.advance(100);
    await closed;
    expect(told.slice(1)).toEqual(['lost orders/0 orders/1', 'left']);
  });

  it('a member that closes does not wait for a join that waits for the others', async () => {
    const { clock, script, told, member } = memberOf();
    await clock.advance(10);
    script.heartbeat = refused('REBALANCE_IN_PROGRESS');
    script.joins = [() => new Promise<never>(() => {})];
    await clock.advance(100);
    expect(member.isAlive()).toBe(true);
    let isClosed = false;
    void member.close().then(() => {
      isClosed = true;
    });
    await clock.advance(100);
    expect(isClosed).toBe(true);
    expect(told.at(-1)).toBe('left');
  });

  it('a leader has the group share out again when a topic gets partitions, once', async () => {
    const { clock, script, asked } = memberOf({ isLeader: true });
    await clock.advance(4 * REFRESH_MS);
    expect(asked).toHaveLength(1);
    script.partitions = 6;
    await clock.advance(2 * REFRESH_MS);
    expect(asked).toHaveLength(2);
    await clock.advance(4 * REFRESH_MS);
    expect(asked).toHaveLength(2);
  });

  it('a member that does not lead leaves added partitions to the leader', async () => {
    const { clock, script, asked } = memberOf();
    await clock.advance(4 * REFRESH_MS);
    script.partitions = 6;
    await clock.advance(4 * REFRESH_MS);
    expect(asked).toHaveLength(1);
  });
});
