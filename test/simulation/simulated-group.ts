import { partitionName, type TopicPartition } from '../../src/core/offset.ts';
import type { AssignedPartition } from '../../src/ports/event-log.ts';
import type { SimulatedConsumer } from './simulated-consumer.ts';
import type { LogProcess, SimulatedLog } from './simulated-log.ts';

/** Which member gets a partition; `members` are in the sequence of their joining, and at least one. */
export type Sharing = (partition: TopicPartition, members: readonly SimulatedConsumer[]) => SimulatedConsumer;

const evenly: Sharing = ({ partition }, members) => members[partition % members.length] as SimulatedConsumer;

/**
 * A group whose members let go of single partitions while they keep the others (cooperative rebalancing): what is
 * taken from a member is free once it has answered, and what is free goes to its new owner at once. So one member may
 * be told to let go of one partition and to take another in the same breath.
 */
export class SimulatedGroup {
  readonly #log: SimulatedLog;
  readonly #members: SimulatedConsumer[] = [];
  readonly #owners = new Map<string, SimulatedConsumer>();
  /** What each member has been asked to let go of and has not yet. */
  readonly #leaving = new Map<SimulatedConsumer, Set<string>>();
  #plan = new Map<string, SimulatedConsumer>();

  constructor(log: SimulatedLog) {
    this.#log = log;
  }

  hasMembers(): boolean {
    return this.#members.some(({ process }) => !process.isDead);
  }

  join(member: SimulatedConsumer): void {
    this.#members.push(member);
    this.rebalance();
  }

  /** The member is gone, and what it held is free. */
  leave(member: SimulatedConsumer): void {
    const place = this.#members.indexOf(member);
    if (place === -1) return;
    this.#members.splice(place, 1);
    for (const [name, owner] of this.#owners) if (owner === member) this.#owners.delete(name);
    this.rebalance();
  }

  /** Ends the session of a process; it learns so once it runs again, and joins again. */
  expel(process: LogProcess): void {
    for (const member of this.#members.filter((each) => each.process === process)) {
      this.leave(member);
      void member.expelled().then(() => this.join(member));
    }
  }

  heldBy(member: SimulatedConsumer): string[] {
    return [...this.#owners].filter(([, owner]) => owner === member).map(([name]) => name);
  }

  isMember(member: SimulatedConsumer): boolean {
    return this.#members.includes(member);
  }

  /** Shares the partitions out as `choose` says, else evenly. */
  rebalance(choose: Sharing = evenly): void {
    this.#plan = new Map();
    if (this.#members.length === 0) return;
    for (const partition of this.#partitions()) {
      this.#plan.set(partitionName(partition), choose(partition, this.#members));
    }
    this.#apply();
  }

  #apply(): void {
    for (const member of [...this.#members]) this.#takeFrom(member);
    this.#handOut();
  }

  #partitions(): AssignedPartition[] {
    const topics = [...new Set(this.#members.flatMap(({ topics }) => topics))];
    return this.#log
      .describe(topics)
      .flatMap(({ topicId, partitions }) => partitions.map((range) => ({ ...range, topicId })));
  }

  #takeFrom(member: SimulatedConsumer): void {
    const leaving = this.#leaving.get(member) ?? new Set();
    this.#leaving.set(member, leaving);
    const gone = this.#partitions().filter((partition) => {
      const name = partitionName(partition);
      return this.#owners.get(name) === member && this.#plan.get(name) !== member && !leaving.has(name);
    });
    if (gone.length === 0) return;
    const names = gone.map(partitionName);
    for (const name of names) leaving.add(name);
    void member.revoked(gone).then(() => {
      for (const name of names) {
        leaving.delete(name);
        if (this.#owners.get(name) === member) this.#owners.delete(name);
      }
      this.#apply();
    });
  }

  #handOut(): void {
    const free = this.#partitions().filter((partition) => !this.#owners.has(partitionName(partition)));
    for (const member of [...this.#members]) {
      const gained = free.filter((partition) => this.#plan.get(partitionName(partition)) === member);
      if (gained.length === 0) continue;
      for (const partition of gained) this.#owners.set(partitionName(partition), member);
      void member.assigned(gained);
    }
  }
}
