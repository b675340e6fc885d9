import type { DatabaseSync } from 'node:sqlite';
import { PORTION, portions } from '../../../../adapters/sqlite/index.ts';

/**
 * Finds the receipt of a delivery id.
 *
 * The receipts have no index of their ids. Ids are random, so an index that is kept with each receipt would have each
 * receipt write one more page. Instead the ids of new receipts wait in memory, and many of them are merged into the index
 * `delivery_ids` at once. `delivery_ids_end` is the end of the index: every receipt up to this sequence has its id there. The
 * ids of all later receipts are in memory, in each process that writes. It is always in one of these states:
 *
 * 1. **Empty.** Nothing was read yet, or the last transaction was rolled back. The next transaction reads the ids of all
 *    receipts after the end into memory, at most `caughtUpMax` at a time: if there are more, it merges these before it reads
 *    the next ones. Then it is collecting.
 * 2. **Collecting.** Each transaction reads the ids that other processes added, and adds its own. When a transaction ends with
 *    more than `recentMax` ids in memory, it is merging.
 * 3. **Merging.** The merge has a sorted list of all ids that were in memory when it began, and the sequence of the last of
 *    their receipts. Each transaction writes a slice of the list into the index; new ids go to memory as before. The
 *    transaction with the last slice raises the end to that sequence, and the ids up to it leave memory. Then it is
 *    collecting. It is also collecting as soon as another process has raised the end that far.
 *
 *     empty --catch up--> collecting --more than recentMax ids--> merging
 *     merging --last slice, or another process raised the end--> collecting
 *     collecting, merging --rollback--> empty
 *
 * A repaired receipt moves behind all others, so its id is in memory again. Its entry in the index is then out of date. That
 * does no harm: memory is asked first, and the end is raised above the receipt only after its entry was written again.
 * A crash or a rollback in the middle of a merge leaves nothing to put right: the merge begins again.
 *
 * Every method except `forget` has to be called in a transaction that holds the write lock.
 */
export class ReceivedIds {
  readonly #limits: ReceivedIdsLimits;
  readonly #statements: ReturnType<typeof prepare>;
  readonly #recent = new Map<string, number>();
  /** The sequence of the last known receipt. -1 means that nothing was read yet. */
  #last = -1;
  /** The last known end of the index. -1 means that it was not read yet. */
  #end = -1;
  #merge: Merge | null = null;
  /** The number of ids that came to memory in this transaction, from this process and from others. */
  #addedCount = 0;

  constructor(database: DatabaseSync, limits: ReceivedIdsLimits = RECEIVED_IDS_LIMITS) {
    this.#statements = prepare(database);
    this.#limits = limits;
  }

  /** The number of ids in memory. */
  get recentCount(): number {
    return this.#recent.size;
  }

  /**
   * Reads the receipts that other processes committed since the last transaction; after a restart, all receipts behind the
   * end. It has to be the first call of a transaction.
   */
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

  /** The sequence of the receipt of this id, or undefined if there is none. */
  sequenceOf(deliveryId: string): number | undefined {
    const recent = this.#recent.get(deliveryId);
    if (recent !== undefined) return recent;
    const row = this.#statements.indexed.get(deliveryId);
    return row === undefined ? undefined : Number(row.sequence);
  }

  /** The sequence under which the caller has to write the receipt of this id, be it new or repaired. */
  add(deliveryId: string): number {
    const sequence = this.#last + 1;
    this.#remember(deliveryId, sequence);
    return sequence;
  }

  /** Writes the next slice of the merge, and begins a merge if there are too many ids. It has to be the last call of a transaction. */
  mergeSome(): void {
    const count = Math.max(this.#limits.mergedMin, 2 * this.#addedCount);
    this.#addedCount = 0;
    if (this.#merge === null && this.#recent.size > this.#limits.recentMax) this.#merge = this.#newMerge();
    if (this.#merge !== null) this.#mergeSlice(this.#merge, count);
  }

  /** Empties memory after a transaction that was rolled back, since its receipts do not exist. */
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
      // The receipt may have been repaired since the merge began, so its present sequence counts.
      const sequence = this.#recent.get(id);
      // An id that is no longer in memory was merged by another process.
      if (sequence !== undefined) entries.push([id, sequence]);
    }
    for (const some of portions(entries)) (some.length === 1 ? indexOne : indexMany).run(...some.flat());
  }

  /** Drops the ids of the receipts up to the end. New and repaired receipts lie behind it, so their ids stay. */
  #leaveToIndex(end: number): void {
    for (const [id, sequence] of this.#recent) if (sequence <= end) this.#recent.delete(id);
    this.#end = end;
    if (this.#merge !== null && this.#merge.end <= end) this.#merge = null;
  }
}

export interface ReceivedIdsLimits {
  /** A merge begins when more ids than these are in memory. */
  readonly recentMax: number;
  /** A transaction merges this number of ids, or twice as many as it added if that is more. So a merge never falls behind. */
  readonly mergedMin: number;
  /** The most receipts of other processes that are read at once. If there are more, these are merged before the next ones. */
  readonly caughtUpMax: number;
}

/** An id takes about 200 bytes of memory. As a rule the ids take 3 to 5 MB, and never more than about 25 MB. */
export const RECEIVED_IDS_LIMITS: ReceivedIdsLimits = {
  recentMax: 16_384,
  mergedMin: 256,
  caughtUpMax: 65_536,
};

interface Merge {
  /** All ids that were in memory when the merge began, sorted: neighbours lie on one page of the index. */
  readonly ids: readonly string[];
  /** The end of the index when the merge is done. */
  readonly end: number;
  /** The number of ids that are written. */
  done: number;
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
    // A table without its row means an empty index, which is then made again.
    end: database.prepare('SELECT COALESCE(MAX(sequence), 0) AS "end" FROM delivery_ids_end'),
    // Another process may have raised the end further meanwhile.
    raiseEnd: database.prepare(
      `INSERT INTO delivery_ids_end (id, sequence) VALUES (1, ?)
       ON CONFLICT (id) DO UPDATE SET sequence = MAX(sequence, excluded.sequence)`,
    ),
  };
}
