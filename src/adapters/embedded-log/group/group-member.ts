import { logDefect, messageOf } from '../../../core/errors.ts';
import { fullJitterMs } from '../../../core/retry.ts';
import type { LogDatabase } from '../file/database.ts';
import type { ResolvedOptions } from '../options.ts';
import type { PartitionRow } from '../topics.ts';
import {
  assignPartitions,
  beat,
  claim,
  expel,
  type GroupView,
  join,
  leave,
  type MemberRow,
  type OwnershipClaim,
  readGenerations,
  readGroup,
  readMembers,
  release,
} from './membership.ts';
import { isGone, ownIdentity } from './process-identity.ts';

const RETRY_BACKOFF = { baseMs: 50, capMs: 2_000 };

/** The calls from a member to its consumer. Each call is awaited before the next one. */
export interface GroupMemberEvents {
  /**
   * Called before every look at the group, so that the fault of a partition is reported before the partition moves.
   */
  checkFaults(): Promise<void>;
  assigned(partitions: readonly PartitionRow[]): Promise<void>;
  revoked(partitions: readonly PartitionRow[]): Promise<void>;
  lost(partitions: readonly PartitionRow[]): Promise<void>;
}

/**
 * One member of a group whose members may be in several processes. The group has no leader: each member computes the
 * same assignment from the table of members, and only the table of owners says which member may read a partition. The
 * hand-over is cooperative: partitions that stay with a member are read without a pause.
 *
 *     free --claim--> owned by A --(assignment says B)--> A: revoked() --release--> free --claim--> owned by B
 *                        |
 *                        +--(A's process is gone, or A wrote no heartbeat for sessionTimeoutMs: expelled)--> free
 *                        +--(A does not release it within handOverTimeoutMs)--> owned by B
 *
 * A member that finds another owner has lost the partition. A member that finds itself out of the table has lost all
 * of them, and joins again under a new id. A claim or an expulsion takes effect only if the row has not changed since
 * it was read.
 */
export class GroupMember {
  readonly #database: LogDatabase;
  readonly #options: ResolvedOptions;
  readonly #group: string;
  readonly #topics: readonly string[];
  readonly #events: GroupMemberEvents;
  readonly #store: string | undefined;
  readonly #identity = ownIdentity();
  readonly #held = new Map<number, PartitionRow>();
  readonly #stop = new AbortController();
  /** For each other member its last heartbeat, and the time since this process saw it change. */
  readonly #silence = new Map<string, { heartbeat: number; silentMs: number }>();
  /**
   * For each partition that this member is to own, its present owner, and the time that this member has waited for
   * it.
   */
  readonly #waits = new Map<number, { owner: string; waitedMs: number }>();
  #memberId: string;
  #joined = false;
  #seenGenerations = '';
  #fault: string | null = null;
  #poke: () => void = () => {};
  #poked = false;
  #stopListening: () => void = () => {};
  #loops: Promise<unknown> = Promise.resolve();

  constructor(
    database: LogDatabase,
    options: ResolvedOptions,
    group: string,
    topics: readonly string[],
    events: GroupMemberEvents,
    store?: string,
  ) {
    this.#database = database;
    this.#options = options;
    this.#group = group;
    this.#topics = topics;
    this.#events = events;
    this.#store = store;
    this.#memberId = options.clock.uuid();
  }

  get memberId(): string {
    return this.#memberId;
  }

  /** The reason why the member cannot work. Null if it can. */
  get fault(): string | null {
    return this.#joined ? this.#fault : 'it has not joined its group.';
  }

  async start(): Promise<void> {
    await this.#join();
    this.#stopListening = this.#database.watch.listen(() => this.#onChange());
    this.#loops = Promise.all([this.#reconcileLoop(), this.#livenessLoop()]);
  }

  /** Revokes all partitions and leaves the group. A failure is only logged: the others expel a silent member. */
  async stop(): Promise<void> {
    this.#stop.abort();
    this.#stopListening();
    this.#wake();
    await this.#loops;
    const held = [...this.#held.values()];
    if (held.length > 0) await this.#events.revoked(held);
    this.#held.clear();
    if (!this.#joined) return;
    this.#joined = false;
    try {
      await leave(this.#database, this.#group, this.#memberId);
    } catch (error) {
      this.#options.logger('warn', 'Leaving the group failed', {
        group: this.#group,
        error: messageOf(error),
      });
    }
  }

  /** Makes the member look at the group again soon. */
  look(): void {
    this.#wake();
  }

  async #join(): Promise<void> {
    const member = { memberId: this.#memberId, identity: this.#identity, topics: this.#topics };
    await join(this.#database, this.#group, member, this.#store);
    this.#joined = true;
  }

  #onChange(): void {
    try {
      if (readGenerations(this.#database, this.#group) !== this.#seenGenerations) this.#wake();
    } catch {
      // The file cannot be read at the moment. The full look finds out why.
      this.#wake();
    }
  }

  #wake(): void {
    this.#poked = true;
    this.#poke();
  }

  async #untilPoked(): Promise<void> {
    if (!this.#poked) {
      await new Promise<void>((resolve) => {
        this.#poke = resolve;
      });
    }
    this.#poked = false;
  }

  async #reconcileLoop(): Promise<void> {
    for (let failures = 0; !this.#stop.signal.aborted; ) {
      try {
        while (await this.#reconcile());
        this.#fault = null;
        failures = 0;
        await this.#untilPoked();
      } catch (error) {
        failures += 1;
        this.#reportFault(error);
        const waitMs = 10 + fullJitterMs(RETRY_BACKOFF, failures, this.#options.clock.random());
        await this.#options.clock.sleep(waitMs, this.#stop.signal);
      }
    }
  }

  #reportFault(error: unknown): void {
    this.#fault = messageOf(error);
    if (this.#stop.signal.aborted) return;
    if (logDefect(this.#options.logger, `the group ${this.#group}`, error)) return;
    this.#options.logger('warn', 'Looking at the group failed', {
      group: this.#group,
      error: this.#fault,
    });
  }

  /** Takes one step towards the assignment. Resolves with whether another step may follow. */
  async #reconcile(): Promise<boolean> {
    if (this.#stop.signal.aborted) return false;
    await this.#events.checkFaults();
    const view = await this.#database.read('Looking at a group', () => {
      this.#seenGenerations = readGenerations(this.#database, this.#group);
      return readGroup(this.#database, this.#group, this.#topics);
    });
    if (!view.members.some(({ memberId }) => memberId === this.#memberId)) return this.#rejoin();
    return (await this.#noticeLosses(view)) || (await this.#letGo(view)) || (await this.#takeOver(view));
  }

  async #rejoin(): Promise<boolean> {
    const lost = [...this.#held.values()];
    this.#held.clear();
    this.#joined = false;
    this.#options.logger('warn', 'Expelled from the group: joining again', {
      group: this.#group,
      lost: lost.length,
    });
    this.#memberId = this.#options.clock.uuid();
    if (lost.length > 0) await this.#events.lost(lost);
    await this.#join();
    return true;
  }

  async #noticeLosses(view: GroupView): Promise<boolean> {
    const lost = [...this.#held.values()].filter(({ partitionId }) => {
      const owner = view.owners.get(partitionId);
      return owner !== undefined && owner !== this.#memberId;
    });
    if (lost.length === 0) return false;
    for (const { partitionId } of lost) this.#held.delete(partitionId);
    await this.#events.lost(lost);
    return true;
  }

  async #letGo(view: GroupView): Promise<boolean> {
    const assignment = assignPartitions(view);
    const leaving = [...this.#held.values()].filter(
      ({ partitionId }) => assignment.get(partitionId) !== this.#memberId,
    );
    if (leaving.length === 0) return false;
    await this.#events.revoked(leaving);
    const partitionIds = leaving.map(({ partitionId }) => partitionId);
    for (const partitionId of partitionIds) this.#held.delete(partitionId);
    await release(this.#database, this.#group, this.#memberId, partitionIds);
    return true;
  }

  async #takeOver(view: GroupView): Promise<boolean> {
    const assignment = assignPartitions(view);
    const claims: OwnershipClaim[] = [];
    const waitedFor = new Set<number>();
    for (const { partitionId } of view.partitions) {
      if (assignment.get(partitionId) !== this.#memberId || this.#held.has(partitionId)) continue;
      const owner = view.owners.get(partitionId) ?? null;
      // This member owns the partition without holding it, because a release has failed. It takes it again.
      const ready = owner === null || owner === this.#memberId || this.#isOverdue(partitionId, owner);
      if (ready) claims.push({ partitionId, from: owner });
      else waitedFor.add(partitionId);
    }
    for (const partitionId of this.#waits.keys())
      if (!waitedFor.has(partitionId)) this.#waits.delete(partitionId);
    if (claims.length === 0) return false;
    const claimed = await claim(this.#database, this.#group, this.#memberId, claims);
    for (const row of claimed) this.#held.set(row.partitionId, row);
    if (claimed.length > 0) await this.#events.assigned(claimed);
    return true;
  }

  #isOverdue(partitionId: number, owner: string): boolean {
    const wait = this.#waits.get(partitionId);
    if (wait?.owner === owner) return wait.waitedMs > this.#options.handOverTimeoutMs;
    this.#waits.set(partitionId, { owner, waitedMs: 0 });
    return false;
  }

  /**
   * Sends heartbeats beside the listener's calls, which may be slow, so that a working member is not taken for dead.
   */
  async #livenessLoop(): Promise<void> {
    const { clock, memberCheckMs, heartbeatMs, logger } = this.#options;
    let lastCheckMs = clock.monotonicMs();
    let lastBeatMs = lastCheckMs;
    while (!this.#stop.signal.aborted) {
      const nowMs = clock.monotonicMs();
      try {
        // After a stop of this process, the time of the stop must not count as the others' silence.
        await this.#checkOthers(Math.min(nowMs - lastCheckMs, 2 * memberCheckMs));
        if (nowMs - lastBeatMs >= heartbeatMs) {
          lastBeatMs = nowMs;
          if (!(await beat(this.#database, this.#group, this.#memberId))) this.#wake();
        }
      } catch (error) {
        const isDefect = logDefect(logger, `the heartbeat of the group ${this.#group}`, error);
        if (!isDefect && !this.#stop.signal.aborted)
          logger('warn', 'Heartbeat failed', { group: this.#group, error: messageOf(error) });
      }
      lastCheckMs = nowMs;
      await clock.sleep(memberCheckMs, this.#stop.signal);
    }
  }

  async #checkOthers(elapsedMs: number): Promise<void> {
    for (const wait of this.#waits.values()) {
      wait.waitedMs += elapsedMs;
      if (wait.waitedMs > this.#options.handOverTimeoutMs) this.#wake();
    }
    const members = readMembers(this.#database, this.#group);
    const dead = members.filter(
      (member) => member.memberId !== this.#memberId && this.#isDead(member, elapsedMs),
    );
    const present = new Set(members.map(({ memberId }) => memberId));
    for (const memberId of this.#silence.keys()) if (!present.has(memberId)) this.#silence.delete(memberId);
    if (dead.length === 0) return;
    const expelled = await expel(this.#database, this.#group, dead);
    if (expelled > 0)
      this.#options.logger('warn', 'Dead members were expelled from the group', {
        group: this.#group,
        expelled,
      });
  }

  #isDead(member: MemberRow, elapsedMs: number): boolean {
    if (isGone(member.identity, this.#identity)) return true;
    const seen = this.#silence.get(member.memberId);
    if (seen === undefined || seen.heartbeat !== member.heartbeat) {
      this.#silence.set(member.memberId, { heartbeat: member.heartbeat, silentMs: 0 });
      return false;
    }
    seen.silentMs += elapsedMs;
    return seen.silentMs > this.#options.sessionTimeoutMs;
  }
}
