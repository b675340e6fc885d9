import type { Clock } from '../../../../src/ports/clock.ts';
import { Code } from './codes.ts';
import type { RequestOf, ResponseOf } from './messages.ts';

/*
 * One consumer group as its coordinator runs it, by the classic protocol:
 *
 *   empty -> preparing --(all members have joined, or the rebalance timeout)--> completing --(leader's sync)--> stable
 *              ^                                                                   |                             |
 *              +---------(a member joins, leaves, or its session ends)-------------+-----------------------------+
 *
 * Source: `GroupCoordinator` and `GroupMetadata` of Apache Kafka 3.7.
 */

type Join = ResponseOf<'JoinGroup'>;
type Sync = ResponseOf<'SyncGroup'>;
type State = 'empty' | 'preparing' | 'completing' | 'stable';

interface Member {
  readonly memberId: string;
  sessionTimeoutMs: number;
  rebalanceTimeoutMs: number;
  protocols: RequestOf<'JoinGroup'>['protocols'];
  assignment: Buffer;
  /** The open requests of this member. A member with one of them needs no heartbeats. */
  joining: ((answer: Join) => void) | undefined;
  syncing: ((answer: Sync) => void) | undefined;
  session: AbortController;
}

interface CommittedOffset {
  readonly offset: bigint;
  readonly leaderEpoch: number;
  readonly metadata: string | null;
}

export class Group {
  readonly name: string;
  readonly #clock: Clock;
  readonly #members = new Map<string, Member>();
  /** Ids that were given out and have not joined yet. They hold a rebalance up, like members. */
  readonly #pending = new Map<string, AbortController>();
  /** By topic, then by partition. */
  readonly committed = new Map<string, Map<number, CommittedOffset>>();
  hasEvicted = false;
  #state: State = 'empty';
  #generation = 0;
  #leader: string | undefined;
  #protocolType: string | undefined;
  #protocolName: string | null = null;
  #rebalance = new AbortController();
  #nextId = 1;

  constructor(name: string, clock: Clock) {
    this.name = name;
    this.#clock = clock;
  }

  get state(): State {
    return this.#state;
  }

  get memberIds(): string[] {
    return [...this.#members.keys()];
  }

  get generation(): number {
    return this.#generation;
  }

  join(clientId: string, request: RequestOf<'JoinGroup'>): Promise<Join> {
    const { memberId, protocolType, protocols } = request;
    const isOther = this.#members.size > 0 && this.#protocolType !== protocolType;
    const offered = new Set(protocols.map(({ name }) => name));
    const isShared = [...this.#members.values()].every((each) =>
      each.protocols.some(({ name }) => offered.has(name)),
    );
    if (isOther || !isShared) return Promise.resolve(joinError(Code.INCONSISTENT_GROUP_PROTOCOL, memberId));
    if (memberId === '') return Promise.resolve(this.#giveId(clientId, request.sessionTimeoutMs));
    const known = this.#members.get(memberId);
    if (known === undefined && !this.#pending.has(memberId))
      return Promise.resolve(joinError(Code.UNKNOWN_MEMBER_ID, memberId));
    this.#protocolType = protocolType;
    const isAsBefore = known !== undefined && protocolsEqual(known.protocols, protocols);
    const isAnsweredAtOnce =
      isAsBefore && (this.#state === 'completing' || (this.#state === 'stable' && this.#leader !== memberId));
    if (isAnsweredAtOnce) return Promise.resolve(this.#joined(known));
    this.#pending.get(memberId)?.abort();
    this.#pending.delete(memberId);
    const { sessionTimeoutMs, rebalanceTimeoutMs } = request;
    const member: Member = known ?? {
      memberId,
      sessionTimeoutMs,
      rebalanceTimeoutMs,
      protocols,
      assignment: Buffer.alloc(0),
      joining: undefined,
      syncing: undefined,
      session: new AbortController(),
    };
    Object.assign(member, { sessionTimeoutMs, rebalanceTimeoutMs, protocols });
    this.#members.set(memberId, member);
    const { promise, resolve } = Promise.withResolvers<Join>();
    member.joining = resolve;
    if (this.#state !== 'preparing') this.#prepare();
    this.#completeIfAllJoined();
    return promise;
  }

  sync(request: RequestOf<'SyncGroup'>): Promise<Sync> {
    const { memberId, generationId, protocolType, protocolName, assignments } = request;
    const member = this.#members.get(memberId);
    if (member === undefined) return Promise.resolve(syncError(Code.UNKNOWN_MEMBER_ID));
    if (generationId !== this.#generation) return Promise.resolve(syncError(Code.ILLEGAL_GENERATION));
    if (protocolType !== this.#protocolType || protocolName !== this.#protocolName)
      return Promise.resolve(syncError(Code.INCONSISTENT_GROUP_PROTOCOL));
    if (this.#state === 'preparing') return Promise.resolve(syncError(Code.REBALANCE_IN_PROGRESS));
    if (this.#state === 'stable') return Promise.resolve(this.#synced(member));
    const { promise, resolve } = Promise.withResolvers<Sync>();
    member.syncing = resolve;
    if (memberId === this.#leader) {
      for (const each of this.#members.values()) {
        each.assignment =
          assignments.find((one) => one.memberId === each.memberId)?.assignment ?? Buffer.alloc(0);
      }
      this.#rebalance.abort();
      this.#state = 'stable';
      for (const each of this.#members.values()) {
        each.syncing?.(this.#synced(each));
        each.syncing = undefined;
      }
    }
    return promise;
  }

  /** The error code of a heartbeat, 0 if all is well. */
  heartbeat({ memberId, generationId }: Pick<RequestOf<'Heartbeat'>, 'memberId' | 'generationId'>): number {
    const member = this.#members.get(memberId);
    if (member === undefined) return Code.UNKNOWN_MEMBER_ID;
    if (generationId !== this.#generation) return Code.ILLEGAL_GENERATION;
    this.#beginSession(member);
    return this.#state === 'preparing' ? Code.REBALANCE_IN_PROGRESS : Code.NONE;
  }

  /** The error code for the member. */
  leave(memberId: string): number {
    const pending = this.#pending.get(memberId);
    if (pending !== undefined) {
      pending.abort();
      this.#pending.delete(memberId);
      this.#completeIfAllJoined();
      return Code.NONE;
    }
    return this.expel(memberId) ? Code.NONE : Code.UNKNOWN_MEMBER_ID;
  }

  /** The error code for every partition of a commit. */
  mayCommit({ memberId, generationId }: RequestOf<'OffsetCommit'>): number {
    if (generationId < 0 && this.#state === 'empty') return Code.NONE;
    if (!this.#members.has(memberId)) return Code.UNKNOWN_MEMBER_ID;
    if (generationId !== this.#generation) return Code.ILLEGAL_GENERATION;
    return this.#state === 'completing' ? Code.REBALANCE_IN_PROGRESS : Code.NONE;
  }

  commit(topic: string, partition: number, offset: CommittedOffset): void {
    const partitions = this.committed.get(topic) ?? new Map<number, CommittedOffset>();
    partitions.set(partition, offset);
    this.committed.set(topic, partitions);
  }

  /** Removes a member before its session ends, as an operator's tool does. It cannot know of that at once. */
  evict(memberId: string): void {
    this.hasEvicted = true;
    this.expel(memberId);
  }

  /** Removes a member, as the end of its session does. Returns whether there was one. */
  expel(memberId: string): boolean {
    const member = this.#members.get(memberId);
    if (member === undefined) return false;
    this.#remove(member);
    if (this.#state === 'stable' || this.#state === 'completing') this.#prepare();
    this.#completeIfAllJoined();
    return true;
  }

  /** Makes the group share its partitions out again. */
  rebalance(): void {
    if (this.#state === 'stable') this.#prepare();
  }

  /** The coordinator hands the group to another broker: requests that wait are answered. */
  unload(): void {
    for (const member of this.#members.values()) {
      member.joining?.(joinError(Code.NOT_COORDINATOR, member.memberId));
      member.syncing?.(syncError(Code.NOT_COORDINATOR));
      member.joining = undefined;
      member.syncing = undefined;
      this.#beginSession(member);
    }
  }

  close(): void {
    this.unload();
    this.#rebalance.abort();
    for (const pending of this.#pending.values()) pending.abort();
    for (const member of this.#members.values()) member.session.abort();
  }

  #giveId(clientId: string, sessionTimeoutMs: number): Join {
    const memberId = `${clientId}-${this.name}-${this.#nextId++}`;
    const pending = new AbortController();
    this.#pending.set(memberId, pending);
    void this.#clock.sleep(sessionTimeoutMs, pending.signal).then(() => {
      if (pending.signal.aborted) return;
      this.#pending.delete(memberId);
      this.#completeIfAllJoined();
    });
    return joinError(Code.MEMBER_ID_REQUIRED, memberId);
  }

  /** Waits for all members to join again, but no longer than the rebalance timeout. */
  #prepare(): void {
    this.#state = 'preparing';
    this.#rebalance.abort();
    this.#rebalance = new AbortController();
    const { signal } = this.#rebalance;
    for (const member of this.#members.values()) {
      member.syncing?.(syncError(Code.REBALANCE_IN_PROGRESS));
      if (member.syncing !== undefined) this.#beginSession(member);
      member.syncing = undefined;
    }
    void this.#clock.sleep(this.#longestRebalanceMs(), signal).then(() => {
      if (!signal.aborted) this.#complete();
    });
  }

  #longestRebalanceMs(): number {
    return Math.max(0, ...[...this.#members.values()].map(({ rebalanceTimeoutMs }) => rebalanceTimeoutMs));
  }

  #completeIfAllJoined(): void {
    if (this.#state !== 'preparing' || this.#pending.size > 0) return;
    if ([...this.#members.values()].every(({ joining }) => joining !== undefined)) this.#complete();
  }

  #complete(): void {
    this.#rebalance.abort();
    for (const member of [...this.#members.values()]) if (member.joining === undefined) this.#remove(member);
    this.#generation++;
    const [first] = this.#members.values();
    if (first === undefined) {
      this.#state = 'empty';
      this.#leader = undefined;
      return;
    }
    if (this.#leader === undefined || !this.#members.has(this.#leader)) this.#leader = first.memberId;
    this.#protocolName = first.protocols[0]?.name ?? null;
    this.#state = 'completing';
    for (const member of this.#members.values()) {
      const answer = member.joining;
      member.joining = undefined;
      this.#beginSession(member);
      answer?.(this.#joined(member));
    }
    this.#expectSyncs();
  }

  /** Members that do not sync within the rebalance timeout are removed. */
  #expectSyncs(): void {
    this.#rebalance = new AbortController();
    const { signal } = this.#rebalance;
    void this.#clock.sleep(this.#longestRebalanceMs(), signal).then(() => {
      if (signal.aborted) return;
      for (const member of [...this.#members.values()])
        if (member.syncing === undefined) this.#remove(member);
      this.#prepare();
      this.#completeIfAllJoined();
    });
  }

  #beginSession(member: Member): void {
    member.session.abort();
    const session = new AbortController();
    member.session = session;
    void this.#clock.sleep(member.sessionTimeoutMs, session.signal).then(() => {
      if (session.signal.aborted || this.#members.get(member.memberId) !== member) return;
      if (member.joining === undefined && member.syncing === undefined) this.expel(member.memberId);
    });
  }

  #remove(member: Member): void {
    this.#members.delete(member.memberId);
    member.session.abort();
    member.joining?.(joinError(Code.UNKNOWN_MEMBER_ID, member.memberId));
    member.syncing?.(syncError(Code.UNKNOWN_MEMBER_ID));
    if (this.#leader === member.memberId) this.#leader = undefined;
  }

  #joined({ memberId }: Member): Join {
    const leader = this.#leader ?? '';
    const listed = memberId === leader ? [...this.#members.values()] : [];
    return {
      ...joinError(Code.NONE, memberId),
      generationId: this.#generation,
      protocolType: this.#protocolType ?? null,
      protocolName: this.#protocolName,
      leader,
      members: listed.map((member) => ({
        memberId: member.memberId,
        groupInstanceId: null,
        metadata: member.protocols[0]?.metadata ?? Buffer.alloc(0),
      })),
    };
  }

  #synced({ assignment }: Member): Sync {
    const protocolType = this.#protocolType ?? null;
    return { ...syncError(Code.NONE), protocolType, protocolName: this.#protocolName, assignment };
  }
}

export function joinError(errorCode: number, memberId: string): Join {
  return {
    throttleTimeMs: 0,
    errorCode,
    generationId: -1,
    protocolType: null,
    protocolName: null,
    leader: '',
    memberId,
    members: [],
  };
}

export function syncError(errorCode: number): Sync {
  return {
    throttleTimeMs: 0,
    errorCode,
    protocolType: null,
    protocolName: null,
    assignment: Buffer.alloc(0),
  };
}

function protocolsEqual(left: Member['protocols'], right: Member['protocols']): boolean {
  return (
    left.length === right.length &&
    left.every(
      ({ name, metadata }, index) => name === right[index]?.name && metadata.equals(right[index].metadata),
    )
  );
}
