import type { DeliveryStatus, StoredAttempt } from '../../ports/ledger.ts';
import { type DeliveryRow, DONE_AT_MS } from './delivery-row.ts';
import { DueIndex } from './due-index.ts';
import { SortedIds } from './sorted-ids.ts';

/** The digest that a delivery of this version replaces at the target. */
export interface RepairRow {
  readonly version: number;
  readonly replaces: string;
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

  /** The number of dead deliveries. */
  get dead(): number {
    return this.first.dead;
  }

  /** Adds an attempt, unless the ledger has it already. The attempts of an entity are sorted by their times. */
  addAttempt(entityId: string, attempt: StoredAttempt): void {
    const known = this.attempts.get(entityId);
    if (known === undefined) {
      this.attempts.set(entityId, [attempt]);
      return;
    }
    let place = known.length;
    for (; place > 0; place--) {
      const order = compareAttempts(known[place - 1] as StoredAttempt, attempt);
      if (order === 0) return;
      if (order < 0) break;
    }
    known.splice(place, 0, attempt);
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

/** Sorts attempts by time, then by version and number. */
function compareAttempts(left: StoredAttempt, right: StoredAttempt): number {
  return (
    left.attemptedAtMs - right.attemptedAtMs || left.version - right.version || left.attempt - right.attempt
  );
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
