import type { DatabaseSync } from 'node:sqlite';
import { PORTION, portions } from '../../../../adapters/sqlite/index.ts';

export interface ReceivedIdsLimits {
  /** With more ids than these in memory, all of them are merged into the index. */
  readonly recentMax: number;
  /** A transaction merges so many ids, or twice as many as it added, so that no merge falls behind what comes. */
  readonly mergedMin: number;
  /** Of what others wrote, so many receipts are read at once; if there are more, these are merged before the next. */
  readonly caughtUpMax: number;
}

/** An id takes about 200 bytes in memory: as a rule there are 3 to 5 MB of them, and never more than some 25 MB. */
export const RECEIVED_IDS_LIMITS: ReceivedIdsLimits = {
  recentMax: 16_384,
  mergedMin: 256,
  caughtUpMax: 65_536,
};

interface Merge {
  /** All that were in memory when it began, sorted: neighbours lie on one page of the index. */
  readonly ids: readonly string[];
  /** Every receipt up to this sequence has its id in the index once the merge is done. */
  readonly end: number;
  done: number;
}

/**
 * Knows the receipt of each delivery id. The receipts are the truth. The index `delivery_ids` follows them, and
 * `delivery_ids_end` says how far: each receipt up to that sequence is in it, under the sequence that it has. The ids
 * of all later ones are in memory, whoever wrote them.
 *
 * Ids are random, so an index that is kept with each receipt costs each of them a page. Thus an id waits in memory
 * until there are many, which are then merged in the sequence of the index, a slice in each transaction:
 *
 *     collecting --more than recentMax--> merging --last slice: the end is raised--> collecting
 *         ^                                  |
 *         +---- another process was faster --+
 *
 * A receipt that is repaired goes to the end of all, past what is indexed, and is in memory again. Its entry in the
 * index is then out of date, which does no harm: memory is asked first, and no end is raised above the receipt before
 * its entry is right. So a merge that ends half way, by a crash or by a transaction that is rolled back, leaves
 * nothing behind that needs to be put right; it begins again.
 *
 * All calls but `forget` belong into a transaction that holds the lock to write.
 */
export class ReceivedIds {
  readonly #limits: ReceivedIdsLimits;
  readonly #statements: ReturnType<typeof prepare>;
  readonly #recent = new Map<string, number>();
  /** The last sequence that is known of, and how far the index is known to go; -1: nothing was read yet. */
  #last = -1;
  #end = -1;
  #merge: Merge | null = null;
  /** In this transaction, by anybody. */
  #addedCount = 0;

  constructor(database: DatabaseSync, limits: ReceivedIdsLimits = RECEIVED_IDS_LIMITS) {
    this.#statements = prepare(database);
    this.#limits = limits;
  }

  /** How many ids are in memory. */
  get recentCount(): number {
    return this.#recent.size;
  }

  /** First of all in a transaction: learns what others committed since the last one, and all of it after a restart. */
  catchUp(): void {
    const last = Number(this.#statements.last.get()?.last);
    if (last <= this.#last) return;
    const end = Number(this.#statements.end.get()?.end);
    if (end > this.#end) this.#leaveToIndex(end);
    this.#last = Math.max(this.#last, end);
    const { caughtUpMax } = this.#limits;
    for (let isMore = true; isMore; ) {
      const rows = this.#statements.after.all(this.#last, caughtUpMax);
      for (const row of rows) this.#remember(String(row.delivery_id), Number(row.sequence));
      isMore = rows.length === caughtUpMax;
      if (isMore) this.#mergeSlice(this.#newMerge(), Number.POSITIVE_INFINITY);
    }
  }

  /** Of the receipt of this id; undefined if there is none. */
  sequenceOf(deliveryId: string): number | undefined {
    const recent = this.#recent.get(deliveryId);
    if (recent !== undefined) return recent;
    const row = this.#statements.indexed.get(deliveryId);
    return row === undefined ? undefined : Number(row.sequence);
  }

  /** The sequence for the receipt of this id, which the caller writes: a new one, or one that moves to the end. */
  add(deliveryId: string): number {
    const sequence = this.#last + 1;
    this.#remember(deliveryId, sequence);
    return sequence;
  }

  /** Last in a transaction: its share of a merge, if there is one to do. */
  mergeSome(): void {
    const count = Math.max(this.#limits.mergedMin, 2 * this.#addedCount);
    this.#addedCount = 0;
    if (this.#merge === null && this.#recent.size > this.#limits.recentMax) this.#merge = this.#newMerge();
    if (this.#merge !== null) this.#mergeSlice(this.#merge, count);
  }

  /** After a transaction that was rolled back: what it added never was. The next one catches up from the index's end. */
  forget(): void {
    this.#recent.clear();
    this.#last = -1;
    this.#end = -1;
    this.#merge = null;
    this.#addedCount = 0;
  }

  #remember(deliveryId: string, sequence: number): void {
    this.#recent.set(deliveryId, sequence);
    this.#last = sequence;
    this.#addedCount++;
  }

  #newMerge(): Merge {
    return { ids: [...this.#recent.keys()].sort(), end: this.#last, done: 0 };
  }

  #mergeSlice(merge: Merge, count: number): void {
    this.#write(merge.ids.slice(merge.done, merge.done + count));
    merge.done += count;
    if (merge.done < merge.ids.length) return;
    this.#statements.raiseEnd.run(merge.end);
    this.#leaveToIndex(merge.end);
  }

  #write(ids: readonly string[]): void {
    const { indexMany, indexOne } = this.#statements;
    const entries: (readonly [string, number])[] = [];
    for (const id of ids) {
      // Of now, not of the merge's beginning: the receipt may have been repaired since.
      const sequence = this.#recent.get(id);
      // If there is none, another process has merged it.
      if (sequence !== undefined) entries.push([id, sequence]);
    }
    for (const some of portions(entries)) (some.length === 1 ? indexOne : indexMany).run(...some.flat());
  }

  /** Whatever lies past the end stays in memory, be it new or repaired. */
  #leaveToIndex(end: number): void {
    for (const [id, sequence] of this.#recent) if (sequence <= end) this.#recent.delete(id);
    this.#end = end;
    if (this.#merge !== null && this.#merge.end <= end) this.#merge = null;
  }
}

function prepare(database: DatabaseSync) {
  const index = (rows: number) =>
    database.prepare(
      `INSERT INTO delivery_ids (delivery_id, sequence) VALUES ${Array(rows).fill('(?, ?)').join(', ')}
       ON CONFLICT (delivery_id) DO UPDATE SET sequence = excluded.sequence`,
    );
  return {
    last: database.prepare('SELECT COALESCE(MAX(sequence), 0) AS last FROM delivery_receipts'),
    after: database.prepare(
      'SELECT sequence, delivery_id FROM delivery_receipts WHERE sequence > ? ORDER BY sequence LIMIT ?',
    ),
    indexed: database.prepare('SELECT sequence FROM delivery_ids WHERE delivery_id = ?'),
    indexMany: index(PORTION),
    indexOne: index(1),
    // No row is an index of nothing, which is then made anew.
    end: database.prepare('SELECT COALESCE(MAX(sequence), 0) AS "end" FROM delivery_ids_end'),
    // Another process may have come further meanwhile.
    raiseEnd: database.prepare(
      `INSERT INTO delivery_ids_end (id, sequence) VALUES (1, ?)
       ON CONFLICT (id) DO UPDATE SET sequence = MAX(sequence, excluded.sequence)`,
    ),
  };
}
