import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Cluster } from '../../../../src/adapters/kafka/cluster/cluster.ts';
import { GroupMember } from '../../../../src/adapters/kafka/group/group-member.ts';
import { resolveOptions } from '../../../../src/adapters/kafka/options.ts';
import { systemClock } from '../../../../src/adapters/system-clock.ts';
import type { EventLog } from '../../../../src/ports/event-log.ts';
import { eventually, newRecord, partitionsOf, TestMember } from '../../../contract/event-log-harness.ts';
import { services } from '../../../services/context.ts';
import { openTestLog, TopicOperator } from '../harness.ts';

const timeoutMs = 30_000;
const SLOW_START_MS = 10_000;

interface Told {
  readonly kind: string;
  readonly partitions?: readonly string[];
}

/** A member in a process of its own, with the calls of its listener. */
class ProcessMember {
  readonly told: Told[] = [];
  readonly #child: ChildProcess;

  constructor(brokers: readonly string[], group: string, topics: readonly string[], sessionMs?: number) {
    const script = join(import.meta.dirname, 'member-process.ts');
    const settings = [
      brokers.join(','),
      group,
      topics.join(','),
      ...(sessionMs === undefined ? [] : [`${sessionMs}`]),
    ];
    this.#child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', script, ...settings], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const { stdout } = this.#child;
    if (stdout === null) throw new Error('The member has no stdout.');
    createInterface({ input: stdout }).on('line', (line) => this.told.push(JSON.parse(line) as Told));
  }

  signal(signal: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): void {
    this.#child.kill(signal);
  }

  holds(): string[] {
    const held = new Set<string>();
    for (const { kind, partitions } of this.told) {
      if (kind === 'assigned') for (const name of partitions ?? []) held.add(name);
      if (kind === 'revoked' || kind === 'lost') for (const name of partitions ?? []) held.delete(name);
    }
    return [...held].sort();
  }

  async end(): Promise<void> {
    const { exitCode, signalCode } = this.#child;
    if (exitCode !== null || signalCode !== null) return;
    const gone = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill('SIGCONT');
    this.#child.kill('SIGKILL');
    await gone;
  }
}

describe.skipIf(services().lacks('kafka'))('a group of members', () => {
  let log: EventLog;
  let operator: TopicOperator;
  let topic: string;
  let group: string;
  const members: TestMember[] = [];
  const processes: ProcessMember[] = [];

  beforeAll(() => {
    ({ log } = openTestLog(services().kafka.brokers));
    operator = new TopicOperator(services().kafka.brokers);
  });
  afterEach(async () => {
    await Promise.all(members.splice(0).map((member) => member.consumer.close()));
    await Promise.all(processes.splice(0).map((member) => member.end()));
  });
  afterAll(async () => {
    await log.close();
    await operator.close();
  });

  async function newTopic(partitions: number): Promise<void> {
    topic = `groups-${randomUUID()}`;
    group = `groups-${randomUUID()}`;
    await log.createTopics([{ topic, partitions }]);
  }

  function startMember(topics: readonly string[] = [topic]): Promise<TestMember> {
    const consumer = log.consumer({ group, topics, maxBufferedBytes: 1 << 20 });
    const member = new TestMember(consumer, timeoutMs);
    members.push(member);
    return member.start();
  }

  function startProcess(sessionMs?: number): ProcessMember {
    const member = new ProcessMember(services().kafka.brokers, group, [topic], sessionMs);
    processes.push(member);
    return member;
  }

  const shared = (member: ProcessMember, other: TestMember) => () =>
    member.holds().length === 2 && other.holds().length === 2;

  it('the others get the partitions of a killed member once its session has ended', async () => {
    await newTopic(4);
    const survivor = await (await startMember()).untilHolds(4);
    const victim = startProcess();
    await eventually(shared(victim, survivor), timeoutMs, () => 'two partitions each');
    victim.signal('SIGKILL');
    await survivor.untilHolds(4);
    await log.producer().append(Array.from({ length: 40 }, (_, i) => newRecord(topic, `${i}`, `${i}`)));
    expect(await survivor.read(partitionsOf(topic, 4), 40)).toHaveLength(40);
  });

  it('the others go on reading while a killed member is replaced', async () => {
    await newTopic(4);
    const survivor = await (await startMember()).untilHolds(4);
    // A new process needs some seconds to start on a busy machine. The group has to wait for it that long.
    const victim = startProcess(SLOW_START_MS);
    await eventually(shared(victim, survivor), timeoutMs, () => 'two partitions each');
    const kept = survivor.holds();
    survivor.calls.length = 0;
    victim.signal('SIGKILL');
    const successor = startProcess();
    await eventually(shared(successor, survivor), timeoutMs, () => 'two partitions each again');
    expect(survivor.holds()).toEqual(kept);
    expect(survivor.calls).toEqual([]);
  });

  it('a member that was stopped past its session loses all partitions, then gets a share again', async () => {
    await newTopic(4);
    const witness = await (await startMember()).untilHolds(4);
    const sleeper = startProcess();
    await eventually(shared(sleeper, witness), timeoutMs, () => 'two partitions each');
    const held = sleeper.holds();
    sleeper.signal('SIGSTOP');
    await witness.untilHolds(4);
    sleeper.told.length = 0;
    // These records are in the log when the member wakes. It must not take any before it knows of its loss.
    await log.producer().append(Array.from({ length: 40 }, (_, i) => newRecord(topic, `${i}`, `${i}`)));
    sleeper.signal('SIGCONT');
    const isLost = () => sleeper.told.some(({ kind }) => kind === 'lost');
    await eventually(isLost, timeoutMs, () => 'the sleeper is told of its loss');
    expect(sleeper.told[0]?.kind).toBe('lost');
    const lost = sleeper.told.find(({ kind }) => kind === 'lost');
    expect([...(lost?.partitions ?? [])].sort()).toEqual(held);
    await eventually(shared(sleeper, witness), timeoutMs, () => 'two partitions each again');
  });

  it('the members get partitions that are added to a topic, without a restart', async () => {
    await newTopic(2);
    const first = await (await startMember()).untilHolds(2);
    const second = await (await startMember()).untilHolds(1);
    await operator.growTopic(topic, 6);
    const isShared = () => first.held.size === 3 && second.held.size === 3;
    await eventually(isShared, timeoutMs, () => 'three partitions each');
    expect([...first.holds(), ...second.holds()].sort()).toEqual(
      partitionsOf(topic, 6).map(({ partition }) => `${topic}/${partition}`),
    );
  });

  it('a member gets the partitions of a topic that is created after the group was formed', async () => {
    await newTopic(1);
    const late = `late-${randomUUID()}`;
    const member = await (await startMember([topic, late])).untilHolds(1);
    await log.createTopics([{ topic: late, partitions: 2 }]);
    await member.untilHolds(3);
  });

  it('a take that finds the session over reports the loss, even if a heartbeat is answered after all', async () => {
    await newTopic(2);
    let aheadMs = 0;
    const monotonicMs = () => systemClock.monotonicMs() + aheadMs;
    const { log: own } = openTestLog(services().kafka.brokers, { clock: { ...systemClock, monotonicMs } });
    const consumer = own.consumer({ group, topics: [topic], maxBufferedBytes: 1 << 20 });
    const member = new TestMember(consumer, timeoutMs);
    members.push(member);
    await (await member.start()).untilHolds(2);
    const partitions = partitionsOf(topic, 2);
    await log.producer().append(Array.from({ length: 40 }, (_, i) => newRecord(topic, `${i}`, `${i}`)));
    await eventually(
      () => consumer.ends().reduce((sum, { offset }) => sum + offset, 0n) === 40n,
      timeoutMs,
      () => 'all records read ahead',
    );
    // For this take the session is over. The timer of the heartbeats has not run yet, and would still be in time.
    aheadMs = 60_000;
    const limits = { maxRecords: 100, maxBytes: 1 << 20 };
    const taken = await consumer.take(partitions, limits, AbortSignal.timeout(timeoutMs));
    aheadMs = 0;
    expect(taken).toEqual([]);
    const isLost = () => member.calls.some(({ kind }) => kind === 'lost');
    await eventually(isLost, timeoutMs, () => 'the member is told of its loss');
    await member.untilHolds(2);
    expect(await member.read(partitions, 40)).toHaveLength(40);
    await own.close();
  });

  it('a member may use what it holds after a join that lasted longer than a session', async () => {
    await newTopic(2);
    let aheadMs = 0;
    const monotonicMs = () => systemClock.monotonicMs() + aheadMs;
    const clock = { ...systemClock, monotonicMs };
    const cluster = new Cluster(
      resolveOptions({ brokers: services().kafka.brokers, clock, logger: () => {} }),
    );
    const connect = cluster.connect.bind(cluster);
    const coordinatorOf = cluster.coordinatorOf.bind(cluster);
    // A member looks for the coordinator, then connects for its join. Its next connection of this use is for the
    // sync.
    let connections = 0;
    let isAsked = false;
    const answers: boolean[] = [];
    cluster.coordinatorOf = (name) => {
      connections = 0;
      return coordinatorOf(name);
    };
    cluster.connect = async (nodeId, use, requestTimeoutMs) => {
      if (use === 'group' && ++connections === 1 && isAsked) {
        aheadMs += 60_000;
        answers.push(first.mayUseHeld());
      }
      if (use === 'group' && connections === 2 && isAsked) answers.push(first.mayUseHeld());
      return connect(nodeId, use, requestTimeoutMs);
    };
    const told: string[] = [];
    const tell = (kind: string) => async () => void told.push(kind);
    const events = {
      assigned: tell('assigned'),
      revoked: tell('revoked'),
      lost: tell('lost'),
      refreshed() {},
    };
    const first = new GroupMember(cluster, group, [topic], events);
    first.start();
    await eventually(
      () => told.includes('assigned'),
      timeoutMs,
      () => 'the first member holds both',
    );
    isAsked = true;
    const second = await startMember();
    await second.untilHolds(1);
    isAsked = false;
    expect(answers).not.toEqual([]);
    expect(told).not.toContain('lost');
    expect(answers, 'a member that lost nothing may use what it holds').not.toContain(false);
    await first.close();
    await cluster.close();
  });

  it('a member sends heartbeats while it revokes partitions for longer than a session', async () => {
    await newTopic(2);
    const consumer = log.consumer({ group, topics: [topic], maxBufferedBytes: 1 << 20 });
    const slowMs = 4_500;
    const slow = new TestMember(consumer, timeoutMs, {
      onRevoked: () => new Promise((resolve) => setTimeout(resolve, slowMs)),
    });
    members.push(slow);
    await (await slow.start()).untilHolds(2);
    const second = await startMember();
    await second.untilHolds(1);
    expect(slow.calls.map(({ kind }) => kind)).not.toContain('lost');
  });
});
