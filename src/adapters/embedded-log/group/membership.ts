import { TributaryError } from '../../../core/errors.ts';
import type { Readers } from '../../../ports/event-log.ts';
import type { LogDatabase } from '../file/database.ts';
import { type PartitionRow, readPartition, readTopicPartitions } from '../topics.ts';
import { isGone, ownIdentity, type ProcessIdentity } from './process-identity.ts';

/** One row of the table `members`. */
export interface MemberRow {
  readonly memberId: string;
  readonly identity: ProcessIdentity;
  /** A count that rises while the member lives. It is no time, so that a jump of the clock expels no member. */
  readonly heartbeat: number;
  readonly topics: readonly string[];
}

/** The state of a group, from one read. */
export interface GroupView {
  /** Sorted by member id. */
  readonly members: readonly MemberRow[];
  /** All partitions of the topics that were asked for. */
  readonly partitions: readonly PartitionRow[];
  /** Member ids by partition id. */
  readonly owners: ReadonlyMap<number, string>;
}

/**
 * The member that is to own each partition, by partition id. Every member computes the same: of the members that read
 * the topic, sorted by id, the one at the partition's number modulo their count. So partition p of all topics goes to
 * the same member, if all members read the same topics.
 */
export function assignPartitions(view: Pick<GroupView, 'members' | 'partitions'>): Map<number, string> {
  const assignment = new Map<number, string>();
  for (const { partitionId, partition, topic } of view.partitions) {
    const wanting = view.members.filter((member) => member.topics.includes(topic));
    const chosen = wanting[partition % wanting.length];
    if (chosen !== undefined) assignment.set(partitionId, chosen.memberId);
  }
  return assignment;
}

/** A text that changes whenever members, owners or topics change. Comparing it is cheaper than reading the group. */
export function readGenerations(database: LogDatabase, group: string): string {
  const row = database
    .statement(
      `SELECT topics_generation, (SELECT generation FROM consumer_groups WHERE group_name = ?) FROM log_state`,
    )
    .get(group) as unknown as [number, number | null];
  return row.join();
}

export function readMembers(database: LogDatabase, group: string): MemberRow[] {
  return database
    .statement(
      `SELECT member_id, pid, process_scope, process_start, heartbeat, topics FROM members
       WHERE group_name = ? ORDER BY member_id`,
    )
    .all(group)
    .map((row) => {
      const [memberId, pid, scope, start, heartbeat, topics] = row as unknown as [
        string,
        number,
        string,
        string,
        number,
        string,
      ];
      return { memberId, identity: { pid, scope, start }, heartbeat, topics: JSON.parse(topics) as string[] };
    });
}

export function readGroup(database: LogDatabase, group: string, topics: readonly string[]): GroupView {
  const owners = database
    .statement('SELECT partition_id, member_id FROM owners WHERE group_name = ?')
    .all(group) as unknown as [number, string][];
  return {
    members: readMembers(database, group),
    partitions: topics.flatMap((topic) => readTopicPartitions(database, topic)),
    owners: new Map(owners),
  };
}

/**
 * Whether any group reads these topics. Ignores the rows of killed members, which stay until another member expels
 * them.
 */
export function readersOf(database: LogDatabase, topics: readonly string[]): Readers {
  const groups = database.statement('SELECT group_name FROM consumer_groups').all() as unknown as [string][];
  const own = ownIdentity();
  const isAnyAlive = groups.some(([group]) =>
    readMembers(database, group).some(
      (member) => member.topics.some((topic) => topics.includes(topic)) && !isGone(member.identity, own),
    ),
  );
  if (isAnyAlive) return 'now';
  const hasCome = topics.some(
    (topic) =>
      database.statement('SELECT 1 FROM committed_offsets WHERE topic = ? LIMIT 1').get(topic) !== undefined,
  );
  return hasCome ? 'earlier' : 'never';
}

/** The member that owns the partition now, or null. */
export function readOwner(database: LogDatabase, group: string, partitionId: number): string | null {
  const row = database
    .statement('SELECT member_id FROM owners WHERE group_name = ? AND partition_id = ?')
    .get(group, partitionId) as unknown as [string] | undefined;
  return row?.[0] ?? null;
}

export async function join(
  database: LogDatabase,
  group: string,
  member: Omit<MemberRow, 'heartbeat'>,
  store?: string,
): Promise<void> {
  const { pid, scope, start } = member.identity;
  await database.write(`Joining group "${group}"`, 'process_only', () => {
    if (store !== undefined) checkStore(database, group, store);
    database
      .statement('INSERT INTO members VALUES (?, ?, ?, ?, ?, 0, ?)')
      .run(group, member.memberId, pid, scope, start, JSON.stringify(member.topics));
    countGroupChange(database, group);
  });
}

/** The store of the first member becomes the group's. Throws `group_of_another_store` for any other store. */
function checkStore(database: LogDatabase, group: string, store: string): void {
  const theirs = readGroupStore(database, group);
  if (theirs === store) return;
  if (theirs === null) {
    database.statement('INSERT INTO group_stores VALUES (?, ?)').run(group, store);
    return;
  }
  throw new TributaryError(
    'group_of_another_store',
    `The group ${group} journals into another database, or into tables with another ORDER_SYNC_TABLE_PREFIX: its store is ${theirs}, that of this DATABASE_URL is ${store}. ` +
      'Nothing was read. Give this instance the DATABASE_URL and the prefix of the others, or a group of its own by ORDER_SYNC_GROUP. If ' +
      'the group is to go on with this database, stop its other members and run: order-sync take-group --reason "..."',
  );
}

function readGroupStore(database: LogDatabase, group: string): string | null {
  const row = database
    .statement('SELECT store FROM group_stores WHERE group_name = ?')
    .get(group) as unknown as [string] | undefined;
  return row?.[0] ?? null;
}

/**
 * Makes this store the group's, and resolves with the former one. Rejects with `usage` while the group has members.
 */
export async function handGroupTo(
  database: LogDatabase,
  group: string,
  store: string,
  isMember: (member: MemberRow) => boolean,
): Promise<{ readonly former: string | null }> {
  return database.write(`Handing over group "${group}"`, 'durable', () => {
    if (readMembers(database, group).some(isMember)) {
      throw new TributaryError(
        'usage',
        `The group ${group} has members, which journal into its present database: stop all of them, and try again.`,
      );
    }
    const former = readGroupStore(database, group);
    database
      .statement('INSERT INTO group_stores VALUES (?, ?) ON CONFLICT DO UPDATE SET store = excluded.store')
      .run(group, store);
    return { former: former === store ? null : former };
  });
}

/** Writes a heartbeat. Resolves with whether the member is still in the group. */
export async function beat(database: LogDatabase, group: string, memberId: string): Promise<boolean> {
  return database.write(`Heartbeat in group "${group}"`, 'process_only', () => {
    const beaten = database
      .statement('UPDATE members SET heartbeat = heartbeat + 1 WHERE group_name = ? AND member_id = ?')
      .run(group, memberId);
    return Number(beaten.changes) === 1;
  });
}

/**
 * Expels the members that have written no heartbeat since they were read, and releases their partitions. Resolves
 * with their number.
 */
export async function expel(
  database: LogDatabase,
  group: string,
  members: readonly MemberRow[],
): Promise<number> {
  return database.write(`Expelling from group "${group}"`, 'process_only', () => {
    let expelled = 0;
    for (const { memberId, heartbeat } of members) {
      const deleted = database
        .statement('DELETE FROM members WHERE group_name = ? AND member_id = ? AND heartbeat = ?')
        .run(group, memberId, heartbeat);
      if (Number(deleted.changes) === 0) continue;
      releaseAll(database, group, memberId);
      expelled += 1;
    }
    if (expelled > 0) countGroupChange(database, group);
    return expelled;
  });
}

export async function leave(database: LogDatabase, group: string, memberId: string): Promise<void> {
  await database.write(`Leaving group "${group}"`, 'process_only', () => {
    releaseAll(database, group, memberId);
    database.statement('DELETE FROM members WHERE group_name = ? AND member_id = ?').run(group, memberId);
    countGroupChange(database, group);
  });
}

function releaseAll(database: LogDatabase, group: string, memberId: string): void {
  database.statement('DELETE FROM owners WHERE group_name = ? AND member_id = ?').run(group, memberId);
}

export async function release(
  database: LogDatabase,
  group: string,
  memberId: string,
  partitionIds: readonly number[],
): Promise<void> {
  await database.write(`Handing on partitions of group "${group}"`, 'process_only', () => {
    const freed = database.statement(
      'DELETE FROM owners WHERE group_name = ? AND partition_id = ? AND member_id = ?',
    );
    for (const partitionId of partitionIds) freed.run(group, partitionId, memberId);
    countGroupChange(database, group);
  });
}

/** A partition that a member wants, and the owner that it saw. Null if it saw none. */
export interface OwnershipClaim {
  readonly partitionId: number;
  readonly from: string | null;
}

/**
 * Makes the member the owner of the partitions whose owner has not changed, and resolves with them as they are now.
 */
export async function claim(
  database: LogDatabase,
  group: string,
  memberId: string,
  claims: readonly OwnershipClaim[],
): Promise<PartitionRow[]> {
  return database.write(`Taking partitions of group "${group}"`, 'process_only', () => {
    const isMember = database
      .statement('SELECT 1 FROM members WHERE group_name = ? AND member_id = ?')
      .get(group, memberId);
    if (isMember === undefined) return [];
    const claimed = claims.flatMap(({ partitionId, from }) => {
      const row = readPartition(database, partitionId);
      if (row === null || readOwner(database, group, partitionId) !== from) return [];
      database
        .statement(
          'INSERT INTO owners VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET member_id = excluded.member_id',
        )
        .run(group, partitionId, memberId);
      return [row];
    });
    if (claimed.length > 0) countGroupChange(database, group);
    return claimed;
  });
}

function countGroupChange(database: LogDatabase, group: string): void {
  database
    .statement(
      `INSERT INTO consumer_groups VALUES (?, 1)
       ON CONFLICT (group_name) DO UPDATE SET generation = generation + 1`,
    )
    .run(group);
}
