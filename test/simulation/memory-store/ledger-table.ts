import { compareUtf8 } from '../../../src/core/text.ts';
import type { DeliveryStatus, StoredAttempt } from '../../../src/ports/ledger.ts';
import { SortedIds } from './sorted-ids.ts';

/** The place of a dead delivery in the index of due ones, behind all others. */
export const DEAD_AT_MS = Date.UTC(9999, 11, 31);
/** The value of `nextAttemptAt` of a delivered one, which is in no index. */
export const DONE_AT_MS = DEAD_AT_MS + 1;

/** A row of the ledger. Only `TargetLedger.change` changes it. */
export interface DeliveryRow {
  readonly target: string;
  readonly entityId: string;
  dueVersion: number;
  status: DeliveryStatus;
  /** The attempts at the due version. */
  attempts: number;
  /** Whether one of them has failed. */
  isRetry: boolean;
  /** 0 if the target has accepted none. */
  deliveredVersion: number;
  nextAttemptAt: number;
  /** When anybody may claim the delivery again, while `claimant` is set. */
  leasedUntil: number;
  claimant: string | null;
  dueSince: number;
  /** 0 if there is none. */
  lastStatus: number;
  lastError: string | null;
  /** As `packTrace` writes it. */
  trace: string | null;
}

/** The digest that a delivery of this version replaces at the target. */
export interface RepairRow {
  readonly version: number;
  readonly replaces: string;
}

/** Deliveries sorted by the time of the next attempt, and then by the bytes of the entity's id. */
export class DueIndex {
  readonly rows: DeliveryRow[];

  constructor(rows: DeliveryRow[] = []) {
    this.rows = rows;
  }

  add(row: DeliveryRow): void {
    this.rows.splice(this.indexOf(row.nextAttemptAt, row.entityId), 0, row);
  }

  remove(row: DeliveryRow): void {
    this.rows.splice(this.indexOf(row.nextAttemptAt, row.entityId), 1);
  }

  /** The index of the first row that does not come before this place. */
  indexOf(nextAttemptAt: number, entityId: string): number {
    const { rows } = this;
    let low = 0;
    let high = rows.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const row = rows[middle] as DeliveryRow;
      const isBefore =
        row.nextAttemptAt < nextAttemptAt ||
        (row.nextAttemptAt === nextAttemptAt && compareUtf8(row.entityId, entityId) < 0);
      if (isBefore) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The index of the first row that is due behind this moment. */
  indexBehind(nextAttemptAt: number): number {
    return this.indexOf(nextAttemptAt + 1, '');
  }
}

/** The ledger of one target. */
export class TargetLedger {
  readonly rows: Map<string, DeliveryRow>;
  readonly ids: SortedIds;
  /** Deliveries whose due version has no failed attempt; the dead ones stand at the end. */
  readonly first = new DueIndex();
  /** Deliveries that are tried again. */
  readonly retries = new DueIndex();
  readonly attempts: Map<string, StoredAttempt[]>;
  readonly repairs: Map<string, RepairRow>;
  readonly counts: Record<DeliveryStatus, number> = { pending: 0, delivered: 0, dead: 0 };

  constructor(
    rows: Iterable<DeliveryRow> = [],
    attempts = new Map<string, StoredAttempt[]>(),
    repairs = new Map<string, RepairRow>(),
    ids?: SortedIds,
  ) {
    this.rows = new Map();
    this.ids = ids ?? new SortedIds();
    this.attempts = attempts;
    this.repairs = repairs;
    for (const row of rows) this.add(row, ids === undefined);
  }

  get(entityId: string): DeliveryRow | undefined {
    return this.rows.get(entityId);
  }

  add(row: DeliveryRow, isNewId = true): void {
    this.rows.set(row.entityId, row);
    if (isNewId) this.ids.add(row.entityId);
    this.counts[row.status]++;
    this.#indexFor(row)?.add(row);
  }

  /** Sets columns of a row, and moves it in the index if its place changes. */
  change(row: DeliveryRow, columns: Partial<DeliveryRow>): void {
    const { isRetry = row.isRetry, nextAttemptAt = row.nextAttemptAt, status = row.status } = columns;
    const moves = isRetry !== row.isRetry || nextAttemptAt !== row.nextAttemptAt;
    if (moves) this.#indexFor(row)?.remove(row);
    this.counts[row.status]--;
    this.counts[status]++;
    Object.assign(row, columns);
    if (moves) this.#indexFor(row)?.add(row);
  }

  delete(row: DeliveryRow): void {
    this.rows.delete(row.entityId);
    this.ids.delete(row.entityId);
    this.counts[row.status]--;
    this.#indexFor(row)?.remove(row);
  }

  /** The number of dead deliveries, which stand at the end of the index of first attempts. */
  get dead(): number {
    const { rows } = this.first;
    return rows.length - this.first.indexOf(DEAD_AT_MS, '');
  }

  /** Adds an attempt, unless the ledger has it already. */
  addAttempt(entityId: string, attempt: StoredAttempt): void {
    const known = this.attempts.get(entityId);
    if (known === undefined) {
      this.attempts.set(entityId, [attempt]);
      return;
    }
    const isSame = (other: StoredAttempt) =>
      other.version === attempt.version &&
      other.attempt === attempt.attempt &&
      other.attemptedAtMs === attempt.attemptedAtMs;
    if (!known.some(isSame)) known.push(attempt);
  }

  clone(): TargetLedger {
    const attempts = new Map<string, StoredAttempt[]>();
    for (const [id, known] of this.attempts) attempts.set(id, [...known]);
    const rows = [...this.rows.values()].map((row) => ({ ...row }));
    return new TargetLedger(rows, attempts, new Map(this.repairs), this.ids.clone());
  }

  #indexFor({ isRetry, nextAttemptAt }: DeliveryRow): DueIndex | null {
    if (nextAttemptAt === DONE_AT_MS) return null;
    return isRetry ? this.retries : this.first;
  }
}

/** The ledgers of all targets that were ever owed something. */
export class Ledgers {
  readonly byTarget: Map<string, TargetLedger>;

  constructor(byTarget = new Map<string, TargetLedger>()) {
    this.byTarget = byTarget;
  }

  get(target: string): TargetLedger | undefined {
    return this.byTarget.get(target);
  }

  row(target: string, entityId: string): DeliveryRow | undefined {
    return this.byTarget.get(target)?.rows.get(entityId);
  }

  of(target: string): TargetLedger {
    let ledger = this.byTarget.get(target);
    if (ledger === undefined) {
      ledger = new TargetLedger();
      this.byTarget.set(target, ledger);
    }
    return ledger;
  }

  clone(): Ledgers {
    const byTarget = new Map<string, TargetLedger>();
    for (const [target, ledger] of this.byTarget) byTarget.set(target, ledger.clone());
    return new Ledgers(byTarget);
  }
}
