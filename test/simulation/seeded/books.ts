import type { ViewRow } from '../../../src/core/domain.ts';
import { partitionName, type TopicPartition } from '../../../src/core/offset.ts';
import type { LogRecord } from '../../../src/ports/event-log.ts';
import type { SimulatedLog } from '../simulated-log.ts';
import { ExpectedRow, type Fact } from './records.ts';
import type { StoreTables, TableCheckpoint } from './tables.ts';

interface Order {
  readonly contents: Set<string>;
  readonly expected: ExpectedRow;
  row: ViewRow;
  /** The version that is due to the target; null if none ever was. */
  dueVersion: number | null;
  /** Whether a program has given it up, which may happen only if it has a poisonous event. */
  isParked: boolean;
  hasPoison: boolean;
  /** The rows that became due, by version. */
  readonly dueRows: Map<number, ViewRow>;
}

interface Frontier extends TopicPartition {
  readonly offset: bigint;
  readonly epoch: bigint;
  readonly isHalted: boolean;
  /** Where a person had it go on last. Nobody knows which leader had the records before this offset. */
  readonly decidedOffset: bigint;
}

const EMPTY_ROW: ViewRow = [null, null, null, false];

/** The bodies of longer journals are compared at the end alone; their number is compared each time. */
const COMPARED_EVENTS_MAX = 64;

/**
 * Keeps books of what has to stand in the store, from the log and the moves of the checkpoints alone, and compares the
 * store with them after every transaction. It shares no code with the product.
 */
export class Books {
  readonly #log: SimulatedLog;
  readonly #tables: StoreTables;
  readonly #target: string;
  readonly #meanings = new Map<Uint8Array, Fact | null>();
  #orders = new Map<string, Order>();
  #frontiers = new Map<string, Frontier>();
  /** Open records in quarantine, and what each means once somebody accepts records without keys. */
  #quarantined = new Map<string, { place: TopicPartition; record: LogRecord; fact: Fact | null }>();
  #journaled = 0;
  #parked = 0;
  /** Orders whose rows somebody has altered by hand, until they are right again. */
  readonly altered = new Set<string>();
  #decisions = 0;
  /** Whether the database has lost commits, so that one version may stand for two contents. */
  wentBack = false;
  readonly violations: string[] = [];
  transactions = 0;

  constructor(log: SimulatedLog, tables: StoreTables, target: string) {
    this.#log = log;
    this.#tables = tables;
    this.#target = target;
  }

  /** Says what the record with these bytes means, before it is appended. */
  learn(value: Uint8Array, fact: Fact | null): void {
    this.#meanings.set(value, fact);
  }

  snapshot(): () => void {
    const orders = new Map(
      [...this.#orders].map(([id, order]) => [
        id,
        {
          contents: new Set(order.contents),
          expected: order.expected.copy(),
          row: order.row,
          dueVersion: order.dueVersion,
          isParked: order.isParked,
          hasPoison: order.hasPoison,
          dueRows: new Map(order.dueRows),
        },
      ]),
    );
    const frontiers = new Map([...this.#frontiers].map(([name, each]) => [name, { ...each }]));
    const quarantined = new Map(this.#quarantined);
    const journaled = this.#journaled;
    const decisions = this.#decisions;
    const parked = this.#parked;
    return () => {
      this.#parked = parked;
      this.#decisions = decisions;
      this.#orders = orders;
      this.#frontiers = frontiers;
      this.#quarantined = quarantined;
      this.#journaled = journaled;
    };
  }

  /** The number of offsets that are still to be committed, over all partitions. */
  lag(): number {
    let lag = 0;
    for (const partition of this.#log.allPartitions()) {
      const offset = this.#frontiers.get(partitionName(partition))?.offset ?? 0n;
      if (offset < partition.endOffset) lag += Number(partition.endOffset - offset);
    }
    return lag;
  }

  get isHalted(): boolean {
    for (const { isHalted } of this.#frontiers.values()) if (isHalted) return true;
    return false;
  }

  get hasOrders(): boolean {
    return this.#orders.size > 0;
  }

  /** The row that became due at this version; undefined if none did. */
  dueRow(orderId: string, version: number): ViewRow | undefined {
    return this.#orders.get(orderId)?.dueRows.get(version);
  }

  /** Every order that was ever due, with the state that the target has to hold in the end. */
  *owed(): Iterable<{ orderId: string; version: number; row: ViewRow }> {
    for (const [orderId, { dueVersion, row }] of this.#orders)
      if (dueVersion !== null) yield { orderId, version: dueVersion, row };
  }

  /** To be called after each transaction, before anything else happens. `hasLetGo`: of whoever wrote it. */
  applied(hasLetGo: (partition: TopicPartition) => boolean): void {
    this.transactions++;
    const touched = new Set<string>();
    const decided = this.#newDecisions();
    for (const checkpoint of this.#tables.checkpoints()) {
      const isDecided = decided?.has(partitionName(checkpoint)) === true;
      this.#follow(checkpoint, touched, hasLetGo, isDecided);
    }
    this.#findRedriven(touched);
    this.#findReleased(touched);
    for (const orderId of touched) this.#compareOrder(orderId, false);
    this.#compareTotals();
  }

  /** Compares everything. */
  compareAll(): void {
    for (const orderId of this.#orders.keys()) this.#compareOrder(orderId, true);
    this.#compareTotals();
    for (const { place, record } of this.#quarantined.values()) {
      const isThere = this.#tables.isQuarantined(place, record);
      this.#expect(isThere, () => `I1: ${partitionName(place)}@${record.offset} is not in quarantine`);
    }
  }

  /** Whether everything that the log has now was read: also what replaced other records in an election. */
  hasReadReplacements(): boolean {
    for (const partition of this.#log.allPartitions()) {
      const { divergedAt, startOffset, endOffset } = partition;
      if (divergedAt === null) continue;
      let from = this.#frontiers.get(partitionName(partition))?.decidedOffset ?? 0n;
      if (from < divergedAt) from = divergedAt;
      if (from < startOffset) from = startOffset;
      if (!partition.between(from, endOffset).every((record) => this.#isThere(partition, record)))
        return false;
    }
    return true;
  }

  /** Finds the rows that somebody has altered and that are right again. A rebuild sends what it has changed, so they may be due. */
  findMended(): void {
    for (const orderId of this.altered) {
      if (!this.#isRowRight(orderId)) continue;
      this.altered.delete(orderId);
      const order = this.#orders.get(orderId);
      if (order === undefined) continue;
      const version = order.contents.size;
      if (this.#tables.ledger(this.#target, orderId)?.dueVersion !== version) continue;
      order.dueVersion = version;
      order.dueRows.set(version, order.row);
    }
  }

  #follow(
    { topic, partition, nextOffset, epoch, haltReason }: TableCheckpoint,
    touched: Set<string>,
    hasLetGo: (partition: TopicPartition) => boolean,
    isDecided: boolean,
  ): void {
    const name = partitionName({ topic, partition });
    const before = this.#frontiers.get(name);
    const isHalted = haltReason !== null;
    const decidedOffset = isDecided ? nextOffset : (before?.decidedOffset ?? 0n);
    const now = { topic, partition, offset: nextOffset, epoch, isHalted, decidedOffset };
    this.#frontiers.set(name, now);
    if (before === undefined) return;
    this.#expect(epoch >= before.epoch, () => `I7: the epoch of ${name} fell`);
    if (nextOffset === before.offset) return;
    if (isDecided) return;
    const move = () => `${name} was moved from ${before.offset} to ${nextOffset}`;
    this.#expect(nextOffset > before.offset, () => `I6: ${move()}`);
    this.#expect(epoch === before.epoch, () => `I7: ${move()} by somebody who acquired it at once`);
    this.#expect(!before.isHalted, () => `I6: ${move()}, though it is halted`);
    this.#expect(!hasLetGo({ topic, partition }), () => `I7: ${move()} by a member that had given it back`);
    const log = this.#log.partition({ topic, partition });
    for (const record of log.between(before.offset, nextOffset)) {
      if (log.divergedAt === null || record.offset < log.divergedAt) this.#enter(log, record, touched);
      else this.#enterIfThere(log, record, touched);
    }
    // What was read before an election may be journaled, although the new leader does not have it.
    for (const record of log.lost) {
      if (record.offset >= before.offset && record.offset < nextOffset)
        this.#enterIfThere(log, record, touched);
    }
  }

  #enterIfThere(place: TopicPartition, record: LogRecord, touched: Set<string>): void {
    if (this.#isThere(place, record)) this.#enter(place, record, touched);
  }

  /** Whether the record is in the journal or in quarantine. */
  #isThere(place: TopicPartition, record: LogRecord): boolean {
    const { value } = record;
    const fact = value === null ? null : (this.#meanings.get(value) ?? null);
    if (fact === null || fact.isKeyless) {
      const isQuarantined = this.#tables.isQuarantined(place, record);
      if (fact === null || isQuarantined) return isQuarantined;
    }
    return this.#tables.journal(fact.order).some((body) => compact(body) === fact.content);
  }

  /** The partitions that somebody has moved by a recorded decision since the last look; null if there is none. */
  #newDecisions(): Set<string> | null {
    const decisions = this.#tables.decisions();
    if (decisions === this.#decisions) return null;
    const found = new Set<string>();
    for (const place of this.#tables.decisionsBehind(this.#decisions)) found.add(partitionName(place));
    this.#decisions = decisions;
    return found;
  }

  #enter(place: TopicPartition, record: LogRecord, touched: Set<string>): void {
    const fact = record.value === null ? null : (this.#meanings.get(record.value) ?? null);
    const isRefused = fact === null || (fact.isKeyless && this.#tables.isQuarantined(place, record));
    const name = `${partitionName(place)}@${record.offset} ${String(record.value)}`;
    if (isRefused) this.#quarantined.set(name, { place, record, fact });
    else this.#journal(fact, touched);
  }

  /** The rows of one transaction are worked out once, when all of its events are entered. */
  #journal(fact: Fact, touched: Set<string>): void {
    let order = this.#orders.get(fact.order);
    if (order === undefined) {
      const expected = new ExpectedRow();
      order = {
        contents: new Set(),
        expected,
        row: [],
        dueVersion: null,
        isParked: false,
        hasPoison: false,
        dueRows: new Map(),
      };
      this.#orders.set(fact.order, order);
    }
    if (order.contents.has(fact.content)) return;
    order.contents.add(fact.content);
    order.expected.add(fact);
    order.hasPoison ||= fact.isPoison;
    this.#journaled++;
    touched.add(fact.order);
  }

  /** Records that were accepted after all leave the quarantine for the journal. */
  #findRedriven(touched: Set<string>): void {
    if (this.#tables.totals().quarantined >= this.#quarantined.size) return;
    for (const [name, { place, record, fact }] of this.#quarantined) {
      if (fact === null || this.#tables.isQuarantined(place, record)) continue;
      this.#quarantined.delete(name);
      this.#journal(fact, touched);
    }
  }

  /** Orders that go on after they were parked. */
  #findReleased(touched: Set<string>): void {
    if (this.#parked === 0 || this.#tables.totals().parked >= this.#parked) return;
    for (const [orderId, { isParked }] of this.#orders)
      if (isParked && !this.#tables.isParked(orderId)) touched.add(orderId);
  }

  #compareOrder(orderId: string, isWhole: boolean): void {
    const order = this.#orders.get(orderId) as Order;
    this.#turn(orderId, order);
    const journal = this.#tables.journal(orderId);
    const { contents, dueVersion } = order;
    this.#expect(
      journal.length === contents.size,
      () => `I1, I2: the journal of ${orderId} has ${journal.length} events, expected ${contents.size}`,
    );
    if (isWhole || contents.size <= COMPARED_EVENTS_MAX) {
      const isSame = journal.every((body) => contents.has(compact(body)));
      this.#expect(isSame, () => `I1: the journal of ${orderId} has other events`);
    }
    if (!this.altered.has(orderId)) {
      const isRight = this.#isRowRight(orderId);
      const found = () => JSON.stringify(this.#tables.row(orderId));
      const expected = () => JSON.stringify({ row: order.row, version: contents.size });
      this.#expect(isRight, () => `I4, I5: the row of ${orderId}: found ${found()}, expected ${expected()}`);
    }
    const due = this.#tables.ledger(this.#target, orderId)?.dueVersion ?? null;
    // A sweep adds to the ledger what the target got before the database went back.
    if (this.wentBack && due !== null && due <= contents.size) order.dueVersion = due;
    else
      this.#expect(
        due === dueVersion,
        () => `I8: of ${orderId} version ${due} is due, expected ${dueVersion}`,
      );
  }

  /** Works out the row after a transaction, and whether it is due. */
  #turn(orderId: string, order: Order): void {
    const isParked = this.#tables.isParked(orderId);
    if (isParked !== order.isParked) this.#parked += isParked ? 1 : -1;
    order.isParked = isParked;
    if (isParked) {
      // Its columns stay as they are, and nothing becomes due.
      if (order.row.length === 0) order.row = EMPTY_ROW;
      this.#expect(order.hasPoison, () => `I4: ${orderId} is parked, and nothing is wrong with its events`);
      return;
    }
    const row = order.expected.values;
    // Of a row that somebody has altered nobody knows what was sent, so its order may become due once more.
    const isDueAnyway =
      this.altered.has(orderId) &&
      this.#tables.ledger(this.#target, orderId)?.dueVersion === order.contents.size;
    const hasChanged = isDueAnyway || String(row) !== String(order.row);
    order.row = row;
    if (!hasChanged || (order.dueVersion === null && row[3] !== true)) return;
    order.dueVersion = order.contents.size;
    order.dueRows.set(order.contents.size, row);
  }

  #isRowRight(orderId: string): boolean {
    const order = this.#orders.get(orderId);
    const found = this.#tables.row(orderId);
    if (order === undefined || found === null) return order === undefined && found === null;
    return found.version === order.contents.size && String(found.row) === String(order.row);
  }

  #compareTotals(): void {
    const { journaled, rows, quarantined } = this.#tables.totals();
    this.#expect(
      journaled === this.#journaled && quarantined === this.#quarantined.size,
      () =>
        `I1, I2: ${journaled} events and ${quarantined} refused records, expected ${this.#journaled} and ${this.#quarantined.size}`,
    );
    if (this.altered.size > 0) return;
    this.#expect(rows === this.#orders.size, () => `I4: ${rows} rows, expected ${this.#orders.size}`);
  }

  #expect(isSo: boolean, violation: () => string): void {
    if (!isSo) this.violations.push(violation());
  }
}

/** The content of a body, without the spaces that a writer may have put in. */
function compact(body: string): string {
  return body.includes('\n') ? JSON.stringify(JSON.parse(body)) : body;
}
