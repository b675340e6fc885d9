import type { ViewShape } from '../../core/adoption/index.ts';
import { messageOf } from '../../core/errors.ts';
import type { TopicPartition } from '../../core/offset.ts';
import type { ViewNames } from '../../core/view-names.ts';
import type { AcquireRequest } from '../../ports/checkpoints.ts';
import type { IngestBatch } from '../../ports/commit.ts';
import type {
  ClaimedDelivery,
  DeliveryClaimRequest,
  DeliverySettlement,
} from '../../ports/delivery-claims.ts';
import type { JsonObject } from '../../ports/jobs.ts';
import type { ArrivalsRange, EventSearch } from '../../ports/journal.ts';
import type { DueAgain, RepairsDue } from '../../ports/reconciliation.ts';
import type { Store } from '../../ports/store.ts';
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
import { MysqlAdministration } from './administration.ts';
import { readArrivals, readLastArrivals } from './arrivals.ts';
import { acquire, halt } from './checkpoints.ts';
import { Committer } from './commit.ts';
import { inTransaction, withConnection } from './connection.ts';
import type { ConnectionPool } from './connection-pool.ts';
import { DeliveryClaims } from './delivery-claims.ts';
import { DueDeliveries } from './due-deliveries.ts';
import { findEvent } from './event-search.ts';
import { listJournaled } from './journal.ts';
import { MysqlLongJournals } from './long-journals.ts';
import type { MysqlStoreOptions } from './options.ts';
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
import { awaitFold, readViewState, ViewLayout } from './view-state.ts';

/** A migrated store: the methods that need the current schema or the view. */
export class MysqlStore extends MysqlAdministration implements Store {
  readonly #view: ViewShape;
  readonly #names: ViewNames;
  readonly #layout: ViewLayout;
  readonly #foldVersion: number;
  readonly #targets: readonly string[];
  readonly #committer: Committer;
  readonly #claims: DeliveryClaims;
  readonly #settlements: Settlements;
  readonly #rebuilds: Rebuilds;
  readonly #rebuilt: RebuiltTable;
  readonly longJournals: MysqlLongJournals;

  constructor(
    pool: ConnectionPool,
    time: StoreTime,
    view: ViewShape,
    names: ViewNames,
    { targets, clock }: Pick<MysqlStoreOptions, 'targets' | 'clock'>,
    foldVersion: number,
  ) {
    super(pool, time);
    this.#view = view;
    this.#names = names;
    this.#layout = new ViewLayout(view);
    this.#foldVersion = foldVersion;
    this.#targets = targets;
    const deliveries = new DueDeliveries(targets, time, view);
    this.#committer = new Committer(pool, view, deliveries, time);
    this.#rebuilt = new RebuiltTable(pool, view);
    this.#rebuilds = new Rebuilds(pool, view, deliveries);
    this.#claims = new DeliveryClaims(pool, this.#layout, time);
    this.#settlements = new Settlements(pool, clock, time);
    this.longJournals = new MysqlLongJournals(pool);
  }

  get generation(): number {
    return this.pool.generation;
  }

  async acquire(partitions: readonly AcquireRequest[]) {
    return acquire(this.pool, this.#view.table, partitions);
  }

  async readJournals(entityIds: readonly string[], maxEvents?: number) {
    return this.#committer.readJournals(entityIds, maxEvents);
  }

  async commit(batch: IngestBatch) {
    return this.#committer.commit(batch);
  }

  async incarnation() {
    return withConnection(this.pool, incarnation);
  }

  async remakeView() {
    return withConnection(this.pool, (connection) =>
      remakeView(connection, this.#view, this.#foldVersion, this.pool.remedies),
    );
  }

  async halt(partition: TopicPartition, epoch: bigint, reason: string) {
    return halt(this.pool, partition, epoch, reason);
  }

  async readView(entityIds: readonly string[]) {
    return readView(this.pool, this.#layout, entityIds);
  }

  async listView(page: ViewPage) {
    const stored = { ...page, conditions: this.#names.storedConditions(page.conditions) };
    return withConnection(this.pool, (connection) => listView(connection, this.#layout, stored));
  }

  async listByDelivery(page: DeliveryKindPage) {
    return withConnection(this.pool, (connection) => listByDelivery(connection, page));
  }

  async readArrivals(range: ArrivalsRange) {
    return withConnection(this.pool, (connection) => readArrivals(connection, range));
  }

  async findEvent(search: EventSearch) {
    return withConnection(this.pool, (connection) => findEvent(connection, search));
  }

  async readLastArrivals(entityIds: readonly string[]) {
    return withConnection(this.pool, (connection) => readLastArrivals(connection, entityIds));
  }

  async refusedCounts() {
    return refusedCounts(this.pool, this.#targets);
  }

  async counts() {
    return counts(this.pool, this.#view);
  }

  async health() {
    try {
      await withConnection(this.pool, (connection) => connection.query('SELECT 1'));
      return { ok: true } as const;
    } catch (error) {
      return { ok: false, reason: messageOf(error) } as const;
    }
  }

  async claimDeliveries(request: DeliveryClaimRequest) {
    return this.#claims.claim(request);
  }

  async settleDeliveries(settlements: readonly DeliverySettlement[]) {
    return this.#settlements.settle(settlements);
  }

  async releaseDeliveries(deliveries: readonly ClaimedDelivery[]) {
    return this.#settlements.release(deliveries);
  }

  async renewDeliveries(deliveries: readonly ClaimedDelivery[], leaseMs: number) {
    return this.#settlements.renew(deliveries, leaseMs);
  }

  async listOwed(page: { target: string; after: string | null; limit: number }) {
    return withConnection(this.pool, (connection) => listOwed(connection, this.#layout, page));
  }

  async makeDueAgain(again: DueAgain) {
    return inTransaction(this.pool, (connection) =>
      makeDueAgain(connection, this.#view, again, this.time.now()),
    );
  }

  async makeRepairsDue(repairs: RepairsDue) {
    return inTransaction(this.pool, (connection) =>
      makeRepairsDue(connection, this.#view, repairs, this.time.now()),
    );
  }

  async noteSender(target: string, sender: string) {
    return inTransaction(this.pool, (connection) => noteSender(connection, target, sender, this.time.now()));
  }

  async readSenders(target: string) {
    return withConnection(this.pool, (connection) => readSenders(connection, target));
  }

  async forgetSender(target: string, sender: string) {
    return withConnection(this.pool, (connection) => forgetSender(connection, target, sender));
  }

  async readSweep(target: string) {
    return withConnection(this.pool, (connection) => readSweep(connection, target, this.time));
  }

  async claimSweep(claim: SweepClaim) {
    return inTransaction(this.pool, (connection) => claimSweep(connection, claim, this.time));
  }

  async endSweep(end: { target: string; claimant: string; result: SweepResult | null }) {
    return withConnection(this.pool, (connection) => endSweep(connection, end, this.time));
  }

  async listEntities(page: { after: string | null; limit: number }) {
    return withConnection(this.pool, (connection) =>
      listEntities(connection, this.#view, this.#targets, page),
    );
  }

  async readEntities(entityIds: readonly string[], maxEvents: number) {
    return readEntities(this.pool, this.#view, this.#targets, this.time, entityIds, maxEvents);
  }

  async readAsArrived(entityIds: readonly string[]) {
    return readAsArrived(this.pool, entityIds);
  }

  async mendLedger(mends: readonly LedgerMend[]) {
    return inTransaction(this.pool, (connection) =>
      mendLedger(connection, this.#view, mends, this.time.now()),
    );
  }

  async removeUnjournaledRows(entityIds: readonly string[]) {
    return inTransaction(this.pool, (connection) => removeUnjournaledRows(connection, this.#view, entityIds));
  }

  async listJournaled(page: { after: string | null; limit: number }) {
    return withConnection(this.pool, (connection) => listJournaled(connection, page));
  }

  async viewState(): Promise<ViewState> {
    const state = await withConnection(this.pool, (connection) =>
      readViewState(connection, this.#view.table),
    );
    this.#layout.learn(state.columns);
    return this.#names.knownState(state);
  }

  async awaitFold(foldVersion: number) {
    return inTransaction(this.pool, (connection) => awaitFold(connection, this.#view.table, foldVersion));
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
}
