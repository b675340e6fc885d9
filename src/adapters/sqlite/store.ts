import type { ViewShape } from '../../core/adoption/index.ts';
import { messageOf } from '../../core/errors.ts';
import type { TopicPartition } from '../../core/offset.ts';
import type { ViewNames } from '../../core/view-names.ts';
import type { AcquireRequest, Checkpoint } from '../../ports/checkpoints.ts';
import type { CommitOutcome, IngestBatch } from '../../ports/commit.ts';
import type {
  ClaimedDelivery,
  DeliveryClaimRequest,
  DeliverySettlement,
} from '../../ports/delivery-claims.ts';
import type { JsonObject } from '../../ports/jobs.ts';
import type { ArrivalsRange, EventSearch, JournaledEvent } from '../../ports/journal.ts';
import type { RefusedCounts } from '../../ports/quarantine.ts';
import type { DueAgain, RepairsDue } from '../../ports/reconciliation.ts';
import type { Store, StoreCounts, StoredRow } from '../../ports/store.ts';
import type { SweepClaim, SweepResult } from '../../ports/sweeps.ts';
import type { LedgerMend } from '../../ports/verification.ts';
import type {
  NewRebuild,
  RangePage,
  RebuiltRows,
  SettledChanges,
  ViewState,
} from '../../ports/view-rebuild.ts';
import type { DeliveryKindPage, ViewPage } from '../../ports/view-rows.ts';
import { SqliteAdministration } from './administration.ts';
import { readArrivals, readLastArrivals } from './arrivals.ts';
import { acquire, halt, readCheckpoints } from './checkpoints.ts';
import { Committer } from './commit.ts';
import type { Database } from './database.ts';
import { DeliveryClaims } from './delivery-claims.ts';
import { DueDeliveries } from './due-deliveries.ts';
import { findEvent } from './event-search.ts';
import { listJournaled } from './journal.ts';
import { SqliteLongJournals } from './long-journals.ts';
import type { SqliteStoreOptions } from './options.ts';
import { refusedCounts } from './quarantine.ts';
import { counts, readView } from './queries.ts';
import { Rebuilds } from './rebuild.ts';
import { RebuiltTable } from './rebuilt-rows.ts';
import { listOwed, makeDueAgain, makeRepairsDue } from './reconciliation.ts';
import { incarnation, remakeView } from './schema.ts';
import { forgetSender, noteSender, readSenders } from './senders.ts';
import { Settlements } from './settlements.ts';
import type { StoreTime } from './store-time.ts';
import { claimSweep, endSweep, readSweep } from './sweeps.ts';
import {
  listEntities,
  mendLedger,
  readAsArrived,
  readEntities,
  removeUnjournaledRows,
} from './verification.ts';
import { listByDelivery, listView } from './view-listing.ts';
import { ViewRows } from './view-rows.ts';
import { awaitFold, readViewState } from './view-state.ts';

/** A migrated store: the methods that need the current schema or the view. */
export class SqliteStore extends SqliteAdministration implements Store {
  readonly #database: Database;
  readonly #view: ViewRows;
  readonly #names: ViewNames;
  readonly #targets: readonly string[];
  readonly #committer: Committer;
  readonly #claims: DeliveryClaims;
  readonly #settlements: Settlements;
  readonly #rebuilds: Rebuilds;
  readonly #rebuilt: RebuiltTable;
  readonly #foldVersion: number;
  readonly longJournals: SqliteLongJournals;

  constructor(
    database: Database,
    time: StoreTime,
    view: ViewShape,
    names: ViewNames,
    { targets, clock, threadEvents }: Pick<SqliteStoreOptions, 'targets' | 'clock' | 'threadEvents'>,
    foldVersion: number,
  ) {
    super(time);
    this.#database = database;
    this.#view = new ViewRows(view);
    this.#names = names;
    this.#targets = targets;
    const deliveries = new DueDeliveries(targets);
    this.#foldVersion = foldVersion;
    this.#committer = new Committer(database, this.#view, { clock, targets, threadEvents }, time);
    this.#rebuilt = new RebuiltTable(database, this.#view);
    this.#rebuilds = new Rebuilds(database, this.#view, deliveries, time);
    this.#claims = new DeliveryClaims(database, this.#view, time);
    this.#settlements = new Settlements(database, clock, time);
    this.longJournals = new SqliteLongJournals(database);
  }

  get generation(): number {
    return this.#database.generation;
  }

  async acquire(partitions: readonly AcquireRequest[]): Promise<Checkpoint[]> {
    return this.#database.write((writer) => acquire(writer, this.#view.definition.table, partitions));
  }

  async readJournals(
    entityIds: readonly string[],
    maxEvents?: number,
  ): Promise<Map<string, JournaledEvent[]>> {
    return this.#committer.readJournals(entityIds, maxEvents);
  }

  async commit(batch: IngestBatch): Promise<CommitOutcome> {
    return this.#committer.commit(batch);
  }

  /** Never changes, because a backup replaces the whole file; `generation` rises then. */
  async incarnation(): Promise<string> {
    return this.#database.read(incarnation);
  }

  async remakeView(): Promise<boolean> {
    return this.#database.write((writer) => remakeView(writer, this.#view.definition, this.#foldVersion));
  }

  async halt(partition: TopicPartition, epoch: bigint, reason: string): Promise<void> {
    return this.#database.write((writer) => halt(writer, partition, epoch, reason));
  }

  async readView(entityIds: readonly string[]): Promise<Map<string, StoredRow>> {
    return readView(this.#database, this.#view, entityIds);
  }

  async listView(page: ViewPage) {
    const stored = { ...page, conditions: this.#names.storedConditions(page.conditions) };
    return this.#database.read((reader) => listView(reader, this.#view, stored));
  }

  async listByDelivery(page: DeliveryKindPage) {
    return this.#database.read((reader) => listByDelivery(reader, page));
  }

  async readArrivals(range: ArrivalsRange) {
    return readArrivals(this.#database, range);
  }

  async findEvent(search: EventSearch) {
    return findEvent(this.#database, search);
  }

  async readLastArrivals(entityIds: readonly string[]) {
    return readLastArrivals(this.#database, entityIds);
  }

  async refusedCounts(): Promise<RefusedCounts> {
    return this.#database.read((reader) => refusedCounts(reader, this.#targets));
  }

  async counts(): Promise<StoreCounts> {
    return counts(this.#database, this.#view);
  }

  async health(): Promise<{ readonly ok: true } | { readonly ok: false; readonly reason: string }> {
    try {
      const database = this.#database;
      await database.read(readCheckpoints);
      const heldBy = await database.heldBy();
      if (heldBy !== null) return { ok: false, reason: heldBy };
      const { failure } = database;
      return failure === null ? { ok: true } : { ok: false, reason: failure.message };
    } catch (error) {
      return { ok: false, reason: messageOf(error) };
    }
  }

  async claimDeliveries(request: DeliveryClaimRequest): Promise<ClaimedDelivery[]> {
    return this.#claims.claim(request);
  }

  async settleDeliveries(settlements: readonly DeliverySettlement[]): Promise<void> {
    return this.#settlements.settle(settlements);
  }

  async releaseDeliveries(deliveries: readonly ClaimedDelivery[]): Promise<void> {
    return this.#settlements.release(deliveries);
  }

  async renewDeliveries(deliveries: readonly ClaimedDelivery[], leaseMs: number): Promise<void> {
    return this.#settlements.renew(deliveries, leaseMs);
  }

  async listOwed(page: { target: string; after: string | null; limit: number }) {
    return this.#database.read((reader) => listOwed(reader, this.#view, page));
  }

  async makeDueAgain(again: DueAgain) {
    return this.#database.write((writer) => makeDueAgain(writer, this.#view, again, this.time.now(writer)));
  }

  async makeRepairsDue(repairs: RepairsDue) {
    return this.#database.write((writer) =>
      makeRepairsDue(writer, this.#view, repairs, this.time.now(writer)),
    );
  }

  async noteSender(target: string, sender: string) {
    return this.#database.write((writer) => noteSender(writer, target, sender, this.time.now(writer)));
  }

  async readSenders(target: string) {
    return this.#database.read((reader) => readSenders(reader, target));
  }

  async forgetSender(target: string, sender: string) {
    return this.#database.write((writer) => forgetSender(writer, target, sender));
  }

  async readSweep(target: string) {
    return readSweep(this.#database, target, this.time);
  }

  async claimSweep(claim: SweepClaim) {
    return this.#database.write((writer) => claimSweep(writer, claim, this.time));
  }

  async endSweep(end: { target: string; claimant: string; result: SweepResult | null }) {
    return this.#database.write((writer) => endSweep(writer, end, this.time));
  }

  async listJournaled(page: { after: string | null; limit: number }) {
    return this.#database.read((reader) => listJournaled(reader, page));
  }

  async viewState(): Promise<ViewState> {
    const state = await this.#database.read((reader) => readViewState(reader, this.#view.definition.table));
    this.#view.layout.learn(state.columns);
    return this.#names.knownState(state);
  }

  async awaitFold(foldVersion: number) {
    return this.#database.write((writer) => awaitFold(writer, this.#view.definition.table, foldVersion));
  }

  async beginRebuild(rebuild: NewRebuild) {
    return this.#rebuilds.begin({ ...rebuild, columns: this.#names.storedColumns(rebuild.columns) });
  }

  async writeRebuilt(rows: RebuiltRows) {
    return this.#rebuilt.write(rows);
  }

  async listOutdated(page: RangePage) {
    return this.#rebuilt.listOutdated(page);
  }

  async compareRows(tables: 'rebuilt' | 'former', page: RangePage) {
    return this.#rebuilt.compare(tables, page);
  }

  async noteBuilt(rebuildId: string, report: JsonObject) {
    return this.#rebuilds.noteBuilt(rebuildId, report);
  }

  async discardRebuild(rebuildId: string) {
    return this.#rebuilds.discard(rebuildId);
  }

  async beginSwitch(rebuildId: string) {
    return this.#rebuilds.beginSwitch(rebuildId);
  }

  async takeBackSwitch(epoch: number) {
    return this.#rebuilds.takeBackSwitch(epoch);
  }

  async exchange(exchange: { rebuildId: string; epoch: number; waitSeconds: number }) {
    return this.#rebuilds.exchange(exchange);
  }

  async settleChanges(changes: SettledChanges) {
    return this.#rebuilds.settle(changes);
  }

  async ledgerOf(entityIds: readonly string[]) {
    return this.#rebuilds.ledgerOf(entityIds, this.#targets);
  }

  async endSettling(rebuildId: string) {
    return this.#rebuilds.endSettling(rebuildId);
  }

  async dropFormer() {
    return this.#rebuilds.dropFormer();
  }

  async listEntities(page: { after: string | null; limit: number }) {
    return this.#database.read((reader) => listEntities(reader, this.#view, this.#targets, page));
  }

  async readEntities(entityIds: readonly string[], maxEvents: number) {
    return readEntities(this.#database, this.#view, this.#targets, this.time, entityIds, maxEvents);
  }

  async readAsArrived(entityIds: readonly string[]) {
    return readAsArrived(this.#database, entityIds);
  }

  async mendLedger(mends: readonly LedgerMend[]) {
    return this.#database.write((writer) => mendLedger(writer, this.#view, mends, this.time.now(writer)));
  }

  async removeUnjournaledRows(entityIds: readonly string[]) {
    return this.#database.write((writer) => removeUnjournaledRows(writer, this.#view, entityIds));
  }

  close(): Promise<void> {
    return this.#database.close();
  }

  protected override async database(): Promise<Database> {
    return this.#database;
  }
}
