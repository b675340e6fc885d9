import type { ViewShape } from '../../core/adoption/index.ts';
import { messageOf } from '../../core/errors.ts';
import type { TopicPartition } from '../../core/offset.ts';
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
import { MemoryAdministration } from './administration.ts';
import { acquire, halt } from './checkpoints.ts';
import { Committer } from './commit.ts';
import type { Connection } from './connection.ts';
import { DeliveryClaims } from './delivery-claims.ts';
import { awaitFold } from './fence.ts';
import {
  findEvent,
  journalsOf,
  listJournaled,
  readArrivals,
  readAsArrived,
  readLastArrivals,
} from './journal.ts';
import { MemoryLongJournals } from './long-journals.ts';
import { incarnation, remakeView } from './migration.ts';
import { refusedCounts } from './quarantine.ts';
import { Rebuilds } from './rebuild.ts';
import { compareRows, listOutdated, writeRebuilt } from './rebuilt-rows.ts';
import { listOwed, makeDueAgain, makeRepairsDue } from './reconciliation.ts';
import { forgetSender, noteSender, readSenders } from './senders.ts';
import { release, renew, settle } from './settlements.ts';
import { claimSweep, endSweep, readSweep } from './sweeps.ts';
import { listEntities, mendLedger, readEntities, removeUnjournaledRows } from './verification.ts';
import { counts, listByDelivery, listView, readView } from './view-rows.ts';
import { viewStateOf } from './view-state.ts';
import { ViewLayout } from './view-table.ts';

/** A migrated store in memory, as one process has it. */
export class MemoryStore extends MemoryAdministration implements Store {
  readonly longJournals: MemoryLongJournals;
  readonly #layout: ViewLayout;
  readonly #foldVersion: number;
  readonly #targets: readonly string[];
  readonly #committer: Committer;
  readonly #claims: DeliveryClaims;
  readonly #rebuilds: Rebuilds;

  constructor(connection: Connection, view: ViewShape, targets: readonly string[], foldVersion: number) {
    super(connection);
    this.#layout = new ViewLayout(view);
    this.#foldVersion = foldVersion;
    this.#targets = targets;
    this.#committer = new Committer(connection, this.#layout, targets);
    this.#claims = new DeliveryClaims(connection, this.#layout);
    this.#rebuilds = new Rebuilds(connection, view, targets);
    this.longJournals = new MemoryLongJournals(connection);
  }

  get #table(): string {
    return this.#layout.view.table;
  }

  get generation(): number {
    return this.connection.generation;
  }

  async acquire(partitions: readonly AcquireRequest[]) {
    return acquire(this.connection, this.#table, partitions);
  }

  async halt(partition: TopicPartition, epoch: bigint, reason: string) {
    return halt(this.connection, partition, epoch, reason);
  }

  async commit(batch: IngestBatch) {
    return this.#committer.commit(batch);
  }

  async incarnation() {
    return incarnation(this.connection);
  }

  async remakeView() {
    return remakeView(this.connection, this.#layout.view, this.#foldVersion);
  }

  async readJournals(entityIds: readonly string[], maxEvents?: number) {
    return this.connection.read('read journals', (schema) => journalsOf(schema, entityIds, maxEvents));
  }

  async listJournaled(page: { after: string | null; limit: number }) {
    return listJournaled(this.connection, page);
  }

  async readArrivals(range: ArrivalsRange) {
    return readArrivals(this.connection, range);
  }

  async findEvent(search: EventSearch) {
    return findEvent(this.connection, search);
  }

  async readLastArrivals(entityIds: readonly string[]) {
    return readLastArrivals(this.connection, entityIds);
  }

  async readView(entityIds: readonly string[]) {
    return readView(this.connection, this.#layout, entityIds);
  }

  async listView(page: ViewPage) {
    return listView(this.connection, this.#layout, page);
  }

  async listByDelivery(page: DeliveryKindPage) {
    return listByDelivery(this.connection, page);
  }

  async refusedCounts() {
    return refusedCounts(this.connection, this.#targets);
  }

  async counts() {
    return counts(this.connection, this.#layout);
  }

  async health() {
    try {
      await this.connection.look('SELECT 1', () => null);
      return { ok: true } as const;
    } catch (error) {
      return { ok: false, reason: messageOf(error) } as const;
    }
  }

  async claimDeliveries(request: DeliveryClaimRequest) {
    return this.#claims.claim(request);
  }

  async settleDeliveries(settlements: readonly DeliverySettlement[]) {
    return settle(this.connection, settlements);
  }

  async releaseDeliveries(deliveries: readonly ClaimedDelivery[]) {
    return release(this.connection, deliveries);
  }

  async renewDeliveries(deliveries: readonly ClaimedDelivery[], leaseMs: number) {
    return renew(this.connection, deliveries, leaseMs);
  }

  async listOwed(page: { target: string; after: string | null; limit: number }) {
    return listOwed(this.connection, this.#layout, page);
  }

  async makeDueAgain(again: DueAgain) {
    return makeDueAgain(this.connection, this.#layout, again);
  }

  async makeRepairsDue(repairs: RepairsDue) {
    return makeRepairsDue(this.connection, this.#layout, repairs);
  }

  async noteSender(target: string, sender: string) {
    return noteSender(this.connection, target, sender);
  }

  async readSenders(target: string) {
    return readSenders(this.connection, target);
  }

  async forgetSender(target: string, sender: string) {
    return forgetSender(this.connection, target, sender);
  }

  async readSweep(target: string) {
    return readSweep(this.connection, target);
  }

  async claimSweep(claim: SweepClaim) {
    return claimSweep(this.connection, claim);
  }

  async endSweep(end: { target: string; claimant: string; result: SweepResult | null }) {
    return endSweep(this.connection, end);
  }

  async listEntities(page: { after: string | null; limit: number }) {
    return listEntities(this.connection, this.#layout, this.#targets, page);
  }

  async readEntities(entityIds: readonly string[], maxEvents: number) {
    return readEntities(this.connection, this.#layout, this.#targets, entityIds, maxEvents);
  }

  async readAsArrived(entityIds: readonly string[]) {
    return readAsArrived(this.connection, entityIds);
  }

  async mendLedger(mends: readonly LedgerMend[]) {
    return mendLedger(this.connection, this.#layout, mends);
  }

  async removeUnjournaledRows(entityIds: readonly string[]) {
    return removeUnjournaledRows(this.connection, this.#layout, entityIds);
  }

  async viewState(): Promise<ViewState> {
    const state = await this.connection.read('read the state of the view', (schema) =>
      viewStateOf(schema, this.#table),
    );
    this.#layout.learn(state.columns);
    return state;
  }

  async awaitFold(foldVersion: number) {
    return awaitFold(this.connection, this.#table, foldVersion);
  }

  async beginRebuild(rebuild: NewRebuild) {
    return this.#rebuilds.begin(rebuild);
  }

  async writeRebuilt(rows: RebuiltRows) {
    return writeRebuilt(this.connection, this.#table, rows);
  }

  async listOutdated(page: RangePage) {
    return listOutdated(this.connection, this.#table, page);
  }

  async compareRows(tables: 'rebuilt' | 'former', page: RangePage) {
    return compareRows(this.connection, this.#table, tables, page);
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
    return this.#rebuilds.ledgerOf(entityIds);
  }

  async endSettling(rebuildId: string) {
    return this.#rebuilds.endSettling(rebuildId);
  }

  async dropFormer() {
    return this.#rebuilds.dropFormer();
  }
}
