import { compareOffsets, comparePartitions } from '../../core/offset.ts';
import type { QuarantineKey, StoredQuarantine } from '../../ports/quarantine.ts';

/** The sequence of lists: by topic, partition, offset and hash. */
export function compareRecords(left: QuarantineKey, right: QuarantineKey): number {
  return (
    comparePartitions(left, right) ||
    compareOffsets(left.offset, right.offset) ||
    (left.valueHash < right.valueHash ? -1 : left.valueHash > right.valueHash ? 1 : 0)
  );
}

export function keyOfRecord({ topic, partition, offset, valueHash }: QuarantineKey): string {
  return `${topic}/${partition}@${offset} ${valueHash}`;
}

/** The quarantined records. A record is replaced when it changes, and never removed. */
export class QuarantineTable {
  readonly #rows: Map<string, StoredQuarantine>;
  #sorted: StoredQuarantine[] | null = null;
  /** The numbers of open records by topic, and then by reason. */
  readonly #open = new Map<string, Map<string, number>>();
  openCount = 0;

  constructor(rows = new Map<string, StoredQuarantine>()) {
    this.#rows = rows;
    for (const row of rows.values()) this.#count(row, 1);
  }

  get(key: string): StoredQuarantine | undefined {
    return this.#rows.get(key);
  }

  put(row: StoredQuarantine): void {
    const key = keyOfRecord(row);
    const before = this.#rows.get(key);
    if (before !== undefined) this.#count(before, -1);
    this.#rows.set(key, row);
    this.#count(row, 1);
    if (this.#sorted === null) return;
    const behind = this.indexBehind(row);
    if (before === undefined) this.#sorted.splice(behind, 0, row);
    else this.#sorted[behind - 1] = row;
  }

  /** All records, sorted. */
  get sorted(): readonly StoredQuarantine[] {
    this.#sorted ??= [...this.#rows.values()].sort(compareRecords);
    return this.#sorted;
  }

  /** The index in `sorted` of the first record behind this one; null begins with the first record. */
  indexBehind(after: QuarantineKey | null): number {
    const { sorted } = this;
    if (after === null) return 0;
    let low = 0;
    let high = sorted.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compareRecords(sorted[middle] as StoredQuarantine, after) <= 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The numbers of open records by topic and reason, the largest first. */
  openCounts(): { readonly topic: string; readonly reason: string; readonly records: number }[] {
    const found: { topic: string; reason: string; records: number }[] = [];
    for (const [topic, reasons] of this.#open)
      for (const [reason, records] of reasons) if (records > 0) found.push({ topic, reason, records });
    return found.sort(
      (left, right) =>
        right.records - left.records ||
        compareTexts(left.topic, right.topic) ||
        compareTexts(left.reason, right.reason),
    );
  }

  clone(): QuarantineTable {
    return new QuarantineTable(new Map(this.#rows));
  }

  #count({ topic, reason, settlement }: StoredQuarantine, by: number): void {
    if (settlement !== null) return;
    let reasons = this.#open.get(topic);
    if (reasons === undefined) {
      reasons = new Map();
      this.#open.set(topic, reasons);
    }
    reasons.set(reason, (reasons.get(reason) ?? 0) + by);
    this.openCount += by;
  }
}

export function compareTexts(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
