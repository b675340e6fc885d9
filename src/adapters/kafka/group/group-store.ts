import { TributaryError } from '../../../core/errors.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { protocolErrorOf } from '../errors.ts';
import { decodeAssignmentUserData, decodeSubscriptionUserData } from '../wire/group-formats.ts';
import type { GroupMemberState } from './assignment.ts';
import { GroupRequests, type JoinedMember, notAMember } from './group-requests.ts';

/*
 * Keeps members of different stores out of one group: each would journal only half of the partitions. The identity of
 * the store is written as a note in three places:
 * - in the metadata of the group's committed offsets, which outlive the members. A member reads them before it joins,
 *   and joins only a group of its own store, so the other members never notice it;
 * - in the user data of each member's subscription, for a group that has committed nothing yet. The leader gives
 *   partitions to the members of one store only;
 * - in the user data of each assignment. A member that finds another store there leaves the group.
 *
 * Members and offsets of older versions have no note. They are accepted.
 */

const PREFIX = 'tributary-store=';
const STORE_ID = /^[0-9a-f-]{36}$/i;

/** The note for a store. */
export function noteOf(store: string): string {
  return `${PREFIX}${store}`;
}

/** The store that the note names. Undefined for a note of another program. */
export function storeIn(note: string | null | undefined): string | undefined {
  if (note?.startsWith(PREFIX) !== true) return undefined;
  const store = note.slice(PREFIX.length);
  return STORE_ID.test(store) ? store : undefined;
}

/** Compares the store of one member with the store of its group. A member without a store compares nothing. */
export class GroupStore {
  /** The note of its own store. */
  readonly note: string | undefined;
  readonly #group: string;
  readonly #topics: readonly string[];
  readonly #store: string | undefined;
  readonly #requests: Pick<GroupRequests, 'committed'>;

  constructor(of: {
    readonly group: string;
    readonly topics: readonly string[];
    readonly store: string | undefined;
    readonly requests: Pick<GroupRequests, 'committed'>;
  }) {
    this.#group = of.group;
    this.#topics = of.topics;
    this.#store = of.store;
    this.#requests = of.requests;
    this.note = of.store === undefined ? undefined : noteOf(of.store);
  }

  get isCompared(): boolean {
    return this.#store !== undefined;
  }

  /** The store that a member names in its subscription. */
  of({ metadata }: JoinedMember): string | undefined {
    return storeIn(decodeSubscriptionUserData(metadata));
  }

  /** Rejects with `group_of_another_store` if the group's offsets were committed for another store. */
  async check(coordinator: number): Promise<void> {
    if (this.#store !== undefined) this.#compare(await this.#recorded(coordinator));
  }

  /** Throws `group_of_another_store` if the leader gave the partitions to the members of another store. */
  checkAssignment(assignment: Buffer): void {
    this.#compare(storeIn(decodeAssignmentUserData(assignment)));
  }

  /**
   * For the leader: the members that may have partitions, and the note of their store. The group's store is the one
   * that the committed offsets name, else that of a member which holds partitions, else the leader's own. Members
   * that name no store belong to an older version, and may have partitions.
   */
  async members<Member extends GroupMemberState>(
    coordinator: number,
    members: readonly Member[],
  ): Promise<{ readonly own: readonly Member[]; readonly note: string | undefined }> {
    if (this.#store === undefined) return { own: members, note: undefined };
    const holding = members.find(({ store, owned }) => store !== undefined && owned.length > 0);
    const store = (await this.#recorded(coordinator)) ?? holding?.store ?? this.#store;
    return { own: members.filter((member) => (member.store ?? store) === store), note: noteOf(store) };
  }

  #compare(theirs: string | undefined): void {
    if (theirs === undefined || this.#store === undefined || theirs === this.#store) return;
    throw strangerError(this.#group, theirs, this.#store);
  }

  /**
   * The store that the committed offsets name. If they name several, the own one counts: the others may be left from
   * before the group was handed over.
   */
  async #recorded(coordinator: number): Promise<string | undefined> {
    const committed = await this.#requests.committed(coordinator);
    const stores = committed.flatMap(({ topic, note }) =>
      this.#topics.includes(topic) ? (storeIn(note) ?? []) : [],
    );
    return stores.find((store) => store === this.#store) ?? stores[0];
  }
}

export function isStranger(error: unknown): boolean {
  return error instanceof TributaryError && error.code === 'group_of_another_store';
}

function strangerError(group: string, theirs: string, ours: string): TributaryError {
  return new TributaryError(
    'group_of_another_store',
    `The group ${group} journals into another database, or into tables with another ORDER_SYNC_TABLE_PREFIX: its store is ${theirs}, that of this DATABASE_URL is ${ours}. ` +
      'Nothing was read. Give this instance the DATABASE_URL and the prefix of the others, or a group of its own by ORDER_SYNC_GROUP. If ' +
      'the group is to go on with this database, stop its other members and run: order-sync take-group --reason "..."',
  );
}

/**
 * Commits the group's offsets once more, with the note of its new store. Rejects with `usage` while the group has
 * members, because the coordinator refuses the commit then.
 */
export async function handGroupTo(
  cluster: Cluster,
  group: string,
  store: string,
): Promise<{ readonly former: string | null }> {
  const requests = new GroupRequests(cluster, group);
  const coordinator = await cluster.coordinatorOf(group);
  const committed = await requests.committed(coordinator);
  const former = committed.flatMap(({ note }) => storeIn(note) ?? []).find((found) => found !== store);
  if (committed.length === 0) return { former: null };
  try {
    await requests.commit({ coordinator, ...notAMember }, committed, noteOf(store));
  } catch (error) {
    const answer = protocolErrorOf(error);
    if (
      answer === 'UNKNOWN_MEMBER_ID' ||
      answer === 'ILLEGAL_GENERATION' ||
      answer === 'REBALANCE_IN_PROGRESS'
    ) {
      throw membersError(group);
    }
    throw error;
  }
  return { former: former ?? null };
}

function membersError(group: string): TributaryError {
  return new TributaryError(
    'usage',
    `The group ${group} has members, which journal into its present database: stop all of them, and try again.`,
  );
}
